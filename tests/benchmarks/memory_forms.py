"""What the forms of linear memories cost against the loop over tokens: compile and run, forward and with gradients.

    python tests/benchmarks/memory_forms.py

writes the table from which `ntadyn.nested.memories.default_form` chooses. Single precision. The forms of one problem
take turns, so that every ratio is one of neighbours in time, and the median over the turns is kept: others who use the
cores move the seconds more than the ratios. Takes about a quarter of an hour on two cores.
"""

import argparse
import csv
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import ntadyn
from ntadyn.nested.memories import AbstractLinearRule, AssociativeMemory, GatedDelta, Hebbian, MeasuredForm, Writes
from ntadyn.nested.memories.measured import TABLE, Problem

PATH = Path(ntadyn.__file__).parent / "nested" / "memories" / TABLE
RULES: tuple[AbstractLinearRule, ...] = (Hebbian(), GatedDelta())
LENGTHS = (16, 64, 256, 1024)
WIDTHS = (16, 64)
BATCHES = (1, 32)
CHUNKS = (8, 16, 32, 64)
LONGEST_PARALLEL = 256
"""Tokens up to which `Parallel` is measured, whose time and room grow with their square."""
TURNS, SECONDS = (5, 40), 1.0
"""How often the forms of a problem take turns: at least, at most, and until so many seconds have passed."""
NAMES = tuple(f"{what}_{number}" for what in ("forward", "gradient") for number in ("compile", "run", "ratio"))


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A program, and what it took to make it."""

    run: Callable[..., Any]
    seconds: float

    def time(self, inputs: tuple) -> float:
        """Seconds of one run."""
        began = time.perf_counter()
        jax.block_until_ready(self.run(*inputs))
        return time.perf_counter() - began


def inputs_of(problem: Problem) -> tuple:
    """State, writes and queries of random samples."""
    keys = jax.random.split(jax.random.key(0), 6)
    shape = (problem.batch, problem.length, problem.width)
    vectors = [jax.random.normal(key, shape) for key in keys[:3]]
    rates, logits = jax.random.uniform(keys[3], shape[:2]), jax.random.normal(keys[4], shape[:2])
    state = jax.random.normal(keys[5], (problem.batch, problem.width, problem.width)) / problem.width
    return state, Writes(vectors[0], vectors[1], rates, jax.nn.sigmoid(logits + 4)), vectors[2]


def programs(rule: AbstractLinearRule, row: MeasuredForm, inputs: tuple) -> tuple[Compiled, Compiled]:
    """Writes and reads of a batch, and the gradient of the answers by all that went in."""
    memory = jax.vmap(AssociativeMemory(rule, row.form))

    def total(*inputs: Any) -> jax.Array:
        state, answers = memory(*inputs)
        return jnp.sum(jnp.sin(answers)) + jnp.sum(jnp.sin(state))

    def compiled(function: Callable) -> Compiled:
        lowered = jax.jit(function).lower(*inputs)
        began = time.perf_counter()
        program = lowered.compile()
        return Compiled(program, time.perf_counter() - began)

    return compiled(memory), compiled(jax.grad(total, argnums=(0, 1, 2)))


def measured(rule: AbstractLinearRule, problem: Problem, chunks: Sequence[int]) -> list[MeasuredForm]:
    """A row per form, the loop over tokens first."""
    inputs = inputs_of(problem)
    sizes = [1, *(chunk for chunk in chunks if chunk < problem.length)]
    sizes += [problem.length] if problem.length <= LONGEST_PARALLEL else []
    rows = [MeasuredForm(**dataclasses.asdict(problem), erases=rule.erases, chunk=chunk) for chunk in sizes]
    made = [programs(rule, row, inputs) for row in rows]
    for pair in made:
        for program in pair:
            program.time(inputs)
    turns, began = [], time.perf_counter()
    while len(turns) < TURNS[0] or (len(turns) < TURNS[1] and time.perf_counter() - began < SECONDS):
        turns.append([[program.time(inputs) for program in pair] for pair in made])
    found = []
    for index, (row, pair) in enumerate(zip(rows, made, strict=True)):
        numbers = []
        for kind, program in enumerate(pair):
            run = statistics.median(turn[index][kind] for turn in turns)
            ratio = statistics.median(turn[index][kind] / turn[0][kind] for turn in turns)
            numbers += [program.seconds, run, ratio]
        found.append(dataclasses.replace(row, **dict(zip(NAMES, numbers, strict=True))))
    return found


def write(rows: list[MeasuredForm], path: Path) -> None:
    """Keep rows as a table, with three digits."""
    names = [field.name for field in dataclasses.fields(MeasuredForm)]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        for row in rows:
            values = [getattr(row, name) for name in names]
            table.writerow([f"{value:.3g}" if isinstance(value, float) else value for value in values])


def main() -> None:
    """Measure all problems and write the table."""
    parser = argparse.ArgumentParser(description="Measure the forms of memories.")
    parser.add_argument("--out", type=Path, default=PATH, help="the table; that of the library if omitted")
    for name, values in (("lengths", LENGTHS), ("widths", WIDTHS), ("batches", BATCHES), ("chunks", CHUNKS)):
        parser.add_argument(f"--{name}", type=int, nargs="+", default=list(values))
    options = parser.parse_args()
    ntadyn.compile_whole_loops()
    rows: list[MeasuredForm] = []
    problems = itertools.starmap(Problem, itertools.product(options.lengths, options.widths, options.batches))
    for problem, rule in itertools.product(problems, RULES):
        rows += (found := measured(rule, problem, options.chunks))
        words = [f"{row.chunk}: {row.forward_ratio:.2f} {row.gradient_ratio:.2f}" for row in found]
        loop = f"loop {1e3 * found[0].forward_run:.2f} ms, with gradient {1e3 * found[0].gradient_run:.2f} ms"
        print(f"{type(rule).__name__}, {problem}: {loop}; ratios {', '.join(words)}", flush=True)
        # What has been measured is there if the rest takes too long.
        write(rows, options.out)


if __name__ == "__main__":
    main()
