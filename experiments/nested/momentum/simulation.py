"""What is run for momentum and its kin, in steps on losses that are known exactly: loops of updates, and sweeps."""

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
from ntadyn.nested.level_descent import cumulative_loss
from ntadyn.nested.optimisers import RootMeanSquare, delta_momentum, momentum, momentum_with_read_out
from ntadyn.specs import optimisers
from ntadyn.specs.configuration import Curriculum
from ntadyn.specs.switching import SwitchingStudent
from ntadyn.sweeps import Streams, Sweep, Threads, as_axes, run_sweep
from ntadyn.sweeps.level_scores import CUMULATIVE_LOSS, LEVELS
from ntadyn.sweeps.scores import OUTCOME, Measures

OUTPUTS, INPUTS = 10, 20
CONDITIONS = (10.0, 1000.0)
SUBSPACES, STEPS_PER_SUBSPACE = 4, 40
REACHED = 1e-6
# The valley: where it starts, and one setting at which all are compared untuned.
START, FIXED_RATE, FIXED_RETENTION = (-3.5, 2.0), 0.01, 0.95

Rule = Callable[[Any, Any], optax.GradientTransformation]
# Every rule as a function of its learning rate and its retention.
RULES: dict[str, Rule] = {
    "descent": lambda rate, kept: momentum(rate, 0.0 * kept),
    "momentum": momentum,
    "delta momentum": lambda rate, kept: delta_momentum(rate, kept, 0.5),
    "delta, as printed": lambda rate, kept: delta_momentum(rate, kept, rate, normalised=False),
    "momentum over size": lambda rate, kept: momentum(rate, kept, RootMeanSquare(0.9)),
    "Muon": momentum_with_read_out,
    "Adam": lambda rate, kept: optax.adam(rate, b1=kept),
}
# Those that are followed over block lengths, and what is kept of every run.
FOLLOWED = {
    "momentum": optimisers.Momentum(),
    "delta momentum": optimisers.DeltaMomentum(),
    "Muon": optimisers.Muon(),
    "Adam": optimisers.Adam(),
    "two momenta": optimisers.TwoMomenta(),
}
IN_PRACTICE = Measures({CUMULATIVE_LOSS: cumulative_loss}, LEVELS | {"result": OUTCOME.scores["result"]})


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_rates: learning rates of the grid, from 1e-3 to 10.
        retentions: of the grid.
        steps: on the quadratics, and per task sequence.
        size: retentions and block lengths of the phase diagram, each.
        num_seeds: repetitions of what switches, with other teachers and starts.
        seed: the seed that all keys are derived from.
    """

    num_rates: int = 25
    retentions: tuple[float, ...] = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
    steps: int = 500
    size: int = 16
    num_seeds: int = 5
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """One for every part."""
    parts = {"valley": valley, "quadratics": quadratics, "subspaces": subspaces, "switching": switching}
    return [Run(f"momentum_{name}", part, {"parameters": parameters}, name) for name, part in parts.items()]


def valley(parameters: Parameters) -> xr.Dataset:
    """r^2 + (r - theta + sin 2r)^2: steps until it stays below 1e-6, over the grid and at one setting."""

    def loss(x: Array, step: Array) -> Array:
        del step
        return x[0] ** 2 + (x[0] - x[1] + jnp.sin(2 * x[0])) ** 2

    start = jnp.asarray(START)

    def steps(losses: Array) -> Array:
        above = ~(losses < REACHED)
        return jnp.where(jnp.any(above), losses.shape[0] - jnp.argmax(above[::-1]), 0)

    found = {name: _over_grid(rule, loss, start, 2000, parameters, steps) for name, rule in RULES.items()}
    fixed = [steps(_losses(rule(FIXED_RATE, FIXED_RETENTION), loss, start, 2000)) for rule in RULES.values()]
    return _dataset(found, parameters, "steps").assign(fixed=("rule", np.asarray(fixed)))


def quadratics(parameters: Parameters) -> xr.Dataset:
    """1/2 tr (W - W*)^T H (W - W*) with eigenvalues of H from 1/condition to 1: the loss after all steps."""
    keys = jax.random.split(jax.random.key(parameters.seed), 3)
    basis = jax.random.orthogonal(keys[0], OUTPUTS)
    target, start = (jax.random.normal(key, (OUTPUTS, INPUTS)) for key in keys[1:])
    parts = []
    for condition in CONDITIONS:
        curvature = basis @ jnp.diag(jnp.geomspace(1 / condition, 1.0, OUTPUTS)) @ basis.T

        def loss(weights: Array, step: Array, curvature: Array = curvature) -> Array:
            del step
            return 0.5 * jnp.sum((weights - target) * (curvature @ (weights - target)))

        found = {
            name: _over_grid(rule, loss, start, parameters.steps, parameters, lambda losses: losses[-1])
            for name, rule in RULES.items()
        }
        parts.append(_dataset(found, parameters, "loss"))
    return xr.concat(parts, dim="condition").assign_coords(condition=list(CONDITIONS))


def subspaces(parameters: Parameters) -> xr.Dataset:
    """One map, whose inputs come from four orthogonal subspaces in turn: the mean loss along the stream."""
    keys = jax.random.split(jax.random.key(parameters.seed), parameters.num_seeds)
    width = INPUTS // SUBSPACES
    number = 4 * SUBSPACES * STEPS_PER_SUBSPACE

    def of_seed(key: Array, rule: Rule) -> Array:
        of_target, of_basis = jax.random.split(key)
        target = jax.random.normal(of_target, (OUTPUTS, INPUTS)) / INPUTS**0.5
        basis = jax.random.orthogonal(of_basis, INPUTS).reshape(INPUTS, SUBSPACES, width)

        def loss(weights: Array, step: Array) -> Array:
            inputs = basis[:, (step // STEPS_PER_SUBSPACE) % SUBSPACES]
            return 0.5 * SUBSPACES * jnp.sum(((weights - target) @ inputs) ** 2)

        return _over_grid(rule, loss, jnp.zeros((OUTPUTS, INPUTS)), number, parameters, jnp.mean)

    found = {name: jax.vmap(lambda key, rule=rule: of_seed(key, rule))(keys) for name, rule in RULES.items()}
    return _dataset(found, parameters, "loss", "seed")


def switching(parameters: Parameters) -> xr.Dataset:
    """One map and two orthogonal tasks in turn: the loss in practice, over retention and block length in steps.

    At every retention and block length, with every other learning rate of the grid.

    Returns:
        `loss` over (rule, seed, length, retention, rate), mean over the later half of the blocks of the run; not finite
        where a rule diverges.
    """
    lengths = np.unique(np.round(np.geomspace(2, 200, parameters.size)))
    axes: Any = {
        "curriculum.block_duration": lengths,
        "optimiser.retention": 1 - np.geomspace(1.0, 0.005, parameters.size),
        "optimiser.learning_rate": np.asarray(_rates(parameters))[::2],
    }
    curriculum = Curriculum(block_duration=1.0, total_time=2.0 * parameters.steps)
    found = []
    for optimiser in FOLLOWED.values():
        plan = Sweep(
            SwitchingStudent(optimiser, curriculum),
            as_axes(axes),
            streams=Streams(teachers=parameters.num_seeds, initial=1),
        )
        loss = run_sweep(plan, IN_PRACTICE, compute=Threads(1)).practice_loss
        found.append(loss.drop_vars(["teachers_seed", "initial_seed", "data_seed"], errors="ignore"))
    names = {
        "block_duration": "length",
        "optimiser_retention": "retention",
        "optimiser_learning_rate": "rate",
    }
    whole = xr.concat(found, dim="rule").rename(names).rename("loss").assign_coords(rule=list(FOLLOWED))
    return whole.transpose("rule", "seed", "length", "retention", "rate").to_dataset()


def _rates(parameters: Parameters) -> Array:
    return jnp.geomspace(1e-3, 10.0, parameters.num_rates)


def _losses(
    rule: optax.GradientTransformation, loss: Callable[[Array, Array], Array], start: Array, number: int
) -> Array:
    """The loss before every step of a run."""

    def step(carry: Any, count: Array) -> tuple[Any, Array]:
        weights, state = carry
        value, gradient = jax.value_and_grad(loss)(weights, count)
        update, state = rule.update(gradient, state, weights)
        return (optax.apply_updates(weights, update), state), value

    return jax.lax.scan(step, (start, rule.init(start)), jnp.arange(number))[1]


def _over_grid(
    rule: Rule,
    loss: Callable[[Array, Array], Array],
    start: Array,
    number: int,
    parameters: Parameters,
    measure: Callable[[Array], Array],
) -> Array:
    """A measure of the losses of a run, over learning rates and retentions; infinite where it is not a number."""

    def cell(rate: Array, retention: Array) -> Array:
        value = measure(_losses(rule(rate, retention), loss, start, number)).astype(start.dtype)
        return jnp.where(jnp.isnan(value), jnp.inf, value)

    kept = jnp.asarray(parameters.retentions)
    return jax.jit(jax.vmap(jax.vmap(cell, (None, 0)), (0, None)))(_rates(parameters), kept)


def _dataset(found: dict[str, Array], parameters: Parameters, name: str, *leading: str) -> xr.Dataset:
    values = np.stack([np.asarray(array) for array in found.values()])
    return xr.Dataset(
        {name: (("rule", *leading, "rate", "retention"), values)},
        {"rule": list(found), "rate": np.asarray(_rates(parameters)), "retention": list(parameters.retentions)},
    )
