"""The printed equations, typed in as they stand, beside what is done here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.harness.runs import Run
from ntadyn.nested.optimisers import (
    AbstractAccumulation,
    Averages,
    MultiScaleMomentum,
    Sums,
    delta_descent,
    momentum,
    momentum_with_read_out,
    orthogonalised,
)

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
            float(_fails(_delta(weights, gradient))),
        ),
        "deep read-out": _read_out(gradient),
        "constant value": _blindness(gradient),
        "Muon's read-out": _muon(gradient),
        "descent as a write": _write(weights, x, output_gradient),
        "delta descent, step": _long_inputs(x),
        "delta descent, solution": _half(keys[7]),
        "terms of a chunk": (_terms(8, 1), _terms(8, 0)),
        "a chunk as a clock": _staleness(),
        "both forms of forgetting": _twice(key, value),
        "both forms of forgetting, halved": _twice(key, value, 0.5),
        "chunk of a token": (_read_too_late(np.ceil), _read_too_late(lambda t: np.floor(t - 1e-9))),
        "value term": _value_term(key, value),
        "two momenta": _second_moments(),
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


def _descents(weights: Array, target: Array, steps: int) -> tuple[Array, Array]:
    """Losses by equations 7 and 8 together (W - m, m - eta g), and by equation 17 (W + m, m - eta g)."""
    rate, kept, losses = 0.1, 0.9, ([], [])
    for into, sign in zip(losses, (-1, 1), strict=True):
        at, memory = weights, jnp.zeros_like(weights)
        for _ in range(steps + 1):
            into.append(0.5 * jnp.sum((at - target) ** 2))
            memory = kept * memory - rate * (at - target)
            at = at + sign * memory
    return jnp.stack(losses[0]), jnp.stack(losses[1])


def _inverse_step(gradient: Array) -> tuple[float, float]:
    """How far momentum moves for eta = 0.1: by the minimiser of -<m, g> + eta |m|^2, and by equation 17; over |g|."""
    rate = 0.1
    moved = gradient / (2 * rate)
    rule = momentum(rate)
    ours, _ = rule.update(gradient, rule.init(gradient))
    size = jnp.linalg.norm(gradient)
    return float(jnp.linalg.norm(moved) / size), float(jnp.linalg.norm(jnp.asarray(ours)) / size)


def _hebbian(key: Array, value: Array) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 after a write to an empty memory: down the slope of <M k, v>, and of its negative."""
    recall = jnp.outer(value, key) @ key @ value / (value @ value)
    return -recall, recall


def _delta(weights: Array, gradient: Array) -> Callable[[], Array]:
    return lambda: weights @ gradient.T @ gradient


def _fails(product: Callable[[], Array]) -> bool:
    """Whether shapes do not fit."""
    try:
        product()
    except TypeError:
        return True
    return False


def _read_out(gradient: Array) -> tuple[Array, Array]:
    """How far a linear memory of one gradient is from momentum: read by applying it to the gradient, and as it is."""
    memory = -gradient
    applied = gradient @ (memory.T @ gradient)
    unit = lambda matrix: matrix / jnp.linalg.norm(matrix)  # noqa: E731
    return jnp.linalg.norm(unit(applied) - unit(-gradient)), jnp.linalg.norm(unit(memory) - unit(-gradient))


def _blindness(gradient: Array) -> tuple[Array, Array]:
    """Difference of the slopes of <m(u), 1> and of <m(u), u> for u and for -u, over the slope."""

    def slope(matrix: Array, values: Array) -> Array:
        del matrix
        return values

    ones = jnp.ones_like(gradient)
    blind = jnp.linalg.norm(slope(gradient, ones) - slope(-gradient, ones)) / jnp.linalg.norm(ones)
    sees = jnp.linalg.norm(slope(gradient, gradient) - slope(-gradient, -gradient)) / jnp.linalg.norm(gradient)
    return blind, sees


def _muon(gradient: Array) -> tuple[Array, Array]:
    """Cosine with Muon's update of a linear memory under Newton-Schulz: applied to the gradient, and as it is."""
    expected = orthogonalised(gradient)
    rule = momentum_with_read_out(1.0)
    ours, _ = rule.update(gradient, rule.init(gradient))
    applied = orthogonalised(gradient @ gradient.T) @ gradient

    def cosine(one: Array) -> Array:
        return jnp.abs(jnp.sum(one * expected)) / jnp.linalg.norm(one) / jnp.linalg.norm(expected)

    return cosine(applied), cosine(jnp.asarray(ours))


def _write(weights: Array, x: Array, output_gradient: Array) -> tuple[Array, Array]:
    """Change of <W x, g> by a small write of u x^T: with u = +g, as the gradient of the printed term has it, and -g."""
    change = lambda u: (jnp.outer(0.01 * u, x) @ x) @ output_gradient  # noqa: E731
    return change(output_gradient), change(-output_gradient)


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


def _terms(chunk: int, more: int) -> float:
    """Gradients that are counted per step of the stream, if the sum of a chunk has `more` terms than it has steps."""
    number = 64
    counted = sum(
        len([t for t in range(end - chunk + 1 - more, end + 1) if t > 0]) for end in range(chunk, number + 1, chunk)
    )
    return counted / number


def _staleness() -> tuple[float, float]:
    """How far one chunk of 8 steps takes an entry of curvature 1 at the rate 0.1 a step, of the way it has to go.

    As a slower clock it would go as far as one step, as a sum it goes as far as eight. Beside it, the flow.
    """
    return 8 * 0.1, float(1 - np.exp(-0.8))


def _twice(key: Array, value: Array, half: float = 1.0) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 where writes come to rest: with the factor of delta descent and without."""

    def at_rest(factor: float) -> Array:
        memory, forgets = jnp.zeros((OUTPUTS, INPUTS)), jnp.eye(INPUTS) - 0.2 * factor * jnp.outer(key, key)
        for _ in range(400):
            memory = memory @ forgets - 0.2 * jnp.outer(memory @ key - value, key)
        return (memory @ key) @ value / (value @ value)

    return at_rest(half), at_rest(0.0)


def _read_too_late(rounding: Callable[[float], float]) -> float:
    """Of the tokens of a stream, the share that reads a memory in which its own or a later token is written already."""
    chunk = 4
    return float(np.mean([chunk * rounding(t / chunk) >= t for t in range(1, 33)]))


def _value_term(key: Array, value: Array) -> tuple[Array, Array]:
    """<M k, v> / |v|^2 after a write with minus and with plus in front of its value."""
    written = jnp.outer(value, key) @ key @ value / (value @ value)
    return -written, written


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
