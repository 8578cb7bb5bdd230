"""The plan of a sweep as plain values: axes, cells, repetitions. Nothing here imports JAX."""

import enum
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ntadyn.limits import MOST_CELLS, MOST_TRAJECTORIES, check_count
from ntadyn.specs.configuration import Randomness
from ntadyn.specs.kinds import allows, described
from ntadyn.specs.paths import declared, is_real, plain, replaced, value_at
from ntadyn.specs.spec import check_spec

BLOCK_DURATION = "curriculum.block_duration"
TOTAL_TIME = "curriculum.total_time"
GATE_TIME_CONSTANT = "time_constants.gates"
WEIGHT_TIME_CONSTANT = "time_constants.weights"
STRENGTH = "penalties.strength"

# Alignment at the border of a phase diagram: above it, a network counts as specialised.
BORDER = 0.9

# Names and labels of dimensions whose paths are not good names.
_NAMES = {
    BLOCK_DURATION: ("block_duration", "block duration"),
    TOTAL_TIME: ("total_time", "total time"),
    GATE_TIME_CONSTANT: ("gate_time_constant", "gate time constant"),
    WEIGHT_TIME_CONSTANT: ("weight_time_constant", "weight time constant"),
    STRENGTH: ("strength", "penalty strength λ"),
    "network.initial_scale": ("initial_scale", "initial weight scale"),
    "network.initial_gate": ("initial_gate", "initial gate"),
    "teachers.overlap": ("overlap", "overlap of teachers"),
}
# Names that every result has.
_TAKEN = ("cell", "seed", "path", "output", "teachers_seed", "initial_seed", "data_seed", "evaluated")


class Precision(enum.Enum):
    """The floating-point numbers of a sweep; random numbers are drawn in double precision, and rounded for SINGLE."""

    SINGLE = "float32"
    DOUBLE = "float64"

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return 4 if self is Precision.SINGLE else 8


class Backend(enum.Enum):
    """What steps the systems that run on lanes, see `ntadyn.simulation.lanes`; CUDA has not yet run on a device."""

    XLA = "xla"
    NATIVE = "native"
    CUDA = "cuda"


@dataclass(frozen=True)
class Axis:
    """One parameter along one dimension.

    Attributes:
        path: dotted path of the parameter in the spec, for example "time_constants.gates".
        values: its values; real numbers must ascend. Numbers of NumPy become Python's own.
        name: name of the dimension in results; if empty, derived from the path.
        label: text for the axis of a plot; if empty, derived from the path.
    """

    path: str
    values: tuple[Any, ...]
    name: str = ""
    label: str = ""

    def __post_init__(self):
        name, label = _NAMES.get(self.path, (self.path.replace(".", "_"), self.path))
        values = tuple(
            value.item() if getattr(value, "ndim", 1) == 0 else value
            for value in _sequence(self.values, f"axis {self.path!r}")
        )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "name", self.name or name)
        object.__setattr__(self, "label", self.label or label)

    def at(self, index: int) -> dict[str, Any]:
        """Path -> value at one place along the axis."""
        return {self.path: self.values[index]}

    @property
    def parameters(self) -> tuple["Axis", ...]:
        """The axis itself, because it changes one parameter."""
        return (self,)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Zipped:
    """Several parameters that change together along one dimension.

    Attributes:
        name: name of the dimension.
        parameters: axes of equal length; their names become coordinates along the dimension.
    """

    name: str
    parameters: tuple[Axis, ...]

    def at(self, index: int) -> dict[str, Any]:
        """Path -> value of every parameter at one place along the axis."""
        return {axis.path: axis.values[index] for axis in self.parameters}

    def __len__(self) -> int:
        return len(self.parameters[0])


@dataclass(frozen=True)
class Streams:
    """Repetitions that cross three random streams: all teachers with all initial states and all data.

    Attributes:
        teachers: number of sets of teachers.
        initial: number of initial states.
        data: number of data streams; only online learning uses them.
    """

    teachers: int = 1
    initial: int = 10
    data: int = 1

    def indices(self) -> list[tuple[int, int, int]]:
        """(teachers, initial, data) of every repetition."""
        return list(itertools.product(range(self.teachers), range(self.initial), range(self.data)))


@dataclass(frozen=True)
class Sweep:
    """Every combination of the values of some axes, the cells, with every repetition in each cell.

    Attributes:
        configuration: all parameters that the axes do not change: a `Configuration`, or any other spec (see
            `ntadyn.specs.spec.Spec`).
        axes: dimensions of the result; their product makes the cells.
        name: short name, used in files and titles.
        streams: crossed repetitions, in place of those of the configuration.
        num_seeds: number of repetitions, for a spec that does not give any as `Configuration.randomness` does.
        check: share of the cells, from 0 to 1, that are run again with halved steps and from a start moved by 1e-6, to
            report how far gates and alignment move, or without gates what is kept; this is three to four times the work
            for these cells.
        precision: precision of everything after the random numbers.
        backend: what steps systems that run on lanes; if omitted, the kernels of `ntadyn.simulation.native` where Numba
            is installed and they are written for the system, and XLA elsewhere. Never those for a GPU: ask for `CUDA`.
        bars: whether every trajectory gets an error bar, `scores.gate_bar`, for half as many steps again; only kernels
            make them. If omitted, where they make them in next to no time.
    """

    configuration: Any
    axes: tuple[Axis | Zipped, ...]
    name: str = "sweep"
    streams: Streams | None = None
    check: float = 0.0
    precision: Precision = Precision.DOUBLE
    num_seeds: int | None = None
    backend: Backend | None = None
    bars: bool | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along every axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def num_cells(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    @property
    def parameters(self) -> tuple[Axis, ...]:
        """All swept parameters, including zipped ones."""
        return tuple(parameter for axis in self.axes for parameter in axis.parameters)

    @property
    def num_repetitions(self) -> int:
        """Number of repetitions in every cell."""
        if self.streams is not None:
            return self.streams.teachers * self.streams.initial * self.streams.data
        randomness = self._randomness
        return (self.num_seeds or 1) if randomness is None else randomness.num_seeds

    @property
    def seeds(self) -> int | Randomness:
        """The seeds from which all keys are derived; 0 for a spec that names no seed."""
        return 0 if self._randomness is None else self._randomness

    @property
    def _randomness(self) -> Randomness | None:
        found = getattr(self.configuration, "randomness", None)
        return found if isinstance(found, Randomness) else None

    def repetitions(self) -> list[tuple[int, int, int]]:
        """Which teachers, initial state and data stream every repetition uses."""
        if self.streams is not None:
            return self.streams.indices()
        vary_teachers = self._randomness is not None and self._randomness.vary_teachers
        return [(seed if vary_teachers else 0, seed, seed) for seed in range(self.num_repetitions)]

    def changes(self, cell: int) -> dict[str, Any]:
        """Path -> value of all swept parameters in a cell; cells are numbered row by row, the last axis fastest."""
        found: dict[str, Any] = {}
        for axis, length in zip(reversed(self.axes), reversed(self.shape), strict=True):
            cell, index = divmod(cell, length)
            found |= axis.at(index)
        return found

    def identity(self) -> dict[str, Any]:
        """Everything that determines the numbers of the result, as plain values."""
        axes = [{item.path: list(map(plain, item.values)) for item in axis.parameters} for axis in self.axes]
        return {
            "configuration": plain(self.configuration),
            "axes": axes,
            "repetitions": [list(item) for item in self.repetitions()],
            "check": self.check,
            "precision": self.precision.value,
        }

    def check_values(self) -> None:
        """Refuse axes that make no sense, whatever is run on them.

        Raises:
            ValueError: without axes, or for empty axes, numbers that are not finite, values of another type than that
                of the parameter, real values that do not ascend, others that repeat, unknown parameters, randomness as
                an axis, unequal lengths of zipped parameters, or numbers of repetitions and shares out of range.
        """
        check_spec(self.configuration)
        if self.num_seeds is not None and (self._randomness is not None or self.streams is not None):
            raise ValueError(
                "num_seeds is given beside other repetitions, but is for specs that have none. Leave out one of them."
            )
        if not self.axes:
            raise ValueError('a sweep needs at least one axis, for example {"time_constants.gates": (0.01, 0.02)}.')
        if not 0 <= self.check <= 1:
            raise ValueError(f"check is {self.check}; it must be a share of the cells, from 0 to 1.")
        if self.streams is not None and min(self.streams.teachers, self.streams.initial, self.streams.data) < 1:
            raise ValueError(f"{self.streams} crosses no repetitions; give every stream at least 1.")
        for axis in self.axes:
            lengths = {parameter.path: len(parameter) for parameter in axis.parameters}
            if len(set(lengths.values())) != 1:
                raise ValueError(
                    f"the parameters of the zipped axis {axis.name!r} have the lengths {lengths}; give all the same."
                )
        for axis in self.axes:
            for parameter in axis.parameters:
                self._check_parameter(parameter, zipped=isinstance(axis, Zipped))
        paths = [parameter.path for parameter in self.parameters]
        if len(set(paths)) < len(paths):
            raise ValueError(f"the axes change {paths}; every parameter can be changed by one axis only.")
        for changes in self.extremes():
            check_spec(replaced(self.configuration, changes))
        check_count(f"cells of the axes {[axis.name for axis in self.axes]}", self.num_cells, MOST_CELLS)
        check_count("cells times repetitions", self.num_cells * self.num_repetitions, MOST_TRAJECTORIES)

    def extremes(self) -> Iterator[dict[str, Any]]:
        """Changes that stand for those of all cells: along every axis from one corner, and the largest sizes together.

        Of real numbers, the smallest and the largest are enough.
        """
        corner = {parameter.path: parameter.values[0] for parameter in self.parameters}
        for axis in self.axes:
            places: set[int] = set()
            for parameter in axis.parameters:
                if is_real(self.configuration, parameter.path):
                    order = sorted(range(len(parameter)), key=parameter.values.__getitem__)
                    places |= {order[0], order[-1]}
                else:
                    places |= set(range(len(parameter)))
            for place in sorted(places):
                yield corner | {parameter.path: parameter.values[place] for parameter in axis.parameters}
        sizes = [p for p in self.parameters if all(isinstance(value, int) for value in p.values)]
        yield corner | {parameter.path: max(parameter.values) for parameter in sizes}

    def check_names(self, variables: Sequence[str]) -> None:
        """Refuse axes whose names are taken by other axes, or by what else the result holds.

        Args:
            variables: names of the scores.

        Raises:
            ValueError: if a name is taken.
        """
        names = [axis.name for axis in self.axes]
        names += [item.name for axis in self.axes if isinstance(axis, Zipped) for item in axis.parameters]
        taken = {*_TAKEN, *variables}
        if len({*names, *taken}) < len(names) + len(taken):
            raise ValueError(
                f"the axes have the names {names}; they must differ from each other and from {sorted(taken)}. Rename "
                f"some."
            )

    def _check_parameter(self, axis: Axis, zipped: bool) -> None:
        replaced(self.configuration, {axis.path: None})  # refuses paths that are not parameters
        if axis.path.startswith("randomness"):
            raise ValueError(f"{axis.path!r} cannot be an axis: repetitions are one already. Give `seeds` instead.")
        present = value_at(self.configuration, axis.path)
        if is_dataclass(present):
            known = [item.name for item in fields(present)]
            raise ValueError(f"{axis.path!r} is a group of parameters, {known}; choose one of them.")
        if not axis.values:
            raise ValueError(f"axis {axis.name!r} has no values; give at least one.")
        real = is_real(self.configuration, axis.path)
        # A real number is data of a program, and None is not.
        kind = float if real else declared(self.configuration, axis.path)
        for value in axis.values:
            if not allows(kind, value):
                raise ValueError(f"axis {axis.name!r} has the value {value!r}; each must be {described(kind)}.")
        if real:
            ascends = all(a < b for a, b in itertools.pairwise(axis.values))
            if not all(map(math.isfinite, axis.values)) or not (zipped or ascends):
                raise ValueError(f"axis {axis.name!r} has the values {axis.values}; they must be finite and ascending.")
        elif not zipped and len(set(axis.values)) < len(axis.values):
            raise ValueError(f"axis {axis.name!r} has the values {axis.values}; they must all differ.")


def spaced(low: float, high: float, count: int) -> tuple[float, ...]:
    """`count` equally spaced values from `low` to `high`, or `low` alone if the count is 1.

    Raises:
        ValueError: if the count is not positive, or a range of several values does not ascend.
    """
    check_count("values of an axis", count, MOST_CELLS)
    if count < 1 or not (math.isfinite(low) and math.isfinite(high)) or (count > 1 and not low < high):
        raise ValueError(
            f"an axis of {count} values from {low} to {high} is not possible; give an ascending range and one value or "
            f"more."
        )
    return tuple(low + (high - low) * index / max(count - 1, 1) for index in range(count))


def as_axes(axes: Mapping[str | tuple[str, ...], Iterable[Any]]) -> tuple[Axis | Zipped, ...]:
    """Axes from a mapping: one path -> its values, or several paths -> one sequence of values each, zipped.

    Args:
        axes: for example `{"curriculum.block_duration": (0.1, 1.0), ("time_constants.gates", "penalties.strength"):
            ((0.01, 0.02), (0.1, 0.2))}`.

    Returns:
        One axis per entry, in the same order.

    Raises:
        ValueError: if values are not a sequence, or a zipped entry does not have one sequence per path.
    """
    found: list[Axis | Zipped] = []
    for paths, values in axes.items():
        if isinstance(paths, str):
            found.append(Axis(paths, _sequence(values, f"axis {paths!r}")))
            continue
        each = _sequence(values, f"the zipped axis {paths}")
        if len(each) != len(paths):
            raise ValueError(f"the zipped axis {paths} has {len(each)} sequences of values; give one per parameter.")
        lists = [_sequence(items, f"{path!r} of a zipped axis") for path, items in zip(paths, each, strict=True)]
        found.append(zipped([Axis(path, items) for path, items in zip(paths, lists, strict=True)]))
    return tuple(found)


def zipped(parameters: Sequence[Axis]) -> Zipped:
    """Parameters that change together along one dimension, which is named after all of them.

    Args:
        parameters: their axes, of equal length.
    """
    return Zipped("_and_".join(item.name for item in parameters), tuple(parameters))


def _sequence(values: Any, what: str) -> tuple[Any, ...]:
    """Values as a tuple; refuses a single number, and a text, which would be taken letter by letter."""
    if isinstance(values, str) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0:
        raise ValueError(f"{what} has the value {values!r}; give a sequence of values, such as ({values!r},).")
    return tuple(values)
