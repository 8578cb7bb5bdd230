"""The stored paths of random problems, and how far each can be trusted."""

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.battery import filippov
from tests.battery.problems import EDITION, RECORDS_PER_BLOCK, Problem, draw

FILE = Path(__file__).with_name("references.npz")

# References that move by more than this under other tolerances and another method are not references.
CONVERGED = 1e-7
ACCURATE = filippov.Accuracy("DOP853", 1e-12, 1e-14)
CHECK = filippov.Accuracy("LSODA", 1e-10, 1e-12)


@dataclasses.dataclass(frozen=True)
class Reference:
    """A problem's path.

    Attributes:
        seed: the problem's number.
        gates: at every record, shape (blocks, records, gates), the last record of a block at its end.
        total_map: at the end, shape (d_out, d_in).
        estimate: largest change of gates and map under another method at a hundred times the tolerance.
        digest: the problem's digest when it was solved.
    """

    seed: int
    gates: np.ndarray
    total_map: np.ndarray
    estimate: float
    digest: float

    @property
    def problem(self) -> Problem:
        return draw(self.seed)


def compute(seed: int) -> Reference:
    """Solve a problem twice.

    Raises:
        NotSolved: if it cannot be solved, or not to `CONVERGED`.
    """
    problem = draw(seed)
    path, other = filippov.solve(problem, ACCURATE), filippov.solve(problem, CHECK)
    pairs = (path.gates, other.gates), (path.total_map, other.total_map)
    estimate = max(float(np.max(np.abs(first - second))) for first, second in pairs)
    if not estimate <= CONVERGED:
        raise filippov.NotSolved(f"two ways of solving it differ by {estimate:.1e}")
    return Reference(seed, path.gates, path.total_map, estimate, problem.digest())


def save(references: Sequence[Reference], left_out: dict[int, str], file: Path = FILE) -> None:
    """Write all of them, or leave the file as it is."""
    arrays = {
        "edition": np.array(EDITION),
        "seeds": np.array([reference.seed for reference in references]),
        "estimates": np.array([reference.estimate for reference in references]),
        "digests": np.array([reference.digest for reference in references]),
        "gates": np.concatenate([reference.gates.ravel() for reference in references]),
        "total_maps": np.concatenate([reference.total_map.ravel() for reference in references]),
        "left_out": np.array(list(left_out), np.int64),
        "reasons": np.array(list(left_out.values()), np.str_),
    }
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as temporary:
        try:
            np.savez_compressed(temporary, **arrays)
            temporary.close()
            Path(temporary.name).chmod(0o644)
            Path(temporary.name).replace(file)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise


@functools.cache
def load(file: Path = FILE) -> tuple[Reference, ...]:
    """All stored references, in the order of their seeds.

    Raises:
        ValueError: if they belong to another edition of the problems.
    """
    with np.load(file) as stored:
        if stored["edition"] != EDITION:
            raise ValueError(
                f"{file.name} holds edition {stored['edition']} where the problems are edition {EDITION}; make it anew "
                f"with python -m tests.battery.make_references."
            )
        arrays = {name: stored[name] for name in ("seeds", "estimates", "digests", "gates", "total_maps")}
    gates, maps = _Reader(arrays["gates"]), _Reader(arrays["total_maps"])
    references = []
    for seed, estimate, digest in zip(arrays["seeds"], arrays["estimates"], arrays["digests"], strict=True):
        problem = draw(int(seed))
        shape = (len(problem.durations), RECORDS_PER_BLOCK + 1, problem.gates.size)
        path = gates.next(shape), maps.next(problem.teachers.shape[1:])
        references.append(Reference(int(seed), *path, float(estimate), float(digest)))
    return tuple(references)


def left_out(file: Path = FILE) -> dict[int, str]:
    """The seeds without a reference, and why."""
    with np.load(file) as stored:
        return {int(seed): str(reason) for seed, reason in zip(stored["left_out"], stored["reasons"], strict=True)}


class _Reader:
    """Arrays one after the other out of a flat one."""

    def __init__(self, flat: np.ndarray):
        self.flat, self.position = flat, 0

    def next(self, shape: tuple[int, ...]) -> np.ndarray:
        start, self.position = self.position, self.position + int(np.prod(shape))
        return self.flat[start : self.position].reshape(shape)
