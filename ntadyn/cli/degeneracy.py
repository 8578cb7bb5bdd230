"""ntadyn degeneracy: learning coefficients of what a simulation ends in, or what it is made of."""

import enum
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.progress import say
from ntadyn.results.text import printable
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.names import known_as
from ntadyn.specs.places import Measured, Places
from ntadyn.specs.presets import SIMULATIONS

if TYPE_CHECKING:
    import xarray as xr

    from ntadyn.degeneracy.samplers import AbstractSampler


class Chains(enum.Enum):
    """Samplers of the law around a point."""

    NUTS = "Hamiltonian trajectories"
    MALA = "Langevin steps with a test"


_OF_SAMPLING = ("of", "inverse_temperature", "localisation", "chains", "draws", "keep")
"""Options that `--basis` has no use for."""


@dataclass(frozen=True)
class Degeneracy:
    """Measure how degenerate the end of a simulation is, and the ends of its blocks: learning coefficients.

    The simulation is run again from a preset, or from the configuration in a file that `ntadyn simulate` wrote, in
    weight space. A point is the weights together with the gates that every task had last. Estimates that are not to be
    trusted say why, and are drawn hollow. With --basis the network is taken apart instead.
    """

    what: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE_OR_PRESET")] = tyro.MISSING
    """A preset, or a NetCDF file of a simulation."""
    out: Path = Path("degeneracy")
    """Folder for degeneracy.nc, degeneracy.png and degeneracy.pdf."""
    seeds: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Repetitions of the simulation."""
    blocks: tuple[int, ...] = ()
    """Blocks, counted from 1, at whose ends to measure; if omitted 1, 2, 4, 8, ... and the last."""
    of: Measured = Measured.BEHAVIOURAL
    """Which loss: how differently all tasks are done than at the point, or how badly, with penalties."""
    inverse_temperature: float = 1e4
    """At the ends of blocks; the curve has temperatures of its own."""
    localisation: float = 100.0
    """How tightly points are held; curvatures below localisation / inverse temperature count as flat."""
    chains: Chains = Chains.NUTS
    """Sampler."""
    draws: Annotated[int, tyro.conf.arg(metavar="N")] = 300
    """Draws of each of four chains, after as many of warm-up."""
    keep: Path | None = None
    """Folder in which to keep what is done, so that the same command goes on there after it was stopped."""
    basis: bool = False
    """Take the network apart instead: Interaction Basis, graph by tasks and its modules, and what explains directions
    that change nothing. Writes basis.nc, basis.png and basis.pdf. Options of sampling have no place here."""

    def run(self) -> int:
        """Simulate, measure, write, draw; 0 if every estimate is trusted, or every basis preserved, 1 otherwise."""
        return self._take_apart() if self.basis else self._sample()

    def _take_apart(self) -> int:
        if changed := [name for name in _OF_SAMPLING if getattr(self, name) != getattr(Degeneracy, name)]:
            options = ", ".join("--" + name.replace("_", "-") for name in changed)
            raise ValueError(f"--basis samples nothing, and {options} belongs to sampling; leave one of them out.")
        configuration, name = self._configuration()
        if self.seeds < 1:
            raise ValueError(f"--seeds is {self.seeds}; give at least 1.")
        if importlib.util.find_spec("sknetwork") is None:
            raise ValueError('searches for modules come with scikit-network: `pip install "ntadyn[degeneracy]"`.')

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"basis: {self.seeds} repetitions of {printable(name)}, into {printable(str(self.out))}")
            wake_jax()

            from tqdm import tqdm

            from ntadyn.plotting.interaction import interaction_figure
            from ntadyn.plotting.style import save_figure
            from ntadyn.specs.interaction import interaction

            with tqdm(desc="simulating and taking apart", unit="block", bar_format=LAYOUT) as bar:

                def progress(done: int, of: int) -> None:
                    bar.total = of
                    bar.update(done - bar.n)

                dataset = interaction(configuration, Places(self.seeds, self.blocks or None), progress)
            written = [storage.write_dataset(dataset, folder / "basis.nc")]
            written += save_figure(interaction_figure(dataset), folder / "basis")
        print("\n".join(basis_table(dataset)))
        for path in written:
            print(f"wrote {path}")
        return int(not bool(dataset.preserved.all()))

    def _sample(self) -> int:
        configuration, name = self._configuration()
        if self.seeds < 1 or self.draws < 4:
            raise ValueError(f"--seeds is {self.seeds} and --draws is {self.draws}; give at least 1, and at least 4.")

        if importlib.util.find_spec("blackjax") is None:
            raise ValueError('samplers come with BlackJAX; install it by `pip install "ntadyn[degeneracy]"`.')

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"degeneracy: {self.seeds} repetitions of {printable(name)}, into {printable(str(self.out))}")
            wake_jax()

            from tqdm import tqdm

            from ntadyn.degeneracy.coefficient import Running, Settings
            from ntadyn.plotting.degeneracy import degeneracy_figure
            from ntadyn.plotting.style import save_figure
            from ntadyn.specs.degeneracy import degeneracy

            places = Places(self.seeds, self.blocks or None, loss=self.of)
            settings = Settings(self.inverse_temperature, self.localisation, self._sampler())
            with tqdm(desc="simulating and sampling", unit="part", bar_format=LAYOUT) as bar:

                def progress(done: int, of: int) -> None:
                    bar.total = of
                    bar.update(done - bar.n)

                dataset = degeneracy(configuration, places, settings, Running(progress, self.keep))
            written = [storage.write_dataset(dataset, folder / "degeneracy.nc")]
            written += save_figure(degeneracy_figure(dataset), folder / "degeneracy")
        print("\n".join(table(dataset)))
        for path in written:
            print(f"wrote {path}")
        return int(not (bool(dataset.trusted.all()) and bool(dataset.curve_trusted.all())))

    def _configuration(self) -> tuple[Configuration, str]:
        if not Path(self.what).is_file():
            name = known_as(self.what, SIMULATIONS, "preset, nor a file")
            return SIMULATIONS[name](), name

        from ntadyn.results.result_file import read_result
        from ntadyn.specs.reading import from_json

        dataset = read_result(Path(self.what)).dataset
        return from_json(Configuration, dataset.attrs.get("configuration", "null")), self.what

    def _sampler(self) -> "AbstractSampler":
        from ntadyn.degeneracy.samplers import MALA, NUTS

        kind = {Chains.NUTS: NUTS, Chains.MALA: MALA}[self.chains]
        return kind(num_warm_up=self.draws, num_draws=self.draws)  # pyright: ignore[reportCallIssue]


LAYOUT = "{desc}: {percentage:3.0f}% |{bar}| {elapsed} so far, about {remaining} left"
_HEAD = ("block", "t", "coefficient", "error", "effective", "excess", "limit", "cutoff", "status")


def table(dataset: "xr.Dataset") -> list[str]:
    """Every estimate as a line, the first repetition first.

    Args:
        dataset: of `ntadyn.specs.degeneracy.degeneracy`.
    """
    import numpy as np

    lines = [f"{dataset.attrs['measured']} loss, {int(dataset.dimension.values.flat[0])} parameters"]
    rows = []
    last = int(dataset.block.values[-1])
    for seed in dataset.seed.values:
        one = dataset.sel(seed=seed)
        limits = one.limit.values if "limit" in one else np.full(one.sizes["block"], np.nan)
        rows += [_row(one.isel(block=at), "", int(one.block[at]), limits[at]) for at in range(one.sizes["block"])]
        rows += [_row(one.sel(over_temperature=t), "curve_", last, limits[-1]) for t in one.over_temperature.values]
    return [*lines, *_aligned([_HEAD, *rows])]


_BASIS_HEAD = ("block", "rank", "modularity", "best", "chance", "separation", "null", "unexplained", "lost", "status")


def basis_table(dataset: "xr.Dataset") -> list[str]:
    """Every block of every repetition as a line, the first repetition first.

    Args:
        dataset: of `ntadyn.specs.interaction.interaction`.
    """
    rows: list[tuple[str, ...]] = [_BASIS_HEAD]
    for seed in dataset.seed.values:
        for block in dataset.block.values:
            one = dataset.sel(seed=seed, block=block)
            rows.append(
                (
                    str(int(block)),
                    f"{int(one.interaction_rank)}",
                    f"{float(one.modularity.sel(gap=dataset.attrs['gap'])):.3f}",
                    f"{float(one.best_modularity):.3f}",
                    f"{float(one.null_modularity):.3f} ± {float(one.null_modularity_deviation):.3f}",
                    f"{float(one.separation):.3f}",
                    str(int(one.parameters - one["rank"])),
                    str(int(one.unexplained)),
                    f"{float(one.lost):.1e}",
                    "PRESERVED" if bool(one.preserved) else "NOT_PRESERVED",
                )
            )
    return _aligned(rows)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(word.rjust(width) for word, width in zip(row, widths, strict=True)) for row in rows]


def _row(one: "xr.Dataset", prefix: str, block: int, limit: float) -> tuple[str, ...]:
    def number(name: str) -> float:
        return float(one[prefix + name])

    return (
        str(block),
        f"{number('inverse_temperature'):g}",
        f"{number('value'):.2f}",
        f"{number('error'):.2f}",
        f"{number('effective_dimension'):.2f}",
        f"{number('singular_excess'):+.2f}",
        f"{limit:g}",
        f"{number('cutoff'):.2g}",
        str(one[prefix + "status"].values),
    )
