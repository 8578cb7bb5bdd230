"""Run one experiment: obtain its runs, compare with what is expected, draw, and write the acceptance numbers last."""

import importlib
import json
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import matplotlib
from matplotlib.figure import Figure

from experiments.harness.acceptance import Acceptance, Verdict, all_accepted, table
from experiments.harness.plain import plain
from experiments.harness.progress import say
from experiments.harness.registry import module_name
from experiments.harness.results import ACCEPTANCE, FAILURE, RUNS, with_ending
from experiments.harness.runs import Data, Run, computed, obtained
from experiments.harness.verdicts import text_of
from ntadyn.compilation_cache import keep_programs
from ntadyn.plotting.style import save_figure
from ntadyn.results import storage
from ntadyn.results.provenance import provenance
from ntadyn.xla_options import compile_whole_loops, has_started


class Experiment(Protocol):
    """What the module of an experiment has to offer.

    It may also have `online(parameters)`, the same on finite batches, or what of it is on batches in any case, and
    `with_reference(parameters, folder)`, the same followed by a comparison with published arrays, and
    `with_trials(parameters, file)`, the same beside people's trials, and `with_images(parameters, folder)`, the same on
    images that somebody gives; all return parameters. A module without `online` is deterministic.
    """

    PARAMETERS: Any
    FAST: Any

    def runs(self, parameters: Any) -> Sequence[Run]:
        """What is simulated."""
        ...

    def plot(self, data: Data) -> Figure:
        """Draw."""
        ...

    def accept(self, data: Data) -> list[Acceptance]:
        """Compare."""
        ...


@dataclass(frozen=True)
class Variant:
    """Which parameters of a module are run, and where the results go.

    Attributes:
        out: folder for pictures, acceptance numbers and runs.
        fast: the quick parameters in place of the full ones.
        online: finite batches in place of the population flow.
        reference: folder with published arrays, or None.
        trials: file with trials of people, or None.
        images: folder with images in IDX form, or None.
        since: seconds since the epoch; runs that are older are computed again.
    """

    out: Path
    fast: bool = False
    online: bool = False
    reference: Path | None = None
    trials: Path | None = None
    images: Path | None = None
    since: float = 0.0


@dataclass(frozen=True)
class Job:
    """One experiment to run.

    Attributes:
        name: of the experiment.
        variant: how.
        code: `code_version` of its module, to be written into the result.
    """

    name: str
    variant: Variant
    code: str

    @property
    def target(self) -> Path:
        """Folder and stem of all files of the result."""
        return self.variant.out / (f"{self.name}_online" if self.variant.online else self.name)


def prepare() -> None:
    """Set this process up as every experiment expects it, before its module is imported.

    64 bits, loops that are compiled whole, programs that are kept, no windows.
    """
    jax.config.update("jax_enable_x64", True)
    if not has_started():  # as it has where another program calls this
        compile_whole_loops()
    keep_programs()
    matplotlib.use("Agg")


def module_of(name: str) -> Experiment:
    """The module of an experiment; it may raise whatever an import can raise."""
    module: Any = importlib.import_module(module_name(name))
    return module


def runs_on_batches(module: Any) -> bool:
    """Whether a module has a version on finite batches, or no other."""
    return hasattr(module, "online")


def parameters_of(module: Any, variant: Variant) -> Any:
    """The parameters that a variant asks for.

    Raises:
        ValueError: for finite batches where there are none, or published arrays that are not there.
    """
    parameters = module.FAST if variant.fast else module.PARAMETERS
    if variant.online:
        if not runs_on_batches(module):
            name = module.__name__.rpartition(".")[2]
            raise ValueError(f"{name} is deterministic: it has no noise; leave out --online, or this experiment.")
        parameters = module.online(parameters)
    if variant.reference is not None and hasattr(module, "with_reference"):
        parameters = module.with_reference(parameters, variant.reference)
    if variant.trials is not None and hasattr(module, "with_trials"):
        parameters = module.with_trials(parameters, variant.trials)
    if variant.images is not None and hasattr(module, "with_images"):
        parameters = module.with_images(parameters, variant.images)
    return parameters


def simulated(module: Any, parameters: Any) -> Data:
    """The data of an experiment, computed here and now and kept nowhere.

    Args:
        module: of the experiment.
        parameters: of the module.
    """
    return computed(module.runs(parameters))


def attempt(job: Job) -> bool:
    """Run an experiment; an error is written beside the results, printed, and does not leave this function.

    Args:
        job: what to run.

    Returns:
        Whether it ran to the end, whatever its numbers are.
    """
    report = with_ending(job.target, FAILURE)
    try:
        report.unlink(missing_ok=True)
        _run(job)
    except Exception:
        text = traceback.format_exc()
        print(f"{job.target.name} failed:\n{text}", file=sys.stderr, flush=True)
        with suppress(OSError), storage.writing(report) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return False
    finally:
        jax.clear_caches()  # experiments share no compiled program, and each keeps hundreds of megabytes of them
    return True


def _run(job: Job) -> None:
    def tell(line: str) -> None:
        say(f"  {job.target.name}: {line}")

    clock = _Clock()
    prepare()
    text, module = text_of(job.name), module_of(job.name)
    parameters = parameters_of(module, job.variant)
    runs = module.runs(parameters)
    clock.lap("import")
    data = obtained(runs, job.variant.out / RUNS, job.variant.since, tell)
    clock.lap("run")
    # From here on the files of an earlier result are replaced, so its numbers no longer belong to them.
    with_ending(job.target, ACCEPTANCE).unlink(missing_ok=True)
    rows = module.accept(data)
    clock.lap("accept")
    written = save_figure(module.plot(data), job.target)
    clock.lap("plot")
    document = {
        "experiment": job.name,
        "verdict": (Verdict.PASSED if all_accepted(rows) else Verdict.OUTSIDE).name,
        "fast": job.variant.fast,
        "online": job.variant.online,
        "parameters": plain(parameters),
        "code": job.code,
        "provenance": provenance(),
        "seconds": clock.laps | clock.totals(),
        "files": [path.name for path in written],
        "runs": [f"{RUNS}/{run.place}" for run in runs],
        "acceptance": [row.as_record() for row in rows],
    }
    write_acceptance(document, with_ending(job.target, ACCEPTANCE))
    stated = text.misses(job.variant.fast, job.variant.online) if text is not None else {}
    say(f"\n{job.target.name}\n{_indented(table(rows, stated))}\n")


def write_acceptance(document: dict[str, Any], target: Path) -> None:
    """Write the rows of an experiment with everything that made them.

    Raises:
        OSError: if it cannot be written; what was there before is untouched then.
    """
    with storage.writing(target) as temporary:
        temporary.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


class _Clock:
    """Seconds since the last lap, by name, and since the beginning: by the wall and of all cores together."""

    def __init__(self) -> None:
        self.began = self.last = time.perf_counter()
        self.cores_began = time.process_time()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self.last = round(now - self.last, 2), now

    def totals(self) -> dict[str, float]:
        cores = time.process_time() - self.cores_began
        return {"total": round(time.perf_counter() - self.began, 2), "cores": round(cores, 2)}


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
