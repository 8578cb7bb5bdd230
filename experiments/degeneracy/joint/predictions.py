"""What was predicted before the runs: read from a file that may not change after them."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("predictions.toml")
# Of the file as it was committed before the first run. Another file is other predictions: a version of its own.
DIGEST = "c1f9d30fd8298eccceb0719f03221bf4230b03eff3fb87409675aa738bf764e3"


@dataclass(frozen=True)
class Prediction:
    """One prediction.

    Attributes:
        id: of the experiment and a letter.
        says: what is predicted.
        expected: the interval that the number should be in.
        rule: the name of the rule of the verdict, see `verdicts`.
        over: the parameter it is swept over, or "".
        why: where the number and its tolerance are from.
    """

    id: str
    says: str
    expected: tuple[float, float]
    rule: str
    over: str
    why: str


@dataclass(frozen=True)
class Frozen:
    """All predictions.

    Attributes:
        predictions: by their id.
        sweeps: the values of every parameter that predictions are swept over.
    """

    predictions: dict[str, Prediction]
    sweeps: dict[str, tuple[float, ...]]

    def of(self, experiment: str) -> list[Prediction]:
        """Those of one experiment, "E1" for example."""
        return [each for each in self.predictions.values() if each.id.startswith(f"{experiment}.")]


def frozen(file: Path = FILE) -> Frozen:
    """The predictions.

    Args:
        file: with them.

    Raises:
        ValueError: if the file was changed since it was committed.
    """
    content = file.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != DIGEST:
        raise ValueError(
            f"{file.name} is not the file that was committed before the runs: its digest is {found[:8]} where "
            f"{DIGEST[:8]} was frozen. Predictions are not changed; write down new ones in a file of their own."
        )
    read: dict[str, Any] = tomllib.loads(content.decode())
    listed = [Prediction(**{**each, "expected": tuple(each["expected"])}) for each in read["prediction"]]
    return Frozen({each.id: each for each in listed}, {name: tuple(row) for name, row in read["sweeps"].items()})


CUTOFFS, GAPS, RESOLUTIONS, LOCALISATIONS = (
    frozen().sweeps[name] for name in ("cutoff", "gap", "resolution", "localisation")
)
