"""What every row of the ledger says, and what it must come to."""

import math
from dataclasses import dataclass

from experiments.harness.acceptance import Acceptance, at_least, at_most, near, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT


@dataclass(frozen=True)
class Row:
    """One row of the ledger.

    Attributes:
        where: the equation.
        problem: what is wrong with it.
        measured: what the number is.
        printed: what the printed form comes to; a pair is a bound and whether it is a least one.
        ours: what ours comes to, likewise.
        source: where the first of both is from, if it is not printed.
    """

    where: str
    problem: str
    measured: str
    printed: float | tuple[float, bool]
    ours: float | tuple[float, bool]
    source: str = "printed"


THEIRS = "in their code"
LEAST, MOST = True, False
LEDGER = {
    "momentum": Row(
        "eq. 7-8", "W - m with m - eta g ascends", "loss over that at the start", (100.0, LEAST), (0.5, MOST)
    ),
    "inverse step": Row("eq. 10", "eta divides", "step over gradient at eta = 0.1", 5.0, 0.1),
    "hebbian sign": Row("eq. 15-16", "sign of <Mk, v>", "recall after a write", -1.0, 1.0),
    "delta shapes": Row("eq. 22", "g^T g from the left", "does not fit", 1.0, 0.0),
    "deep read-out": Row("eq. 23", "m(u) is no momentum", "distance from momentum, linear m", (0.01, LEAST), 0.0),
    "constant value": Row("eq. 23", "a value of one", "what a change of sign changes, over itself", 0.0, 2.0),
    "Muon's read-out": Row("eq. 24", "m(u) is not Muon", "cosine with Muon", (0.999, MOST), 1.0),
    "descent as a write": Row("eq. 27", "sign of u", "change of <Wx, g>", (0.0, LEAST), (0.0, MOST)),
    "delta descent, step": Row("eq. 28", "no step on x x^T", "factor along x, |x| = 3", -8.0, 0.1),
    "delta descent, solution": Row("eq. 28", "a ridge", "rest over the solution", 0.5, 1.0),
    "terms of a chunk": Row("eq. 31", "C + 1 terms", "gradients counted per step, C = 8", 1 + 7 / 64, 1.0),
    "a chunk as a clock": Row("eq. 31", "a longer step, no slower clock", "way made by a chunk of 8", 0.8, 0.1),
    "both forms of forgetting": Row("long eq. 88, 93", "forgets twice", "recall at rest", 0.5, 1.0),
    "both forms of forgetting, halved": Row("long eq. 88, 93", "forgets twice", "recall at rest, with 1/2", 2 / 3, 1.0),
    "chunk of a token": Row("long eq. 90", "C ceil(t/C)", "tokens that read themselves", 1.0, 0.0),
    "value term": Row("long eq. 92", "sign of the value", "recall after a write", -1.0, 1.0),
    "two momenta": Row("long alg. 1, eq. 75", "nothing is forgotten", "rate after 400 steps over 100", 0.5, 1.0),
    "soft clipping": Row(
        "titans-pytorch 0.5.5, max_grad_norm",
        "lengthens what is short",
        "a gradient of 0.01, clipped at 1",
        0.5 + 0.5 * math.tanh(0.02),
        0.01,
        THEIRS,
    ),
    "slopes of a call": Row(
        "titans-pytorch 0.5.5, batch_size",
        "slopes at the state of a call",
        "recall of a pair written twice",
        2.0,
        1.0,
        THEIRS,
    ),
    "mean of squares": Row(
        "titans-pytorch 0.5.5, eq. 12 of Titans", "a mean over 4 entries", "step over its rate", 0.5, 1.0, THEIRS
    ),
    "slope behind a norm": Row(
        "fla 0.6.0, naive Titans", "parentheses", "sum of a slope over its length", (0.1, LEAST), 0.0, THEIRS
    ),
}


def accept(data: Data) -> list[Acceptance]:
    """Two lines for every row: as printed, and as done here.

    Args:
        data: the ledger.
    """
    ledger = data["ledger"]
    rows = []
    for name, row in LEDGER.items():
        at = ledger.sel(row=name)
        for told, expected, found in ((row.source, row.printed, at.printed), ("ours", row.ours, at.ours)):
            rows.append(_compared(f"{row.where}, {row.problem}: {row.measured}, {told}", expected, float(found)))
    return rows


def _compared(name: str, expected: float | tuple[float, bool], found: float) -> Acceptance:
    if isinstance(expected, tuple):
        bound, least = expected
        return (at_least if least else at_most)(name, bound, single(found), EXACT)
    return near(name, expected, 1e-6, single(found), EXACT)
