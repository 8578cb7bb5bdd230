"""The equations of a step as lines of code, wherever the numbers of a lane are kept.

A kernel on lanes keeps them in an array that stays in the nearest cache (`source`), a kernel on a GPU in the registers
of a thread (`thread`); what is done to them is written here, once for both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ntadyn.simulation.native import boost, scheme
from ntadyn.simulation.native.lane import Lane, Orthant, through_kinks
from ntadyn.simulation.native.scheme import Carried, Scheme, Times
from ntadyn.simulation.native.symbols import Code, Number, product


@dataclass(frozen=True)
class Shape:
    """What a kernel is compiled for.

    Attributes:
        paths: number of gates.
        teachers: number of teachers.
        dtype: "float32" or "float64".
        scheme: the equations of a step.
    """

    paths: int
    teachers: int
    dtype: str
    scheme: Scheme

    @property
    def pairs(self) -> int:
        """Pairs of different gates."""
        return self.paths * (self.paths - 1) // 2

    @property
    def state(self) -> list[str]:
        """Names of the components of a state, in the order of arrays: c, K and S."""
        paths = range(self.paths)
        students = [f"k{p}{q}" for p in paths for q in range(p + 1)]
        return [f"c{p}" for p in paths] + students + [f"s{p}{m}" for p in paths for m in range(self.teachers)]

    @property
    def problem(self) -> list[str]:
        """Names of the data of a lane: 1/tau_c, 1/tau_W, coefficients of the penalties, and T."""
        teachers = [f"t{m}{n}" for m in range(self.teachers) for n in range(m + 1)]
        return ["gate_rate", "weight_rate", "hinge", "unit_norm", "shrinkage", *teachers]

    @property
    def kept(self) -> list[str]:
        """Names of all that is kept of a lane while it runs."""
        names = ("drive", "pull", "bend", "sign", "moves", "pressed", "kept", "old")
        paths = [f"{name}{p}" for name in names for p in range(self.paths)]
        others = ["half_gate_rate", "base", "strength", "event", *(f"seen{m}" for m in range(self.teachers))]
        others += [f"coupling{n}" for n in range(self.pairs)]
        return [*self.state, *self.problem, *paths, *others]


class Places(NamedTuple):
    """How code names the numbers of a lane.

    Attributes:
        kept: what is kept of it, by its name in `Shape.kept`.
        given: an entry of an array that all lanes are given, by the name of the array and the indices beside the lane.
    """

    kept: Callable[[str], str]
    given: Callable[..., str]


def writer(shape: Shape, places: Places) -> "Writer":
    """What writes the scheme of a shape."""
    kind = _BoostWriter if isinstance(shape.scheme, boost.Conserving) else Writer
    return kind(shape, places)


class Writer:
    """Writes what happens to a lane, from its start to the end of a round.

    Numbers of different pieces have different names: where all are pieces of one function, it compiles sooner.

    Attributes:
        constants: value -> name of every constant so far.
    """

    def __init__(self, shape: Shape, places: Places):
        self.constants: dict[float, str] = {0.0: "ZERO"}
        self._shape, self._places = shape, places
        self._paths, self._teachers = range(shape.paths), range(shape.teachers)

    def load(self) -> list[str]:
        """What a lane takes from the arrays of all lanes."""
        code, given = Code(self.constants, "x"), self._places.given
        values: dict[str, Number] = {name: code.named(given("state", j)) for j, name in enumerate(self._shape.state)}
        values |= {name: code.named(given("problem", j)) for j, name in enumerate(self._shape.problem)}
        values["half_gate_rate"] = 0.5 * values["gate_rate"]
        values["base"] = values["shrinkage"] - values["unit_norm"]
        return code.lines + self._stored(code, values)

    def begin(self) -> list[str]:
        """What changes when an interval begins: the task, whose drive, norm and pulls are made here."""
        code = Code(self.constants, "y")
        task: list[Number] = [code.loaded(self._places.given("task", "j", m)) for m in self._teachers]
        lane = self._lane(code)
        overlaps = [[self._load(code, f"t{max(m, n)}{min(m, n)}") for n in self._teachers] for m in self._teachers]
        teachers = [product(row, task) for row in overlaps]
        drive = [product(row, task) for row in lane.cross]
        values = self._carried_of(scheme.at_start(lane._replace(drive=drive)))
        values |= _named("drive", drive) | _named("seen", teachers) | {"strength": product(teachers, task)}
        return code.lines + self._stored(code, values)

    def round(self) -> list[str]:
        """One step of the weights and one of the gates, and by how much any lane has passed an event."""
        code = Code(self.constants)
        lane, times, carried = self._lane(code), _times(code), self._carried(code)
        found = scheme.advanced(self._splitting, lane, carried, times)
        values = self._state_of(found.lane) | self._carried_of(found.carried) | _named("drive", found.lane.drive)
        values |= _named("kept", found.drifts) | _named("old", lane.gates) | {"event": found.event}
        return code.lines + self._stored(code, values)

    def substep(self) -> list[str]:
        """For events: number `part` of the substeps of the same step of the gates, through kinks, on a path of its own.

        It goes on from where that of the part before has ended, and takes the place of nothing else.
        """
        code = Code(self.constants, "u")
        lane, times = self._lane(code)._replace(gates=self._loaded(code, "old")), _times(code)
        # Drifts of a substep are so much smaller, and its middle so many more of them away.
        number, share = self._shape.scheme.substeps, 1 / self._shape.scheme.substeps
        drifts = [share * drift for drift in self._loaded(code, "kept")]
        ahead = code.named("part") + (times.sigma * number + (0.5 - 0.5 * number))
        gates = through_kinks(lane, drifts, share * times.half, ahead)
        return code.lines + self._stored(code, _named("old", gates))

    def after_substeps(self) -> list[str]:
        """What follows from where they end; lanes without an event stay as they are."""
        code = Code(self.constants, "w")
        lane = self._lane(code)._replace(gates=self._loaded(code, "old"))
        carried = scheme.after_event(self._splitting, lane, self._loaded(code, "kept"), _times(code))
        values = self._where_event(code, _named("c", lane.gates) | self._carried_of(carried))
        return code.lines + self._stored(code, values)

    def finish(self) -> list[str]:
        """What is left of a round when events are over: nothing here."""
        return []

    @property
    def _splitting(self) -> scheme.Splitting:
        assert isinstance(self._shape.scheme, scheme.Splitting)
        return self._shape.scheme

    def _carried(self, code: Code) -> Carried:
        couplings = [self._load(code, f"coupling{n}") for n in range(self._shape.pairs)]
        signs, moves, pressed = (self._loaded(code, name) for name in ("sign", "moves", "pressed"))
        orthant = Orthant(signs, moves, couplings, pressed)
        return Carried(self._loaded(code, "pull"), self._loaded(code, "bend"), orthant)

    def _load(self, code: Code, name: str) -> Number:
        return code.loaded(self._places.kept(name))

    def _loaded(self, code: Code, name: str) -> list[Number]:
        return [self._load(code, f"{name}{p}") for p in self._paths]

    def _lane(self, code: Code) -> Lane:
        return Lane(
            gates=self._loaded(code, "c"),
            students=[[self._load(code, f"k{p}{q}") for q in range(p + 1)] for p in self._paths],
            cross=[[self._load(code, f"s{p}{m}") for m in self._teachers] for p in self._paths],
            drive=self._loaded(code, "drive"),
            teachers=[self._load(code, f"seen{m}") for m in self._teachers],
            strength=self._load(code, "strength"),
            rate_of_gates=self._load(code, "half_gate_rate"),
            rate_of_weights=self._load(code, "weight_rate"),
            hinge=self._load(code, "hinge"),
            unit_norm=self._load(code, "unit_norm"),
            base=self._load(code, "base"),
        )

    def _state_of(self, lane: Lane) -> dict[str, Number]:
        values = [*lane.gates, *(x for row in lane.students for x in row), *(x for row in lane.cross for x in row)]
        return dict(zip(self._shape.state, values, strict=True))

    def _carried_of(self, carried: Carried) -> dict[str, Number]:
        signs, moves, couplings, pressed = carried.orthant
        values = {"pull": carried.pulls, "bend": carried.bends, "sign": signs, "moves": moves, "pressed": pressed}
        every = values | {"coupling": couplings}
        return {f"{name}{n}": number for name, numbers in every.items() for n, number in enumerate(numbers)}

    def _where_event(self, code: Code, values: Mapping[str, Number]) -> dict[str, Number]:
        """What it is for lanes with an event, and what it was for others."""
        told = f"{code.text(self._load(code, 'event'))} > {code.text(0.0)}"

        def either(name: str, value: Number) -> Number:
            return code.written(f"select({told}, {code.text(value)}, {code.text(self._load(code, name))})")

        return {name: either(name, value) for name, value in values.items()}

    def _stored(self, code: Code, values: Mapping[str, Number]) -> list[str]:
        # What is back in its place unchanged need not be written.
        pairs = [(self._places.kept(name), code.text(value)) for name, value in values.items()]
        return [f"{place} = {text}" for place, text in pairs if f"{text} = {place}" not in code.lines]


class _BoostWriter(Writer):
    """Writes those of the boost: events change the path of the gates, and the boost comes after them."""

    def round(self) -> list[str]:
        """The path of the gates while weights rest, and by how much any lane has passed an event."""
        code = Code(self.constants)
        path, event = boost.followed(self._lane(code), self._carried(code), _times(code).done)
        return code.lines + self._stored(code, _path(path) | {"event": event})

    def substep(self) -> list[str]:
        """For events: the same path through kinks."""
        code = Code(self.constants, "u")
        path = boost.followed_through_kinks(self._lane(code), self._loaded(code, "pull"), _times(code).done)
        values = self._where_event(code, _path(path))
        return code.lines + self._stored(code, values)

    def after_substeps(self) -> list[str]:
        """Nothing: the boost comes in any case."""
        return []

    def finish(self) -> list[str]:
        """The boost."""
        code = Code(self.constants, "w")
        path = boost.Path(self._loaded(code, "old"), self._loaded(code, "kept"))
        lane, carried = boost.boosted(self._lane(code), self._loaded(code, "pull"), path, _times(code).done)
        values = self._state_of(lane) | self._carried_of(carried) | _named("drive", lane.drive)
        return code.lines + self._stored(code, values)


def _path(path: boost.Path) -> dict[str, Number]:
    return _named("old", path.end) | _named("kept", path.area)


def _times(code: Code) -> Times:
    return Times(*map(code.named, Times._fields))


def _named(name: str, values: Sequence[Number]) -> dict[str, Number]:
    return {f"{name}{index}": value for index, value in enumerate(values)}


def indented(lines: Iterable[str], depth: int = 1) -> Iterator[str]:
    """Lines further to the right."""
    return ("    " * depth + line for line in lines)
