"""The tiles of a sweep, ready to be computed one by one, in any order and by any thread."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import jax
import numpy as np
import xarray as xr

from ntadyn.simulation.native.kernel_steps import AbstractKernelSteps
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration
from ntadyn.sweeps.doubt import checks_of
from ntadyn.sweeps.fingerprint import fingerprint
from ntadyn.sweeps.layout import lay_out_sweep
from ntadyn.sweeps.plan import Sweep
from ntadyn.sweeps.program import Program, Work, check_program, run_program
from ntadyn.sweeps.programs import Programs, Stopwatch
from ntadyn.sweeps.scores import Measures, with_bars
from ntadyn.sweeps.structure import Structure, Tile
from ntadyn.sweeps.suiting_measures import check_measures, measures_for
from ntadyn.sweeps.surroundings import Device, surroundings


@dataclass
class TiledSweep:
    """A sweep cut into tiles.

    Attributes:
        sweep: what to run.
        measures: what to keep.
        tiles: what is computed at once.
        most_checked: cells of a group that are checked at most; the others are padded to so many.
        programs: what has been compiled; parts of one sweep, and sweeps with the same measures, may share it.
        computed: how many trajectories were computed, and not found in a folder.
        waited: how long some thread has waited for a program while tiles were computed.
    """

    sweep: Sweep
    measures: Measures
    tiles: tuple[Tile, ...]
    most_checked: int
    programs: Programs = field(default_factory=Programs)
    computed: int = 0
    waited: Stopwatch = field(default_factory=Stopwatch)

    def __post_init__(self):
        self._keys = building.keys_of(self.sweep.seeds, self.sweep.repetitions())

    @classmethod
    def make(
        cls,
        sweep: Sweep,
        measures: Measures | None = None,
        cells: Sequence[int] | None = None,
        programs: Programs | None = None,
    ) -> "TiledSweep":
        """Check a sweep and cut it.

        Args:
            sweep: what to run.
            measures: what to keep; what suits the system if omitted.
            cells: some of its cells; all if omitted.
            programs: those of another part of the same sweep, or of one with the same measures.

        Raises:
            ValueError: before any compilation, for anything that cannot be built or run.
        """
        sweep.check_values()
        if measures is None:
            measures = measures_for(sweep)
        else:
            check_measures(sweep, measures)
        by_gates, by_scores = (set(checks_of(measures, kind).descriptions) for kind in (True, False))
        sweep.check_names((*measures.scores, *by_gates, *by_scores))
        tiles = lay_out_sweep(sweep, cells)
        if any(isinstance(method := tile.structure.method, AbstractKernelSteps) and method.barred for tile in tiles):
            measures = with_bars(measures)
        added = set().union(*(by_gates if tile.structure.by_gates else by_scores for tile in tiles))
        if sweep.check > 0 and (twice := sorted(added & set(measures.scores))):
            raise ValueError(f"check adds {sorted(added)}, but scores are called {twice}, too; give them other names.")
        most_checked = max((len(_checked(group, sweep.check)) for tile in tiles for group in tile.groups), default=0)
        return cls(sweep, measures, tiles, most_checked, Programs() if programs is None else programs)

    def num_trajectories(self, tile: int) -> int:
        """Trajectories of a tile, without those that only check others."""
        return len(self.tiles[tile].cells) * len(self.sweep.repetitions())

    def identity(self, devices: Sequence[Device] = ()) -> dict:
        """All that the numbers of the tiles depend on, as plain values.

        Args:
            devices: what computes them; JAX's local devices if empty.
        """
        tiles = [
            [(group, schedule.num_steps) for group, schedule in zip(tile.groups, tile.schedules, strict=True)]
            for tile in self.tiles
        ]
        cut = hashlib.sha256(repr(tiles).encode()).hexdigest()
        return self.sweep.identity() | {
            "spec": fingerprint(type(self.sweep.configuration)),
            "measures": self.measures.identity(),
            "computed by": surroundings(devices),
            "cells and steps of tiles": cut,
            "stepped by": self.stepped_by,
        }

    @property
    def stepped_by(self) -> list[str]:
        """What takes the steps, in words, with its version where it is not one of `surroundings`."""
        return sorted({tile.structure.method.backend() for tile in self.tiles})

    def compute(self, number: int, device: Device | None = None) -> xr.Dataset:
        """Run a tile.

        Args:
            number: which one.
            device: where to run; JAX's default device if omitted.

        Returns:
            Variables along "cell" and "seed", with the number of every cell as the coordinate "cell".
        """
        tile = self.tiles[number]
        found = self._call(False, tile.structure, tile, device)
        if self.sweep.check > 0:
            found |= self._checks(tile, device)
        cells = ("cell", np.asarray(tile.cells, np.int32))
        return xr.Dataset({name: (_dims(name, value), value) for name, value in found.items()}, {"cell": cells})

    def _checks(self, tile: Tile, device: Device | None) -> dict[str, np.ndarray]:
        """What finer steps and another start change, where that is looked at; NaN elsewhere."""
        names = checks_of(self.measures, tile.structure.by_gates).descriptions
        found = {name: np.full((len(tile.cells), self._keys.data.shape[0]), np.nan) for name in names}
        checked = (_checked(group, self.sweep.check) for group in tile.groups)
        pairs = [(group, schedule) for group, schedule in zip(checked, tile.schedules, strict=True) if group]
        if pairs:
            structure = dataclasses.replace(tile.structure, num_cells=self.most_checked)
            part = Tile(structure, *zip(*pairs, strict=True))
            rows = np.flatnonzero(np.isin(tile.cells, part.cells))
            for name, errors in self._call(True, structure, part, device).items():
                found[name][rows] = errors
        return found

    def _call(self, checks: bool, structure: Structure, tile: Tile, device: Device | None) -> dict[str, np.ndarray]:
        with self.waited.running():
            compiled, arguments = self._compiled(checks, structure, tile, device)
        rows = _rows(tile.groups, structure.num_cells)
        return {name: _unpadded(np.asarray(value), rows) for name, value in compiled(*arguments).items()}

    def compile(self, device: Device | None = None) -> None:
        """Compile what the tiles will need, or load it, so that a thread may do so ahead of time.

        Args:
            device: where they will run; JAX's default device if omitted.
        """
        for structure, tile in {repr(tile.structure): (tile.structure, tile) for tile in self.tiles}.values():
            self._compiled(False, structure, tile, device)

    def _compiled(
        self, checks: bool, structure: Structure, tile: Tile, device: Device | None
    ) -> tuple[Callable[..., dict], tuple]:
        """A program and what it is called with."""
        work = Work.of(self.sweep, structure, tile.groups, tile.schedules, device)
        arguments = (work, jax.device_put(self._keys, device))

        def program() -> Program:
            precision = self.sweep.precision
            return (check_program if checks else run_program)(structure, self.measures, precision)

        structure.method.ready(self.sweep.precision.value)

        # Structures hold configurations, which compare by value.
        key = (repr(structure), checks, device, self.sweep.precision, id(self.measures))
        identity = partial(self._identity_of_program, structure, checks, device)
        return self.programs.get(key, program, arguments, identity), arguments

    def _identity_of_program(self, structure: Structure, checks: bool, device: Device | None) -> dict | None:
        """All that a program is made of; None for specs and functions of others, which may hold what is not told."""
        functions = [*self.measures.observables.values(), *self.measures.scores.values()]
        ours = __name__.partition(".")[0]
        if type(self.sweep.configuration) is not Configuration or any(
            type(item).__module__.partition(".")[0] != ours
            and getattr(item, "__module__", "").partition(".")[0] != ours
            for item in functions
        ):
            return None
        return {
            "structure": repr(structure),
            "checks": checks,
            "precision": self.sweep.precision.value,
            "measures": self.measures.identity(),
            "computed by": surroundings(() if device is None else (device,)),
        }


def _checked(group: Sequence[int], share: float) -> tuple[int, ...]:
    """The cells of a group that belong to the share that is checked, which looks random but is always the same."""
    return tuple(cell for cell in group if _lot(cell) < share)


def _rows(groups: Sequence[Sequence[int]], num_cells: int) -> np.ndarray:
    """Where the cells of groups are among all of them, each padded to `num_cells`."""
    number = np.asarray([len(group) for group in groups])
    return np.flatnonzero(np.arange(num_cells) < number[:, None])


def _unpadded(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Results of all groups, leading axes (groups, cells), as one row of cells."""
    values = values.reshape(-1, *values.shape[2:])[rows]
    return values.astype(np.int32) if values.dtype.kind == "i" else values


def _dims(name: str, values: np.ndarray) -> tuple[str, ...]:
    return ("cell", "seed", *(f"{name}_{k}" for k in range(values.ndim - 2)))


def _lot(cell: int) -> float:
    """A number from 0 to 1 that belongs to a cell."""
    return int.from_bytes(hashlib.blake2b(cell.to_bytes(8, "little"), digest_size=8).digest(), "little") / 2**64
