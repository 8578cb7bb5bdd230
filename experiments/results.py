"""What a run of a figure has left behind in a folder, read back."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.acceptance import Verdict

ACCEPTANCE = "_acceptance.json"
FAILURE = "_failure.txt"


@dataclass(frozen=True)
class Result:
    """A complete result: its acceptance document, which was written after everything else.

    Attributes:
        target: the folder and the stem that all files of this result begin with.
        document: what `experiments.runner` wrote.
    """

    target: Path
    document: Mapping[str, Any]

    @property
    def accepted(self) -> bool:
        """Whether no number is outside its tolerance."""
        return self.document["verdict"] == Verdict.PASSED.name

    @property
    def counts(self) -> Counter[Verdict]:
        """How many numbers there are of each verdict."""
        return Counter(Verdict[row["verdict"]] for row in self.document["acceptance"])

    @property
    def seconds(self) -> float:
        """How long the run took, from the import of its module to the last file; NaN where it was not written down."""
        return float(self.document.get("seconds", {}).get("total", "nan"))

    def is_of(self, parameters: Mapping[str, Any], code: str) -> bool:
        """Whether a new run with these parameters, by this version of the code, could only repeat it."""
        return self.document["parameters"] == parameters and self.document.get("code") == code


def find_result(target: Path) -> Result | None:
    """The result of this stem, or None if there is none, or not all of it.

    Args:
        target: folder and stem.
    """
    path = with_ending(target, ACCEPTANCE)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        files = [target.with_name(name) for name in document["files"]]
        complete = {"verdict", "parameters", "acceptance", "provenance"} <= set(document)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Result(target, document) if complete and all(file.is_file() for file in files) else None


def failure(target: Path) -> str | None:
    """The traceback of the last run of this stem, if that run failed."""
    path = with_ending(target, FAILURE)
    return path.read_text(encoding="utf-8") if path.is_file() else None


def with_ending(target: Path, ending: str) -> Path:
    """The file of a stem that ends so."""
    return target.with_name(f"{target.name}{ending}")
