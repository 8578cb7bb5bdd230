"""What is run for networks of blocks with clocks of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from experiments.harness.runs import Run
from ntadyn.continual import DataProblem, SquaredError, TeacherProblem
from ntadyn.nested import EverySteps, Level, LevelDescent, PenalisedLoss
from ntadyn.nested.continuum import ChainOfLevels, NestedStarts, ResidualLevels, SumOfLevels, continuum
from ntadyn.networks.network import gaussian_weights
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import Updates, simulate
from ntadyn.simulation.outcome import result_codes
from ntadyn.tasks import Examples
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.teachers import Scale, matched_rows_orthogonal

OUTPUTS, INPUTS = 4, 12
FAST, SLOW = 0.05, 1.0  # time constants of blocks, in units of a block of practice
GATES = 0.03
STEP = 0.002
RECORDS = 36  # inside every block; no multiple of what starts anew twenty times in it
FADING = 0.5  # blocks of practice after which a fast block has forgotten all but 1/e
# Weak, because explicit steps jump across the kink by the step over the time constant times this.
STRENGTH = 0.06


class WithGates(eqx.Module):
    """y = sum_p c_p W^p x + F x: gated paths, and a block beside them.

    Attributes:
        gates: c, shape (paths,).
        paths: W, shape (paths, d_out, d_in).
        beside: F, shape (d_out, d_in).
    """

    gates: Float[Array, " p"]
    paths: Float[Array, "p o i"]
    beside: Float[Array, "o i"]

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output for one input."""
        return (jnp.einsum("p,poi->oi", self.gates, self.paths) + self.beside) @ x


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        num_seeds: repetitions with other teachers and starts.
        num_blocks: of practice, on linear tasks.
        num_tasks: of the linear streams.
        widths: inputs of the networks on tasks that are not linear.
        num_nonlinear_blocks: of practice, on such tasks.
        seed: the seed that all keys are derived from.
    """

    num_seeds: int = 5
    num_blocks: int = 120
    num_tasks: tuple[int, ...] = (2, 3, 4)
    widths: tuple[int, ...] = (8, 16)
    num_nonlinear_blocks: int = 20
    seed: int = 0


Learner = Callable[[Any, Array], tuple[Any, Any]]
"""(problem, key) -> system and network."""
Losses = tuple[Array, Array, Array]
"""Of one run, see `_followed`."""


def runs(parameters: Parameters) -> list[Run]:
    """Linear tasks, and others."""
    parts = {"linear": linear, "nonlinear": nonlinear}
    return [Run(f"blocks_{name}", part, {"parameters": parameters}, name) for name, part in parts.items()]


def linear(parameters: Parameters) -> xr.Dataset:
    """All learners on streams of linear tasks.

    Returns:
        `loss` over (learner, tasks, seed, block, record) within blocks of the later half, its `mean` over all steps of
        every block, and result codes.
    """
    keys = jax.random.split(jax.random.key(parameters.seed), parameters.num_seeds)
    parts = []
    for number in parameters.num_tasks:
        stream = alternating(number, parameters.num_blocks, 1.0)

        def losses(key: Array, learner: Learner, number: int = number, stream: Any = stream) -> Losses:
            of_teachers, of_network = jax.random.split(key)
            tasks = matched_rows_orthogonal(of_teachers, number, OUTPUTS, INPUTS, Scale.UNIT)
            problem: Any = TeacherProblem(tasks=tasks)  # pyright: ignore[reportCallIssue]
            return _followed(*learner(problem, of_network), stream, STEP)

        parts.append([_over(keys, losses, learner) for learner in LEARNERS.values()])
    found = xr.combine_nested(parts, ["tasks", "learner"])
    return found.assign_coords(tasks=list(parameters.num_tasks), learner=list(LEARNERS))


def nonlinear(parameters: Parameters) -> xr.Dataset:
    """Residual blocks on two random perceptrons in turn, on batches: one clock, two clocks, and a reset.

    Returns:
        `loss` over (learner, width, seed, block, record) within blocks of the later half, its `mean` over all steps of
        every block, on the batches, and result codes.
    """
    keys = jax.random.split(jax.random.key(parameters.seed + 1), parameters.num_seeds)
    stream = alternating(2, parameters.num_nonlinear_blocks, 1.0)
    parts = []
    for width in parameters.widths:

        def losses(key: Array, learner: Learner, width: int = width) -> Losses:
            of_teachers, of_examples, of_network = jax.random.split(key, 3)
            teachers = jax.vmap(lambda key: _perceptron(key, width))(jax.random.split(of_teachers, 2))
            inputs = jax.random.normal(of_examples, (2, 2, 500, width))
            answers = jax.vmap(jax.vmap(lambda teacher, x: jax.vmap(lambda one: _answer(teacher, one))(x)), (None, 0))
            targets = answers(teachers, inputs)
            sets = [Examples(inputs[part], targets[part], jnp.full(2, 500)) for part in range(2)]
            problem: Any = DataProblem(
                practised=sets[0],
                held_out=sets[1],
                criterion=SquaredError(),  # pyright: ignore[reportCallIssue]
            )
            return _followed(*learner(problem, of_network), stream, STEP)

        parts.append([_over(keys, losses, _residual(width, *clocks)) for clocks in RESIDUAL.values()])
    found = xr.combine_nested(parts, ["width", "learner"])
    return found.assign_coords(width=list(parameters.widths), learner=list(RESIDUAL))


def _over(keys: Array, losses: Callable[[Array, Learner], Losses], learner: Learner) -> xr.Dataset:
    loss, mean, result = jax.jit(jax.vmap(lambda key: losses(key, learner)))(keys)
    return xr.Dataset(
        {
            "loss": (("seed", "block", "record"), np.asarray(loss)),
            "mean": (("seed", "block"), np.asarray(mean)),
            "result": ("seed", np.asarray(result)),
        }
    )


def _followed(system: Any, network: Any, stream: Any, step: float) -> Losses:
    """Losses within the blocks of the later half, their mean over all steps, and how the run ended."""
    run = simulate(system, stream, system.initial_state(network), method=Updates(step), records_per_block=RECORDS)
    losses, total = (run.values[name].reshape(stream.num_blocks, -1) for name in ("loss", "cumulative_loss"))
    means = (total[:, -1] - total[:, 0]) / stream.durations
    half = stream.num_blocks // 2
    return losses[half:], means[half:], result_codes(run.result)


def _system(problem: Any, levels: tuple[Level, ...], batch_size: int | None = None) -> Any:
    options: dict[str, Any] = {"data_key": jax.random.key(7), "batch_size": batch_size}
    return LevelDescent(problem=problem, levels=levels, **options)  # pyright: ignore[reportCallIssue]


def _side_by_side(taus: tuple[float, ...], **options: Any) -> Learner:
    """Blocks that add up, of which the slower moves after every other step."""

    def make(problem: Any, key: Array) -> tuple[Any, Any]:
        network = SumOfLevels.initialise(key, len(taus), (OUTPUTS, INPUTS))
        return _system(problem, continuum(taus, (1, 2)[: len(taus)], **options)), network

    return make


def _nested(problem: Any, key: Array) -> tuple[Any, Any]:
    """The network starts anew from where it should start, twenty times in a block of practice."""
    chunk = round(0.05 / STEP)
    options: dict[str, Any] = {
        "data_key": jax.random.key(7), "chunks": (chunk,), "shares": (FAST / SLOW,), "batch_size": None,
    }  # fmt: skip
    # All of a network is set back and moves, gates too: here it is a map without any.
    network = ChainOfLevels((gaussian_weights(key, (OUTPUTS, INPUTS), 0.01),))
    return NestedStarts(problem=problem, time_constant=FAST, **options), network  # pyright: ignore[reportCallIssue]


def _gated(beside: bool, resets: bool = False) -> Learner:
    """As many paths as tasks, with fast gates; and a fast block beside them."""

    def make(problem: Any, key: Array) -> tuple[Any, Any]:
        number = problem.num_tasks
        paths = 0.01 * jax.random.normal(key, (number, OUTPUTS, INPUTS)) / INPUTS**0.5
        network = WithGates(jnp.full(number, 1 / number), paths, jnp.zeros((OUTPUTS, INPUTS)))
        penalty = PenalisedLoss(Nonnegativity(5 * STRENGTH) + UnitL1Norm(10 / 11 * STRENGTH))
        levels = (
            Level("gates", lambda network: network.gates, EverySteps(GATES), penalty),
            Level("paths", lambda network: network.paths, EverySteps(SLOW)),
        )
        fast = Level("beside", lambda network: network.beside, EverySteps(FAST), resets=resets)
        return _system(problem, (*levels, fast) if beside else levels), network

    return make


LEARNERS: dict[str, Learner] = {
    "one block": _side_by_side((1 / (1 / FAST + 1 / SLOW),)),
    "two that add up": _side_by_side((FAST, SLOW)),
    "with a retention": _side_by_side((FAST, SLOW), retentions=(1 - STEP / FADING, 1.0)),
    "with a reset": _side_by_side((FAST, SLOW), resets=(True, False)),
    "nested": _nested,
    "gates": _gated(beside=False),
    "gates and a block": _gated(beside=True),
    "gates and a reset": _gated(beside=True, resets=True),
}
# Clocks of two residual blocks, and whether the first one resets.
RESIDUAL = {
    "one clock": ((0.1, 0.1), (False, False)),
    "two clocks": ((0.1, 1.0), (False, False)),
    "two clocks and a reset": ((0.1, 1.0), (True, False)),
}


def _residual(width: int, taus: tuple[float, float], resets: tuple[bool, bool]) -> Learner:
    def make(problem: Any, key: Array) -> tuple[Any, Any]:
        network = ResidualLevels.initialise(key, 2, (OUTPUTS, width), scale=1.0)
        read_out = Level("read-out", lambda network: network.read_out, EverySteps(taus[1]))
        return _system(problem, (*continuum(taus, (1, 2), resets=resets), read_out), 32), network

    return make


def _perceptron(key: Array, width: int) -> tuple[Array, Array]:
    first, second = jax.random.split(key)
    return jax.random.normal(first, (4 * width, width)) / width**0.5, jax.random.normal(
        second, (OUTPUTS, 4 * width)
    ) / (4 * width) ** 0.5


def _answer(teacher: tuple[Array, Array], x: Array) -> Array:
    first, second = teacher
    return second @ jnp.tanh(first @ x)
