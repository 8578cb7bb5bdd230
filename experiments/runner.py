"""Run a figure: simulate, write data, draw, compare with what is expected, print the table."""

import dataclasses
import enum
import importlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import xarray as xr
from matplotlib.figure import Figure

from experiments import FIGURES
from experiments.acceptance import Acceptance, Verdict, all_accepted, table
from ntadyn import storage
from ntadyn.plotting.style import save_figure
from ntadyn.provenance import provenance

Data = dict[str, xr.Dataset]


class Experiment(Protocol):
    """What a figure's module has to offer.

    It may also have `online(parameters)`, the same run on finite batches, and `with_reference(parameters, folder)`, the
    same run followed by a comparison with published arrays; both return parameters.
    """

    PARAMETERS: Any
    FAST: Any

    def run(self, parameters: Any) -> Data:
        """Simulate."""
        ...

    def plot(self, data: Data) -> Figure:
        """Draw."""
        ...

    def accept(self, data: Data) -> list[Acceptance]:
        """Compare."""
        ...


@dataclass(frozen=True)
class Request:
    """How figures should be run.

    Attributes:
        out: folder for pictures, data and acceptance numbers.
        fast: the quick parameters in place of the full ones.
        online: finite batches in place of the population flow.
        reference: folder with published arrays, or None.
    """

    out: Path
    fast: bool = False
    online: bool = False
    reference: Path | None = None


def run_figures(names: Sequence[str], request: Request) -> bool:
    """Run some figures one after the other.

    Args:
        names: of modules listed in `experiments.FIGURES`.
        request: how.

    Returns:
        Whether every number of every figure was within its tolerance.

    Raises:
        ValueError: before any work, for an unknown figure, an option that a figure lacks, or folders that do not serve.
    """
    if not names:
        raise ValueError(f"no figure was named; choose from {sorted(FIGURES)}.")
    plans = [(*_plan(name, request),) for name in names]
    folder = storage.output_folder(request.out)
    return all([_run_figure(module, parameters, folder / stem) for stem, module, parameters in plans])


def _plan(name: str, request: Request) -> tuple[str, Experiment, Any]:
    """File stem, module and parameters."""
    if name not in FIGURES:
        raise ValueError(f"there is no figure {name!r}; choose from {sorted(FIGURES)}.")
    module: Any = importlib.import_module(f"experiments.{name}")
    parameters = module.FAST if request.fast else module.PARAMETERS
    stem = name
    if request.online:
        if not hasattr(module, "online"):
            raise ValueError(f"{name} has no version on finite batches; leave out --online.")
        parameters, stem = module.online(parameters), f"{name}_online"
    if request.reference is not None and hasattr(module, "with_reference"):
        parameters = module.with_reference(parameters, request.reference)
    return stem, module, parameters


def _run_figure(module: Experiment, parameters: Any, target: Path) -> bool:
    """Everything about one figure; files are named after `target`."""
    began = time.perf_counter()
    data = module.run(parameters)
    seconds = time.perf_counter() - began
    origin = provenance()
    for name, dataset in data.items():
        storage.write_dataset(dataset.assign_attrs(origin), target.with_name(f"{target.name}_{name}.nc"))
    rows = module.accept(data)
    written = save_figure(module.plot(data), target)
    written.append(write_acceptance(rows, parameters, origin, target.with_name(f"{target.name}_acceptance.json")))
    print(f"{target.name}: simulated in {seconds:.0f} s")
    print(table(rows))
    print("\n".join(f"wrote {path}" for path in written), flush=True)
    jax.clear_caches()  # figures share no compiled program, and each keeps hundreds of megabytes of them
    return all_accepted(rows)


def write_acceptance(rows: Sequence[Acceptance], parameters: Any, origin: dict[str, str], target: Path) -> Path:
    """Write the rows with everything that made them.

    Args:
        rows: acceptance numbers.
        parameters: the dataclass that the figure ran with, its seed included.
        origin: provenance.
        target: the JSON file.

    Returns:
        The file.

    Raises:
        OSError: if it cannot be written.
    """
    verdict = Verdict.PASSED if all_accepted(rows) else Verdict.OUTSIDE
    document = {
        "verdict": verdict.name,
        "parameters": dataclasses.asdict(parameters),
        "provenance": origin,
        "acceptance": [row.as_record() for row in rows],
    }
    with storage.writing(target) as temporary:
        temporary.write_text(json.dumps(document, indent=2, allow_nan=False, default=_text) + "\n")
    return target


def _text(value: Any) -> str:
    return value.name if isinstance(value, enum.Enum) else str(value)
