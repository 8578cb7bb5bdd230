"""What a step of training takes for every sequence model, against softmax attention on the same machine.

    python tests/benchmarks/sequence_models.py

Single precision, vocabulary and outputs of 64, AdamW; all models have the parameters of the transformer. The models
take turns, so that every ratio is one of neighbours in time, and the median over the turns is kept: others who use the
cores move the seconds more than the ratios.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import ntadyn
from ntadyn.nested.sequence_models import (
    MODELS,
    Recipe,
    SelfModifyingMemory,
    SequenceModel,
    Tokens,
    assemble,
    build,
    matched_hidden,
    parameter_count,
    state_floats,
)

BASELINE, HOPE = "transformer", "hope"
SYMBOLS, WIDTH, DEPTH = 64, 32, 2
TURNS = 15


def made(name: str, chunk: int | None = None) -> SequenceModel:
    """A model with as many parameters as the transformer; HOPE with other chunks if they are given."""
    sizes: dict[str, Any] = {"inputs": Tokens(SYMBOLS), "outputs": SYMBOLS, "width": WIDTH, "depth": DEPTH}
    key = jax.random.key(0)
    hidden = matched_hidden(name, parameter_count(build(BASELINE, **sizes, key=key)), **sizes)
    if chunk is None:
        return build(name, **sizes, hidden=hidden, key=key)
    recipe = Recipe(functools.partial(SelfModifyingMemory.linear, chunk=chunk), MODELS[HOPE].levels)
    return assemble(recipe, **sizes, hidden=hidden, key=key)


def program(model: SequenceModel, length: int, batch: int) -> tuple[Callable[[], float], float]:
    """A function that makes a step and says how long it took, and the seconds to compile it."""
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(4e-3))
    parameters, rest = eqx.partition(model, eqx.is_inexact_array)
    state = optimiser.init(parameters)
    inputs, targets = jax.random.randint(jax.random.key(1), (2, batch, length), 0, SYMBOLS)

    def step(parameters: Any, state: Any, inputs: Any, targets: Any) -> Any:
        def loss(parameters: Any) -> Any:
            model = eqx.combine(parameters, rest)
            _, answers = jax.vmap(model, in_axes=(None, 0))(model.initial_state(), inputs)
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(answers, targets))

        value, slope = jax.value_and_grad(loss)(parameters)
        updates, state = optimiser.update(slope, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    lowered = jax.jit(step).lower(parameters, state, inputs, targets)
    began = time.perf_counter()
    compiled = lowered.compile()
    seconds = time.perf_counter() - began

    def timed() -> float:
        began = time.perf_counter()
        jax.block_until_ready(compiled(parameters, state, inputs, targets))
        return time.perf_counter() - began

    timed()
    return timed, seconds


def table(models: dict[str, SequenceModel], length: int, batch: int) -> list[str]:
    """A line per model, attention first."""
    programs = {name: program(model, length, batch) for name, model in models.items()}
    turns = [{name: timed() for name, (timed, _) in programs.items()} for _ in range(TURNS)]
    lines = [f"{'model':24} {'ms':>7} {'ratio':>6} {'compile s':>10} {'parameters':>10} {'state':>6}"]
    for name, model in models.items():
        took = 1e3 * statistics.median(turn[name] for turn in turns)
        ratio = statistics.median(turn[name] / turn[BASELINE] for turn in turns)
        size = f"{parameter_count(model):10} {state_floats(model, length):6}"
        lines.append(f"{name:24} {took:7.1f} {ratio:6.2f} {programs[name][1]:10.1f} {size}")
    return lines


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure a step of training of sequence models.")
    parser.add_argument("--models", nargs="+", choices=sorted(MODELS), default=list(MODELS)[:10])
    parser.add_argument("--chunks", type=int, nargs="*", default=[1, 4, 16, 32], help="of HOPE, beside its default")
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args(words)
    ntadyn.compile_whole_loops()
    models = {name: made(name) for name in dict.fromkeys([BASELINE, *options.models])}
    models |= {f"{HOPE}, chunk {chunk}": made(HOPE, chunk) for chunk in options.chunks}
    print("\n".join(table(models, options.length, options.batch)))


if __name__ == "__main__":
    main()
