"""ntadyn train: models of sequences on tasks of recall, text and regression."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say
from ntadyn.cli.starting_point import given_once
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.specs.names import spoken
from ntadyn.training.presets import SIZES, TASKS, preset
from ntadyn.training.spec import MODEL_NAMES, TrainingSpec

if TYPE_CHECKING:
    import xarray as xr

LAYOUT = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} so far, about {remaining} left"
SMALL = "small"


@dataclass(frozen=True)
class Train:
    """Train a model of sequences on a task, several seeds of it, print a table, and write a NetCDF file.

    The learning rate is chosen first, on one seed and on examples held out for this; the table is of other examples.
    Options that begin with --data belong to the task. A training that was stopped goes on with --resume.
    """

    task: Annotated[str, one_of(TASKS)] = "mqar"
    """What is learned: questions about pairs of a key and a value, also where keys are bound anew; the next character
    of a text; regression in context with teachers that switch, the same in all sequences or fresh ones; two texts in
    turns."""
    model: Annotated[str, one_of(MODEL_NAMES)] = TrainingSpec.model
    """The transformer, memories, HOPE, and HOPE without one of its ideas."""
    preset: Annotated[str, one_of(SIZES)] = SMALL
    """Sizes to start from: for two cores, or for a GPU."""
    out: Annotated[Path, tyro.conf.arg(aliases=["--output"])] = Path("training")
    """Folder for training.nc and for what a training goes on from."""
    resume: bool = False
    """Go on with the training that the folder holds; the same options have to be given."""
    device: str | None = None
    """Kind of device, such as cpu or gpu. JAX chooses if omitted."""
    # The options of one spec replace this, see `train_of`.
    specification: tyro.conf.Suppress[tyro.conf.Fixed[Any]] = None

    def run(self) -> int:
        """Train, write, print; 0 if no loss stopped being a number, 1 otherwise."""
        spec = replace(self.specification, model=self.model)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(
                f"train: {spec.model} on {self.task}, {len(spec.rates)} rates, {spec.seeds} seeds, into "
                f"{printable(str(self.out))}"
            )
            spec.check_values()
            wake_jax(self.device)

            from tqdm import tqdm

            from ntadyn.training.run import train

            for line in spec.data.described():
                print(line)
            with tqdm(desc=spec.model, bar_format=LAYOUT) as bar:

                def progress(done: int, total: int) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                dataset = train(spec, folder=folder, resume=self.resume, tell=say, progress=progress)
            dataset = dataset.assign_attrs(task=self.task, preset=self.preset)
            written = storage.write_dataset(dataset, folder / "training.nc")
        print("\n".join(table(dataset)))
        print(f"wrote {written}")
        return int(bool((dataset.result > 0).any()))


def train_of(arguments: Sequence[str]) -> Train:
    """The command for the task and the preset that the arguments name, whose parameters are its options.

    Args:
        arguments: the words of the command line.

    Raises:
        ValueError: if a task is named several times.
    """
    values: dict[str, Any] = {}
    if arguments[:1] == ["train"]:
        for name, known in (("task", TASKS), ("preset", SIZES)):
            given = given_once(name, arguments)
            if given is not None and spoken(given) in known:  # others are refused when the options are read
                values[name] = spoken(given)
    spec = preset(values.get("task", Train.task), values.get("preset", Train.preset))
    hidden = Annotated[TrainingSpec, tyro.conf.arg(name="")]
    kind = make_dataclass("Train", [("specification", hidden, field(default=spec))], bases=(Train,), frozen=True)
    kind.__doc__ = Train.__doc__
    return kind(**values)


def table(dataset: "xr.Dataset") -> list[str]:
    """Means over seeds and their spread, one line per part and measure.

    Args:
        dataset: what `ntadyn.training.train` returned.
    """
    grid = zip(dataset.rate.values, dataset.grid_loss.values, strict=True)
    rates = ", ".join(f"{rate:g}: {loss:.4g}" for rate, loss in grid)
    lines = [
        f"parameters {int(dataset.parameters):,}   state {int(dataset.state_floats):,} floats   steps "
        f"{dataset.sizes['step']:,}   seconds per seed {float(dataset.seconds.mean()):.1f}, compiling "
        f"{float(dataset.compile_seconds):.1f}",
        f"rate {dataset.attrs['rate']:g}   held-out loss of the first seed at every rate: {rates}",
        f"{'part':16}{'measure':20}{'mean':>10}{'spread':>10}   every seed",
    ]
    names = [str(name) for name in dataset if str(name).startswith("test_") and dataset[name].dims == ("seed", "part")]
    names += [name for name in ("forgetting", "backward_transfer") if name in dataset]
    for part in dataset.part.values:
        for name in names:
            values = dataset[name].sel(part=part).values
            spread = f"{values.std(ddof=1):.4f}" if len(values) > 1 else "-"
            every = " ".join(f"{value:.4f}" for value in values)
            lines.append(
                f"{printable(str(part)):16}{name.removeprefix('test_'):20}{values.mean():10.4f}{spread:>10}   {every}"
            )
        if "ngram_bits" in dataset:
            bits = dataset.ngram_bits.sel(part=part)
            pairs = zip(bits.order, bits, strict=True)
            told = "  ".join(f"{int(order)}: {float(value):.3f}" for order, value in pairs)
            lines.append(f"{printable(str(part)):16}n-grams, bits per character by order   {told}")
    for name, axis in (("test_adaptation", "part"), ("gated_adaptation", "learner")):
        if name in dataset:
            curves = dataset[name].mean("seed") if "seed" in dataset[name].dims else dataset[name]
            for label in curves[axis].values:
                at = [index for index in (0, 1, 2, 4, 8, 16, 31) if index < curves.sizes["since_switch"]]
                told = "  ".join(f"{index}: {float(curves.sel({axis: label})[index]):.4f}" for index in at)
                who = "this model" if axis == "part" else f"{label} gates"
                lines.append(f"loss by positions since a switch, {who:16}  {told}")
    return lines
