"""The kernel of a scheme as the source of a module: the straight lines of `scheme` and the loops around them.

Lanes go in blocks of `WIDTH`, whose components lie side by side in a scratch array of a few kilobytes that stays in the
nearest cache: number j of lane l is `b[j * WIDTH + l]`. A round takes all lanes of a block through one step of the
weights and one of the gates, as vectors of the processor; lanes with an event then go through the kinks one by one,
from what the round has left behind, and no lane ever sees another one.

A module holds literals only, because what Numba keeps of a module does not know of values from elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ntadyn.simulation.native import boost, frame, scheme
from ntadyn.simulation.native.lane import Lane, Orthant, through_kinks
from ntadyn.simulation.native.scheme import Carried, Scheme, Times
from ntadyn.simulation.native.symbols import Code, Number, Symbol, product

# Lanes of a block: whole vectors, enough of them to hide how long a division takes, and few enough for the cache.
WIDTH = {"float32": 64, "float64": 32}
# Powers (k/n)^exponent are looked up to this k, and computed beyond.
TABLE = 4096


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
    def scratch(self) -> list[str]:
        """Names of what a block keeps of every lane."""
        names = ("drive", "pull", "bend", "sign", "moves", "pressed", "kept", "old")
        paths = [f"{name}{p}" for name in names for p in range(self.paths)]
        others = ["half_gate_rate", "base", "strength", "event", *(f"seen{m}" for m in range(self.teachers))]
        others += [f"coupling{n}" for n in range(self.pairs)]
        return [*self.state, *self.problem, *paths, *others]

    @property
    def scratch_size(self) -> int:
        """Numbers in the scratch array."""
        return len(self.scratch) * WIDTH[self.dtype]


def source(shape: Shape) -> str:
    """The text of a module that takes all lanes through all intervals: its `handler` is what XLA calls."""
    writer = (_BoostWriter if isinstance(shape.scheme, boost.Conserving) else _Writer)(shape)
    functions = [writer.load(), writer.begin(), writer.round(), writer.event(), writer.finish()]
    functions += [writer.run(), writer.handler()]
    literals = {"REAL": f"np.{shape.dtype}", "L": WIDTH[shape.dtype], "TABLE": TABLE}
    literals |= {"EXPONENT": shape.scheme.exponent, "POWERS": "np.arange(TABLE + 1) ** EXPONENT"}
    literals |= {name: f"REAL({value!r})" for value, name in writer.constants.items()}
    header = [_HEADER, "\n".join(f"{name} = {value}" for name, value in literals.items()), _LENGTH, frame.TEXT]
    return "\n\n\n".join([*header, *functions]) + "\n"


def operations(shape: Shape) -> int:
    """Additions, multiplications, divisions and comparisons of a round of one lane without an event."""
    return sum(" = " in line and " = b[" not in line for line in _Writer(shape).round().splitlines())


class _Writer:
    """Writes the functions of a module one by one.

    Attributes:
        constants: value -> name of every constant so far.
    """

    def __init__(self, shape: Shape):
        self.constants: dict[float, str] = {0.0: "ZERO"}
        self._shape = shape
        self._place = {name: index for index, name in enumerate(shape.scratch)}
        self._paths, self._teachers = range(shape.paths), range(shape.teachers)

    def load(self) -> str:
        """What a block takes from the arrays of all lanes; lanes that are missing repeat the last one."""
        code = Code(self.constants)
        values: dict[str, Number] = {name: code.named(f"state[{j}, i]") for j, name in enumerate(self._shape.state)}
        values |= {name: code.named(f"problem[{j}, i]") for j, name in enumerate(self._shape.problem)}
        values["half_gate_rate"] = 0.5 * values["gate_rate"]
        values["base"] = values["shrinkage"] - values["unit_norm"]
        place = "i = min(first + l, problem.shape[1] - 1)"
        return _over_lanes("load(problem, state, first, b)", [place, *code.lines, *self._stored(code, values)])

    def begin(self) -> str:
        """What changes when an interval begins: the task, whose drive, norm and pulls are made here."""
        code = Code(self.constants)
        task: list[Number] = [code.loaded(f"task[j, {m}, i]") for m in self._teachers]
        lane = self._lane(code)
        overlaps = [[self._load(code, f"t{max(m, n)}{min(m, n)}") for n in self._teachers] for m in self._teachers]
        teachers = [product(row, task) for row in overlaps]
        drive = [product(row, task) for row in lane.cross]
        values = self._carried_of(scheme.at_start(lane._replace(drive=drive)))
        values |= _named("drive", drive) | _named("seen", teachers) | {"strength": product(teachers, task)}
        place = "i = min(first + l, task.shape[2] - 1)"
        return _over_lanes("begin(task, j, first, b)", [place, *code.lines, *self._stored(code, values)])

    def round(self) -> str:
        """One step of the weights and one of the gates, and by how much any lane has passed an event."""
        code = Code(self.constants)
        lane, times, carried = self._lane(code), _times(code), self._carried(code)
        found = scheme.advanced(self._splitting, lane, carried, times)
        values = self._state_of(found.lane) | self._carried_of(found.carried) | _named("drive", found.lane.drive)
        values |= _named("kept", found.drifts) | _named("old", lane.gates) | {"event": found.event}
        return _over_lanes(f"advance({_ROUND})", code.lines + self._stored(code, values))

    def event(self) -> str:
        """The same step of the gates in one lane, in substeps through kinks."""
        before, inside, after = (Code(self.constants, prefix) for prefix in "uvw")
        number, names = self._shape.scheme.substeps, [f"gate{p}" for p in self._paths]
        # Gates are variables that go on from substep to substep.
        lane = self._lane(before)._replace(gates=[inside.named(name) for name in names])
        drifts, times = self._loaded(before, "kept"), _times(before)
        # Drifts of a substep are so much smaller, and its middle so many more of them away.
        sub_drifts, length = [drift * (1 / number) for drift in drifts], times.half * (1 / number)
        ahead = inside.named("part") + _read_by(inside, times.sigma * number + (0.5 - 0.5 * number))
        lane_inside, drifts_inside, length = (_read_by(inside, item) for item in (lane, sub_drifts, length))
        gates = through_kinks(lane_inside, drifts_inside, length, ahead)
        carried = scheme.after_event(self._splitting, _read_by(after, lane), _read_by(after, drifts), _times(after))
        values = _named("c", lane.gates) | self._carried_of(carried)
        together = ", ".join(names) + ","
        lines = [
            *before.lines,
            f"{together} = {', '.join(self._at(f'old{p}') for p in self._paths)},",
            f"for j in range({number}):",
            *_indented(["part = REAL(j)", *inside.lines, f"{together} = {', '.join(map(inside.text, gates))},"]),
            *after.lines,
            *self._stored(after, values),
        ]
        return _of_one_lane(f"redo(l, {_ROUND})", lines)

    def finish(self) -> str:
        """What is left of a round when events are over: nothing here."""
        return _of_one_lane(f"finish({_ROUND})", ["pass"])

    def run(self) -> str:
        """The loop over blocks of lanes, intervals and rounds."""
        names = enumerate(self._shape.state)
        record = [f"records[j, {n}, first + l] = {self._at(name)}" for n, name in names]
        text = _RUN.format(record="\n".join(_indented(record, 4)), event=self._at("event"), compiled=_COMPILED)
        return _COMPILED + text

    def handler(self) -> str:
        """The function that XLA calls, with the arrays of `steps.run_kernel` in their order."""
        shape = self._shape
        state, problem, scratch = (len(names) for names in (shape.state, shape.problem, shape.scratch))
        return _HANDLER.format(state=state, problem=problem, scratch=scratch, task=shape.teachers)

    @property
    def _splitting(self) -> scheme.Splitting:
        assert isinstance(self._shape.scheme, scheme.Splitting)
        return self._shape.scheme

    def _carried(self, code: Code) -> Carried:
        couplings = [self._load(code, f"coupling{n}") for n in range(self._shape.pairs)]
        signs, moves, pressed = (self._loaded(code, name) for name in ("sign", "moves", "pressed"))
        orthant = Orthant(signs, moves, couplings, pressed)
        return Carried(self._loaded(code, "pull"), self._loaded(code, "bend"), orthant)

    def _at(self, name: str) -> str:
        return f"b[{self._place[name]} * L + l]"

    def _load(self, code: Code, name: str) -> Number:
        return code.loaded(self._at(name))

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

    def _stored(self, code: Code, values: Mapping[str, Number]) -> list[str]:
        # What is back in its place unchanged need not be written.
        pairs = [(self._at(name), code.text(value)) for name, value in values.items()]
        return [f"{place} = {text}" for place, text in pairs if f"{text} = {place}" not in code.lines]


class _BoostWriter(_Writer):
    """Writes those of the boost: events change the path of the gates, and the boost comes after them."""

    def round(self) -> str:
        """The path of the gates while weights rest, and by how much any lane has passed an event."""
        code = Code(self.constants)
        path, event = boost.followed(self._lane(code), self._carried(code), _times(code).done)
        return _over_lanes(f"advance({_ROUND})", code.lines + self._stored(code, _path(path) | {"event": event}))

    def event(self) -> str:
        """The same path in one lane, through kinks."""
        code = Code(self.constants)
        path = boost.followed_through_kinks(self._lane(code), self._loaded(code, "pull"), _times(code).done)
        return _of_one_lane(f"redo(l, {_ROUND})", code.lines + self._stored(code, _path(path)))

    def finish(self) -> str:
        """The boost."""
        code = Code(self.constants)
        path = boost.Path(self._loaded(code, "old"), self._loaded(code, "kept"))
        lane, carried = boost.boosted(self._lane(code), self._loaded(code, "pull"), path, _times(code).done)
        values = self._state_of(lane) | self._carried_of(carried) | _named("drive", lane.drive)
        return _over_lanes(f"finish({_ROUND})", code.lines + self._stored(code, values))


def _path(path: boost.Path) -> dict[str, Number]:
    return _named("old", path.end) | _named("kept", path.area)


def _times(code: Code) -> Times:
    return Times(*map(code.named, Times._fields))


def _read_by(code: Code, tree: Any) -> Any:
    """Numbers of another piece of code, which comes before this one, for use in it."""
    if isinstance(tree, Symbol):
        return code.named(tree.name)
    if isinstance(tree, Lane):
        return Lane(*(_read_by(code, part) for part in tree))
    return [_read_by(code, item) for item in tree] if isinstance(tree, list) else tree


def _named(name: str, values: Sequence[Number]) -> dict[str, Number]:
    return {f"{name}{index}": value for index, value in enumerate(values)}


def _over_lanes(signature: str, lines: Sequence[str]) -> str:
    return "\n".join([_COMPILED, f"def {signature}:", "    for l in range(L):", *_indented(lines, 2)])


def _of_one_lane(signature: str, lines: Sequence[str]) -> str:
    return "\n".join([_COMPILED, f"def {signature}:", *_indented(lines)])


def _indented(lines: Iterable[str], depth: int = 1) -> Iterator[str]:
    return ("    " * depth + line for line in lines)


_ROUND = ", ".join([*Times._fields, "b"])
_COMPILED = "@njit(nogil=True, error_model='numpy', fastmath={'contract'}, cache=CACHE)"
_HEADER = '''"""Written by ntadyn.simulation.native.source."""

import numpy as np
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

CACHE = "__file__" in globals()
'''.rstrip()
_LENGTH = (
    _COMPILED
    + """
def power(k):
    return POWERS[k] if k <= TABLE else np.float64(k) ** EXPONENT"""
)
# An integer, because a loop over truth values does not become one over vectors.
_RUN = """
def any_event(b):
    found = 0
    for l in range(L):
        found |= {event} > ZERO
    return found != 0


{compiled}
def run(problem, state, length, steps, number_of_intervals, task, records, b):
    lanes = state.shape[1]
    for first in range(0, lanes, L):
        load(problem, state, first, b)
        for j in range(number_of_intervals):
            number = steps[j]
            if number > 0:
                begin(task, j, first, b)
                unit = np.float64(length[j]) / power(number)
                done, before = ZERO, np.float64(0.0)
                for k in range(number + 1):
                    reached = power(k + 1)
                    next = REAL((reached - before) * unit) if k < number else ZERO
                    before = reached
                    half = REAL(0.5) * (done + next)
                    per_half = REAL(1.0) / half
                    sigma = REAL(0.5) - REAL(0.5) * done * per_half
                    advance(done, next, half, per_half, sigma, b)
                    if any_event(b):
                        for l in range(L):
                            if {event} > ZERO:
                                redo(l, done, next, half, per_half, sigma, b)
                    finish(done, next, half, per_half, sigma, b)
                    done = next
            for l in range(min(L, lanes - first)):
{record}"""
_HANDLER = """
@cfunc(types.intp(types.voidptr), cache=CACHE)
def handler(frame):
    if not is_question(frame):
        lanes, intervals, width = size(frame, 0, 1), size(frame, 2, 0), size(frame, 5, 2)
        problem = carray(at(frame, 0), ({problem}, lanes), REAL)
        state = carray(at(frame, 1), ({state}, lanes), REAL)
        length = carray(at(frame, 2), intervals, REAL)
        steps = carray(at(frame, 3), intervals, np.int64)
        number = carray(at(frame, 4), 1, np.int64)[0]
        task = carray(at(frame, 5), (intervals, {task}, width), REAL)
        records = carray(at(frame, -1), (intervals, {state}, lanes), REAL)
        run(problem, state, length, steps, number, task, records, carray(at(frame, -2), {scratch} * L, REAL))
    return 0""".strip()
