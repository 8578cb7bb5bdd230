"""The kernel of a scheme on the lanes of a CPU as the source of a module: the lines of `lines`, and loops around them.

Lanes go in blocks of `WIDTH`, whose components lie side by side in a scratch array of a few kilobytes that stays in the
nearest cache: number j of lane l is `b[j * WIDTH + l]`. A round takes all lanes of a block through one step of the
weights and one of the gates, as vectors of the processor. A vector with an event in any lane then goes through the
kinks, from what the round has left behind; lanes without one keep what they had, and no lane ever sees another one.

A module holds literals only, because what Numba keeps of a module does not know of values from elsewhere.
"""

from collections.abc import Sequence

from ntadyn.simulation.native import frame
from ntadyn.simulation.native.lines import Places, Shape, indented, writer
from ntadyn.simulation.native.scheme import Times

# Lanes of a block: whole vectors, enough of them to hide how long a division takes, and few enough for the cache.
WIDTH = {"float32": 64, "float64": 32}
# Vectors of a block: lanes with an event take those of their vector with them.
VECTORS = 4
# Powers (k/n)^exponent are looked up to this k, and computed beyond.
TABLE = 4096


def source(shape: Shape) -> str:
    """The text of a module that takes all lanes through all intervals: its `handler` is what XLA calls."""
    places = _places(shape)
    writes = writer(shape, places)
    event = places.kept("event")
    names = enumerate(shape.state)
    record = [f"records[j, {n}, first + l] = {places.kept(name)}" for n, name in names]
    functions = [
        # Lanes that are missing repeat the last one.
        _over("L", "load(problem, state, first, b)", ["i = min(first + l, problem.shape[1] - 1)", *writes.load()]),
        _over("L", "begin(task, j, first, b)", ["i = min(first + l, task.shape[2] - 1)", *writes.begin()]),
        _over("L", f"advance({_ROUND})", writes.round()),
        _over("VECTOR", f"substep(part, {_ROUND})", writes.substep()),
        _over("VECTOR", f"after_substeps({_ROUND})", writes.after_substeps()),
        _over("L", f"finish({_ROUND})", writes.finish()),
        _COMPILED + _ANY.format(name="any_event", number="L", event=event),
        _COMPILED + _ANY.format(name="any_event_in_vector", number="VECTOR", event=event),
        _COMPILED + _RUN.format(record="\n".join(indented(record, 4))),
        _HANDLER.format(
            state=len(shape.state), problem=len(shape.problem), scratch=len(shape.kept), task=shape.teachers
        ),
    ]
    literals = {"REAL": f"np.{shape.dtype}", "L": WIDTH[shape.dtype], "TABLE": TABLE}
    literals |= {"VECTOR": WIDTH[shape.dtype] // VECTORS, "SUBSTEPS": shape.scheme.substeps}
    literals |= {"EXPONENT": shape.scheme.exponent, "POWERS": "np.arange(TABLE + 1) ** EXPONENT"}
    literals |= {name: f"REAL({value!r})" for value, name in writes.constants.items()}
    header = [_HEADER, "\n".join(f"{name} = {value}" for name, value in literals.items()), _LENGTH, frame.TEXT]
    return "\n\n\n".join([*header, *functions]) + "\n"


def scratch_size(shape: Shape) -> int:
    """Numbers in the scratch array."""
    return len(shape.kept) * WIDTH[shape.dtype]


def operations(shape: Shape) -> int:
    """Additions, multiplications, divisions and comparisons of a round of one lane without an event."""
    return sum(" = " in line and " = b[" not in line for line in writer(shape, _places(shape)).round())


def _places(shape: Shape) -> Places:
    index = {name: number for number, name in enumerate(shape.kept)}
    return Places(
        kept=lambda name: f"b[{index[name]} * L + l]",
        given=lambda name, *indices: f"{name}[{', '.join(map(str, indices))}, i]",
    )


def _over(number: str, signature: str, lines: Sequence[str]) -> str:
    """A function that does the same to so many lanes in turn: `L` of a block, or `VECTOR`."""
    loop = ["long_vectors()", f"for l in range({number}):", *indented(lines)] if lines else ["pass"]
    return "\n".join([_COMPILED, f"def {signature}:", *indented(loop)])


_ROUND = ", ".join([*Times._fields, "b"])
_COMPILED = "@njit(nogil=True, error_model='numpy', fastmath={'contract'}, cache=CACHE)"
_HEADER = '''"""Written by ntadyn.simulation.native.source."""

import numpy as np
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

CACHE = "__file__" in globals()


@intrinsic
def long_vectors(typingctx):
    # LLVM halves the vectors of processors whose clock may slow down under long ones; here long ones are faster. Its
    # attribute for that is none of those that llvmlite knows by name.

    def codegen(context, builder, signature, arguments):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def select(typingctx, condition, one, other):
    # Of many choices by one condition, written with `if`, LLVM makes a branch that it cannot take for a whole vector.

    def codegen(context, builder, signature, arguments):
        return builder.select(*arguments)

    return one(types.boolean, one, one), codegen
'''.rstrip()
_LENGTH = (
    _COMPILED
    + """
def power(k):
    return POWERS[k] if k <= TABLE else np.float64(k) ** EXPONENT"""
)
# An integer, because a loop over truth values does not become one over vectors.
_ANY = """
def {name}(b):
    long_vectors()
    found = 0
    for l in range({number}):
        found |= {event} > ZERO
    return found != 0"""
_RUN = """
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
                        for lane in range(0, L, VECTOR):
                            vector = b[lane:]
                            if any_event_in_vector(vector):
                                for part in range(SUBSTEPS):
                                    substep(REAL(part), done, next, half, per_half, sigma, vector)
                                after_substeps(done, next, half, per_half, sigma, vector)
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
