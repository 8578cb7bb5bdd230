"""The kernel of a scheme on a GPU as the source of a module: one thread per trajectory, all of them at once.

What is kept of a trajectory are local variables of its thread, so that the compiler may hold all of it in registers.
Arrays hold groups of lanes: every thread has its own parameters and writes its own records, side by side with those of
its group; groups differ in their intervals, steps and tasks. A group may be a single trajectory, so that each is on a
time grid of its own; in larger ones the threads of a warp have the same number of steps, and wait for each other only
where one of them meets an event.

A step takes t_{k+1} - t_k = unit ((k + 1)^q - k^q) with unit = length/n^q; the differences are looked up.
"""

from ntadyn.simulation.native.lines import Places, Shape, indented, writer

# In the registers of a thread, or rather in variables whose names are no others.
_PLACES = Places(
    kept=lambda name: f"own_{name}",
    # A task may be common to a group.
    given=lambda name, *indices: f"{name}[g, {', '.join(map(str, indices))}, {'common' if name == 'task' else 'l'}]",
)


def source(shape: Shape) -> str:
    """The text of a module whose `run` is what Numba compiles for a GPU."""
    writes = writer(shape, _PLACES)
    substeps = [f"for n in range({shape.scheme.substeps}):", *indented(["part = REAL(n)", *writes.substep()])]
    redone = [*substeps, *writes.after_substeps()]
    steps = [*writes.round(), f"if {_PLACES.kept('event')} > ZERO:", *indented(redone), *writes.finish()]
    record = [f"records[g, j, {n}, l] = {_PLACES.kept(name)}" for n, name in enumerate(shape.state)]
    # Some of what is written reads more than it uses.
    empty = [f"{_PLACES.kept(name)} = ZERO" for name in shape.kept]
    body = _RUN.format(
        load="\n".join(indented([*empty, *writes.load()], 2)),
        begin="\n".join(indented(writes.begin(), 4)),
        steps="\n".join(indented(steps, 5)),
        record="\n".join(indented(record, 3)),
    )
    literals = {"REAL": f"np.{shape.dtype}"} | {name: f"REAL({value!r})" for value, name in writes.constants.items()}
    return "\n\n".join([_HEADER, "\n".join(f"{name} = {value}" for name, value in literals.items()), body])


_HEADER = '''"""Written by ntadyn.simulation.native.thread."""

import numpy as np
from numba import cuda


@cuda.jit(device=True)
def select(condition, one, other):
    return one if condition else other
'''.rstrip()
_RUN = """
@cuda.jit
def run(problem, state, length, rounds, intervals, task, powers, differences, records):
    i, lanes = cuda.grid(1), state.shape[2]
    if i < state.shape[0] * lanes:
        g, l = i // lanes, i % lanes
        common = min(l, task.shape[3] - 1)
{load}
        for j in range(intervals[g]):
            number = rounds[g, j]
            if number > 0:
{begin}
                unit = REAL(length[g, j] / powers[number])
                done = ZERO
                for k in range(number + 1):
                    next = differences[k] * unit if k < number else ZERO
                    half = REAL(0.5) * (done + next)
                    per_half = REAL(1.0) / half
                    sigma = REAL(0.5) - REAL(0.5) * done * per_half
{steps}
                    done = next
{record}
"""
