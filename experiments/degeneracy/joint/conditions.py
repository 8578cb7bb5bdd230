"""Networks that are trained on two tasks in turn, and what is kept of them: tables of gates at the ends of blocks."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.degeneracy.gate_table import GateTable, gate_tables
from ntadyn.networks import AbstractGatedNetwork
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.configuration import (
    NO_PENALTIES,
    Configuration,
    Curriculum,
    Dynamics,
    Gating,
    Network,
    Randomness,
    RelativePenalties,
    Teachers,
    TimeConstants,
)
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.labelled import tasks_of_blocks

FAST, SLOW = 0.03, 1.3
# The strongest singular value of teachers that are told apart, over the weakest.
RATIO = 3.0


@dataclass(frozen=True)
class Sizes:
    """What the parameters of all joint experiments begin with.

    Attributes:
        d_in: inputs.
        d_out: outputs.
        seeds: repetitions.
    """

    d_in: int = 8
    d_out: int = 4
    seeds: int = 5

    @property
    def sizes(self) -> tuple[int, int]:
        """d_in and d_out."""
        return self.d_in, self.d_out

    @property
    def entries(self) -> int:
        """D = d_in d_out, the number of entries of a map."""
        return self.d_in * self.d_out


@dataclass(frozen=True)
class DistinctTeachers(Configuration):
    """A configuration whose orthogonal teachers have singular values that all differ, with the same mean square.

    Rows of orthogonal teachers are singular vectors, all of one strength. Here those of all teachers together have
    strengths in equal steps, dealt out to the teachers in turns.
    """

    def build(self, keys: Keys) -> Any:
        """System and initial state of one repetition."""
        system, state = building.build(self, keys)
        number, rows, _ = system.tasks.teachers.shape
        strengths = np.linspace(RATIO, 1.0, number * rows).reshape(rows, number)
        strengths[1::2] = strengths[1::2, ::-1]
        strengths /= np.sqrt(np.mean(strengths**2))
        scaled = system.tasks.teachers * jnp.asarray(strengths.T, system.tasks.teachers.dtype)[..., None]
        # The type checker does not know that all these systems have tasks.
        return eqx.tree_at(lambda system: system.tasks.teachers, system, scaled), state


class Trained(NamedTuple):
    """What is kept of all repetitions.

    Attributes:
        tables: gates of all tasks and weights at the ends of blocks, arrays over (seed, block).
        network: any network of the kind.
        teachers: shape (tasks, d_out, d_in), the same for all repetitions.
        tasks: the task of every block, shape (blocks,).
        times: since the start of the block, shape (blocks, records).
        losses: shape (seeds, blocks, records).
    """

    tables: GateTable
    network: AbstractGatedNetwork
    teachers: Float[Array, "m o i"]
    tasks: np.ndarray
    times: np.ndarray
    losses: np.ndarray


def gated(
    sizes: tuple[int, int], seeds: int, blocks: int, gates: float = FAST, penalties: bool = True
) -> Configuration:
    """A gated linear network of two paths, in the population flow.

    Args:
        sizes: d_in and d_out.
        seeds: repetitions.
        blocks: of length 1.
        gates: their time constant; weights have 1.3.
        penalties: whether gates are held to be nonnegative and of unit L1 norm.
    """
    return Configuration(
        teachers=Teachers(d_in=sizes[0], d_out=sizes[1]),
        curriculum=Curriculum(num_blocks=blocks),
        time_constants=TimeConstants(gates=gates, weights=SLOW),
        penalties=RelativePenalties() if penalties else NO_PENALTIES,
        dynamics=Dynamics.GRADIENT_FLOW,
        randomness=Randomness(num_seeds=seeds),
    )


def two_layers(sizes: tuple[int, int], seeds: int, blocks: int, penalties: bool = True) -> DistinctTeachers:
    """A full network of two layers, the second of them fast, as in figure 6, in the population flow.

    Args:
        sizes: d_in and d_out; there are twice as many hidden units as outputs.
        seeds: repetitions.
        blocks: of length 1.
        penalties: whether the second layer is held to be nonnegative and of Frobenius norm one.
    """
    return DistinctTeachers(
        teachers=Teachers(d_in=sizes[0], d_out=sizes[1]),
        network=Network(gating=Gating.LAYER, initial_gate=0.0, initial_gate_scale=0.01),
        curriculum=Curriculum(num_blocks=blocks),
        time_constants=TimeConstants(gates=0.01, weights=0.06),
        penalties=RelativePenalties(0.22, 1.0, None, 10.0) if penalties else NO_PENALTIES,
        dynamics=Dynamics.GRADIENT_FLOW,
        randomness=Randomness(num_seeds=seeds),
    )


def distinct(spec: Configuration) -> DistinctTeachers:
    """The same with singular values that all differ."""
    return DistinctTeachers(**vars(spec))


def with_blocks(spec: Configuration, duration: float, total: float) -> Any:
    """The same with blocks of another length until some time."""
    return replace(spec, curriculum=Curriculum(block_duration=duration, total_time=total))


def trained(spec: Configuration, records: int = 0) -> Trained:
    """Train all repetitions.

    Args:
        spec: one of the above.
        records: of the loss, inside every block.

    Raises:
        ValueError: for a simulation that fails.
    """
    observables = {
        "network": lambda system, state, task: system.network(state),
        "loss": lambda system, state, task: system.loss(state, task),
    }
    keys = building.keys(spec.randomness)
    trajectory, curriculum = run_ensemble(spec, observables, records, keys=keys)
    if np.any(codes := np.asarray(eqx.filter_jit(result_codes)(trajectory.result))):
        raise ValueError(f"the simulation failed: its repetitions have result codes {codes.tolist()}.")
    tasks = np.argmax(np.asarray(tasks_of_blocks(curriculum)), axis=1)
    networks = trajectory.values["network"]
    start, ends = jax.tree.map(lambda leaf: leaf[:, 0], networks), jax.vmap(trajectory.at_block_ends)(networks)
    tables = jax.vmap(lambda ends, start: gate_tables(ends, start, tasks.tolist(), int(tasks.max()) + 1))(ends, start)
    system, _ = spec.build(building.first(keys))
    times = np.asarray(trajectory.times).reshape(len(tasks), -1)
    return Trained(
        tables,
        building.first(start),
        system.tasks.teachers,
        tasks,
        times - times[:, :1],
        np.asarray(trajectory.values["loss"]).reshape(-1, *times.shape),
    )
