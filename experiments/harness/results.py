"""What an experiment has left behind in a folder, read back."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.harness.acceptance import Acceptance, Verdict, all_accepted, cells

ACCEPTANCE = "_acceptance.json"
FAILURE = "_failure.txt"
RUNS = "runs"  # folder of the simulations


@dataclass(frozen=True)
class Result:
    """A complete result: its acceptance document, which was written after everything else.

    Attributes:
        target: the folder and the stem that all files of this result begin with.
        document: what `experiments.harness.runner` wrote.
    """

    target: Path
    document: Mapping[str, Any]

    @property
    def rows(self) -> list[Acceptance]:
        """All numbers."""
        return [Acceptance.from_record(record) for record in self.document["acceptance"]]

    @property
    def fast(self) -> bool:
        """Whether it was a quick run."""
        return bool(self.document.get("fast"))

    @property
    def online(self) -> bool:
        """Whether it was run on batches by request."""
        return bool(self.document.get("online"))

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


class DamagedError(ValueError):
    """An acceptance file is there, but what it holds is not what `experiments.harness.runner` writes."""


def read_result(target: Path) -> Result | None:
    """The result of this stem, or None if there is none, or not all of it.

    Args:
        target: folder and stem.

    Raises:
        DamagedError: if the acceptance file cannot be read, or holds something else.
    """
    path = with_ending(target, ACCEPTANCE)
    if not os.path.lexists(path):
        return None
    try:
        if not path.is_file():
            raise ValueError("it is not a file")
        document = json.loads(path.read_text(encoding="utf-8"))
        _check(document)
    except KeyError as error:
        raise DamagedError(f"{path.name} lacks {error}.") from error
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{path.name} is damaged: {error}.") from error
    complete = all(target.with_name(name).is_file() for name in document["files"])
    return Result(target, document) if complete else None


def find_result(target: Path) -> Result | None:
    """As `read_result`, with a damaged result taken for none."""
    try:
        return read_result(target)
    except DamagedError:
        return None


def _check(document: Any) -> None:
    """Refuse whatever a reader of results would stumble over.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: for the first thing that is wrong.
    """
    for name, kind in (("files", list), ("acceptance", list), ("parameters", dict), ("provenance", dict)):
        if not isinstance(document[name], kind):
            raise TypeError(f"{name!r} is {document[name]!r}")
    seconds = document.get("seconds", {})
    if not all(isinstance(value, int | float) for value in seconds.values()):
        raise TypeError(f"'seconds' are {seconds!r}")
    texts = [*document["files"], *document.get("runs", []), *document["provenance"].values(), document.get("code", "")]
    texts += [record[name] for record in document["acceptance"] for name in ("name", "note")]
    texts += [record.get("source", "") for record in document["acceptance"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{next(text for text in texts if not isinstance(text, str))!r} should be text")
    if any(Path(name).name != name for name in document["files"]):
        raise ValueError(f"'files' are {document['files']}, which are not all in this folder")
    rows = [Acceptance.from_record(record) for record in document["acceptance"]]
    for row, record in zip(rows, document["acceptance"], strict=True):
        cells(row)
        if row.verdict.name != record["verdict"]:
            raise ValueError(f"{row.name!r} is said to be {record['verdict']!r}, but {row.measured.value} is not")
    if (document["verdict"] == Verdict.PASSED.name) != all_accepted(rows):
        raise ValueError(f"its verdict is {document['verdict']!r}, but those of its numbers say otherwise")


def failure(target: Path) -> str | None:
    """The traceback of the last run of this stem, if that run failed."""
    path = with_ending(target, FAILURE)
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def with_ending(target: Path, ending: str) -> Path:
    """The file of a stem that ends so."""
    return target.with_name(f"{target.name}{ending}")
