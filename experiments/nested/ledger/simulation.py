"""The printed equations, typed in as they stand, and what public code does, beside what is done here."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array

from experiments.harness.runs import Run
from experiments.nested.ledger.public_code import clipped_softly, slope_behind_a_norm, states_with_frozen_slopes
from ntadyn.continual import TeacherProblem
from ntadyn.nested import LevelDescent
from ntadyn.nested.continuum import SumOfLevels, continuum
from ntadyn.nested.memories import (
    AssociativeMemory,
    Chunked,
    Delta,
    Hebbian,
    MatrixMemory,
    Read,
    Recurrent,
    Titans,
    TitansRetention,
    Writes,
)
from ntadyn.nested.optimisers import (
    AbstractAccumulation,
    AbstractMemoryObjective,
    Averages,
    DotProduct,
    MultiScaleMomentum,
    Ones,
    Sums,
    delta_descent,
    delta_momentum,
    momentum,
    momentum_with_read_out,
    orthogonalised,
)
from ntadyn.tasks import from_matrices

OUTPUTS, INPUTS = 4, 6


@dataclass(frozen=True)
class Parameters:
    """What the ledger is made of.

    Attributes:
        seed: the seed that all keys are derived from.
        steps: of descent, where an equation is followed.
    """

    seed: int = 0
    steps: int = 20


def runs(parameters: Parameters) -> list[Run]:
    """One."""
    return [Run("ledger", simulated, {"parameters": parameters}, "ledger")]


def simulated(parameters: Parameters) -> xr.Dataset:
    """Every row of the ledger.

    Args:
        parameters: the seed.

    Returns:
        `printed` and `ours` over `row`: one number for each, which `numbers` says the meaning of; and the losses along
        descent by equations 7 and 8 and by ours.
    """
    keys = jax.random.split(jax.random.key(parameters.seed), 8)
    target, weights, gradient = (jax.random.normal(key, (OUTPUTS, INPUTS)) for key in keys[:3])
    x, output_gradient = jax.random.normal(keys[3], (INPUTS,)), jax.random.normal(keys[4], (OUTPUTS,))
    key = jax.random.normal(keys[5], (INPUTS,))
    key, value = key / jnp.linalg.norm(key), jax.random.normal(keys[6], (OUTPUTS,))
    printed, ours = _descents(weights, target, parameters.steps)
    rows = {
        "momentum": (printed[-1] / printed[0], ours[-1] / ours[0]),
        "inverse step": _inverse_step(gradient),
        "hebbian sign": _hebbian(key, value),
        "delta shapes": (
            float(_fails(lambda: gradient.T @ gradient @ weights)),
            float(_fails(lambda: _updated(delta_momentum(0.1), gradient))),
        ),
        "deep read-out": _read_out(gradient),
        "constant value": _blindness(gradient),
        "Muon's read-out": _muon(gradient),
        "descent as a write": _write(weights, x, output_gradient),
        "delta descent, step": _long_inputs(x),
        "delta descent, solution": _half(keys[7]),
        "terms of a chunk": _terms(),
        "a chunk as a clock": _staleness(),
        "both forms of forgetting": _twice(key, value),
        "both forms of forgetting, halved": _twice(key, value, 0.5),
        "chunk of a token": _read_too_late(*_pairs(keys[7])),
        "value term": _value_term(key, value),
        "two momenta": _second_moments(),
        "soft clipping": _clipped(key),
        "slopes of a call": _written_twice(key, value),
        "mean of squares": _step(key, value),
        "slope behind a norm": _behind_a_norm(value, output_gradient),
    }
    return xr.Dataset(
        {
            "printed": ("row", [float(pair[0]) for pair in rows.values()]),
            "ours": ("row", [float(pair[1]) for pair in rows.values()]),
            "loss_printed": ("step", np.asarray(printed)),
            "loss_ours": ("step", np.asarray(ours)),
        },
        {"row": list(rows)},
    )


def _pairs(key: Array) -> tuple[Array, Array]:
    """Keys of length one and values of eight tokens."""
    of_keys, of_values = jax.random.split(key)
    keys = jax.random.normal(of_keys, (8, INPUTS))
    return keys / jnp.linalg.norm(keys, axis=1, keepdims=True), jax.random.normal(of_values, (8, OUTPUTS))


def _descents(weights: Array, target: Array, steps: int) -> tuple[Array, Array]:
    """Losses by equations 7 and 8 together (W - m, m - eta g), and by equation 17 (W + m, m - eta g)."""
    rule = momentum(0.1, 0.9)
    losses = []
    for sign in (-1, 1):
        at, state, seen = weights, rule.init(weights), []
        for _ in range(steps + 1):
            seen.append(0.5 * jnp.sum((at - target) ** 2))
            update, state = rule.update(at - target, state)
            at = at + sign * jnp.asarray(update)
        losses.append(jnp.stack(seen))
    return losses[0], losses[1]


def _inverse_step(gradient: Array) -> tuple[float, float]:
    """How far momentum moves for eta = 0.1: by the minimiser of -<m, g> + eta |m|^2, and by equation 17; over |g|."""
    rate = 0.1
    moved = gradient / (2 * rate)
    size = jnp.linalg.norm(gradient)
    return float(jnp.linalg.norm(moved) / size), float(jnp.linalg.norm(_updated(momentum(rate), gradient)) / size)


def _hebbian(key: Array, value: Array) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 after a write to an empty memory: down the slope of <M k, v> as printed, and by `Hebbian`."""
    empty = jnp.zeros((OUTPUTS, INPUTS))
    printed = empty - jax.grad(lambda memory: (memory @ key) @ value)(empty)
    ours = Hebbian().write(empty, key, value, None, jnp.ones(()))
    return _recall(printed, key, value), _recall(ours, key, value)


def _recall(memory: Array, key: Array, value: Array) -> Array:
    return (memory @ key) @ value / (value @ value)


def _fails(product: Callable[[], object]) -> bool:
    """Whether shapes do not fit."""
    try:
        product()
    except TypeError:
        return True
    return False


def _updated(rule: optax.GradientTransformation, gradient: Array) -> Array:
    """The first update of a rule."""
    return jnp.asarray(rule.update(gradient, rule.init(gradient))[0])


def _read_out(gradient: Array) -> tuple[Array, Array]:
    """How far a linear memory of one gradient is from descent: applied to the gradient, and `momentum`."""
    memory = -gradient
    applied = gradient @ (memory.T @ gradient)

    def distance(update: Array) -> Array:
        return jnp.linalg.norm(update / jnp.linalg.norm(update) + gradient / jnp.linalg.norm(gradient))

    return distance(applied), distance(_updated(momentum(0.1), gradient))


def _blindness(gradient: Array) -> tuple[Array, Array]:
    """Difference of the slopes of a memory's objective for u and -u, over the slope: `Ones` and `DotProduct`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # which says what is measured here
        objectives = (Ones(), DotProduct())

    def seen(objective: AbstractMemoryObjective) -> Array:
        one, other = (jax.grad(objective)(gradient, sign * gradient) for sign in (1, -1))
        return jnp.linalg.norm(one - other) / jnp.linalg.norm(one)

    return seen(objectives[0]), seen(objectives[1])


def _muon(gradient: Array) -> tuple[Array, Array]:
    """Cosine with Muon's update of a linear memory under Newton-Schulz: applied to the gradient, and as it is."""
    expected = orthogonalised(gradient)
    applied = orthogonalised(gradient @ gradient.T) @ gradient

    def cosine(one: Array) -> Array:
        return jnp.abs(jnp.sum(one * expected)) / jnp.linalg.norm(one) / jnp.linalg.norm(expected)

    return cosine(applied), cosine(_updated(momentum_with_read_out(1.0), gradient))


def _write(weights: Array, x: Array, output_gradient: Array) -> tuple[Array, Array]:
    """Change of <W x, g> by a small step: a write of g x^T, as the printed term has it, and delta descent."""
    rate = 0.01
    printed = weights + rate * jnp.outer(output_gradient, x)
    ours = delta_descent(weights, x[None], output_gradient[None], rate, 0.0)
    return ((printed - weights) @ x) @ output_gradient, ((ours - weights) @ x) @ output_gradient


def _long_inputs(x: Array) -> tuple[Array, Array]:
    """The factor along x after a step of delta descent on an input of length 3: 1 - |x|^2, and 1 - eta'|x|^2."""
    long = 3 * x / jnp.linalg.norm(x)
    moved = delta_descent(long[None], long[None], jnp.zeros((1, 1)), 1.0)
    return 1 - long @ long, (moved @ long)[0] / (long @ long)


def _half(key: Array) -> tuple[Array, Array]:
    """The weights at which delta descent comes to rest over the solution: with its factor, and without."""
    inputs = jax.random.normal(key, (40, 1))
    ends = []
    for forgetting in (1.0, 0.0):
        weights = jnp.zeros((1, 1))
        for _ in range(200):
            weights = delta_descent(weights, inputs, inputs @ (weights - 1.0).T, 0.5, forgetting)
        ends.append(weights[0, 0])
    return ends[0], ends[1]


def _terms(chunk: int = 8) -> tuple[float, float]:
    """Gradients that are counted per step of the stream: by sums of one term more than a chunk has, and by `continuum`.

    Ours by how far a level has gone, over what every gradient alone moves it, at a rate so small that none changes.
    """
    number, rate = 64, 1e-9
    ends = range(chunk, number + 1, chunk)
    printed = sum(len([t for t in range(end - chunk, end + 1) if t > 0]) for end in ends) / number
    return printed, _way_of_a_level(1.0, chunk, number, rate) / (number * rate)


def _way_of_a_level(time_constant: float, chunk: int, number: int, step: float) -> float:
    """The share of the way to its target that a level of curvature one goes in some steps."""
    teacher = from_matrices(jnp.ones((1, 1, 1)))
    problem: Any = TeacherProblem(tasks=teacher)  # pyright: ignore[reportCallIssue]
    options: dict[str, Any] = {"data_key": jax.random.key(0), "batch_size": None}
    levels = continuum((time_constant,), (chunk,))
    system: Any = LevelDescent(problem=problem, levels=levels, **options)  # pyright: ignore[reportCallIssue]
    state = system.initial_state(SumOfLevels((jnp.zeros((1, 1)),), jnp.ones(1)))
    found = jax.lax.fori_loop(0, number, lambda _, state: system.update(state, jnp.ones(1), jnp.asarray(step)), state)
    return float(found.network.levels[0][0, 0])


def _staleness() -> tuple[float, float]:
    """How far one chunk of 8 steps of 0.1 takes a level, of the way it has to go.

    With the time constant of a level that moves at every step it goes as far as eight of them. A level that is to be
    eight times slower needs a time constant eight times longer, whatever its chunk.
    """
    return _way_of_a_level(1.0, 8, 8, 0.1), _way_of_a_level(8.0, 8, 8, 0.1)


def _twice(key: Array, value: Array, half: float = 1.0) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 where writes come to rest: with the factor of delta descent besides, and by `Delta`."""
    rate = jnp.asarray(0.2)
    forgets = jnp.eye(INPUTS) - rate * half * jnp.outer(key, key)
    printed = ours = jnp.zeros((OUTPUTS, INPUTS))
    for _ in range(400):
        printed = printed @ forgets - rate * jnp.outer(printed @ key - value, key)
        ours = Delta().write(ours, key, value, None, rate)
    return _recall(printed, key, value), _recall(ours, key, value)


def _read_too_late(keys: Array, values: Array, chunk: int = 4) -> tuple[float, float]:
    """The share of tokens whose answer depends on the pair that they write, if it is read before the write.

    As printed, from the memory at the end of the token's own chunk, and from chunks of `AssociativeMemory`.
    """
    number, rates = keys.shape[0], jnp.ones(keys.shape[0])
    start = jnp.zeros((values.shape[1], keys.shape[1]))
    ours = AssociativeMemory(Delta(), Chunked(chunk), read=Read.BEFORE)

    def printed(values: Array) -> Array:
        def one(memory: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
            after = Delta().write(memory, *pair, None, jnp.ones(()))
            return after, after

        states = jax.lax.scan(one, start, (keys, values))[1]
        ends = chunk * np.ceil(np.arange(1, number + 1) / chunk).astype(int)
        return jnp.einsum("ted,td->te", states[ends - 1], keys)

    def share(answers: Callable[[Array], Array]) -> float:
        own = jnp.einsum("tete->te", jax.jacobian(answers)(values))
        return float(jnp.mean(jnp.any(jnp.abs(own) > 1e-9, axis=1)))

    return share(printed), share(lambda values: ours(start, Writes(keys, values, rates), keys)[1])


def _value_term(key: Array, value: Array) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 after a write to an empty memory with minus in front of its value, and by `Delta`."""
    empty = jnp.zeros((OUTPUTS, INPUTS))
    printed = empty - jnp.outer(empty @ key, key) - jnp.outer(value, key)
    return _recall(printed, key, value), _recall(Delta().write(empty, key, value, None, jnp.ones(())), key, value)


def _second_moments() -> tuple[Array, Array]:
    """The effective learning rate after 400 equal gradients over that after 100: squares summed up, and averaged."""
    gradient = jnp.ones((1, 1))

    def over(accumulation: AbstractAccumulation) -> Array:
        options = {"share": 0.0, "squares": 0.999, "read_out": jnp.sign, "accumulation": accumulation}
        rule = MultiScaleMomentum(1.0, **options).transformation()

        def step(state: Any, _: None) -> tuple[Any, Array]:
            update, state = rule.update(gradient, state)
            return state, jnp.asarray(update)[0, 0]

        rates = jax.lax.scan(step, rule.init(gradient), length=400)[1]
        return rates[399] / rates[99]

    return over(Sums()), over(Averages())


def _clipped(key: Array) -> tuple[Array, Array]:
    """The length that a gradient of length 0.01 has after it is clipped at 1: theirs, and what `Titans` writes."""
    slope = jnp.zeros((OUTPUTS, INPUTS)).at[0].set(0.01 * key)
    written = _titans(Titans(), jnp.zeros((OUTPUTS, INPUTS)), _pair(key, 0.01 * jnp.eye(OUTPUTS)[0]))
    return jnp.linalg.norm(clipped_softly(slope)), jnp.linalg.norm(written)


def _written_twice(key: Array, value: Array) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 after two writes of a pair at a rate of one, in one call: theirs, and by `Titans`."""
    empty = jnp.zeros((OUTPUTS, INPUTS))
    writes = _pair(key, value, 2)
    theirs = states_with_frozen_slopes(empty, writes, every=2)[-1]
    return _recall(theirs, key, value), _recall(_titans(Titans(None), empty, writes), key, value)


def _step(key: Array, value: Array) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 after a write to an empty memory at a rate of one: down a mean of squares, and by `Titans`."""
    empty = jnp.zeros((OUTPUTS, INPUTS))
    theirs = empty - jax.grad(lambda memory: jnp.mean((memory @ key - value) ** 2))(empty)
    ours = _titans(Titans(None), empty, _pair(key, value))
    return _recall(theirs, key, value), _recall(ours, key, value)


def _pair(key: Array, value: Array, times: int = 1) -> Writes:
    """One pair, written so many times at a rate of one, without momentum; nothing is forgotten."""
    ones = jnp.ones(times)
    kept = TitansRetention(ones, jnp.zeros(times))
    return Writes(jnp.tile(key, (times, 1)), jnp.tile(value, (times, 1)), ones, kept)


def _titans(rule: Titans, matrix: Array, writes: Writes) -> Array:
    """The matrix that writes leave."""
    state = rule.initial_state(MatrixMemory(matrix))
    return AssociativeMemory(rule, Recurrent())(state, writes, writes.keys)[0].memory.matrix


def _behind_a_norm(answer: Array, target: Array) -> tuple[Array, Array]:
    """|sum of a slope| over its length, for a loss of a normalised answer: theirs, and a gradient.

    Adding a number to every entry of the answer changes nothing: no gradient has such a part.
    """
    weight, bias = jnp.linspace(0.5, 1.5, OUTPUTS), jnp.zeros(OUTPUTS)

    def loss(answer: Array) -> Array:
        normed = (answer - jnp.mean(answer)) / jnp.sqrt(jnp.var(answer) + 1e-6)
        return 0.5 * jnp.sum((weight * normed + bias - target) ** 2)

    def along(slope: Array) -> Array:
        return jnp.abs(jnp.sum(slope)) / jnp.linalg.norm(slope)

    return along(slope_behind_a_norm(answer, target, weight, bias)), along(jax.grad(loss)(answer))
