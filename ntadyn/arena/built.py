"""What an entry of a contest builds, once, before anything runs."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.arena.entry import Entry
from ntadyn.specs import building
from ntadyn.specs.paths import replaced
from ntadyn.tasks import AbstractCurriculum


@dataclasses.dataclass(frozen=True)
class Built:
    """An entry, and what its spec builds for the first repetition.

    Attributes:
        entry: who takes part.
        system: the learner.
        state: its initial state.
        curriculum: the stream.
        block_tasks: the task of every block.
        silent_loss: the largest loss on any task of a network whose parameters are all zero.
    """

    entry: Entry
    system: Any
    state: Any
    curriculum: AbstractCurriculum
    block_tasks: np.ndarray
    silent_loss: float

    def mean_duration(self) -> float:
        """Of its blocks."""
        return float(np.mean(np.asarray(self.curriculum.durations)))

    def with_value(self, spec: Any, value: Any) -> Any:
        """A spec with a value of what the entry tunes; None leaves it as it is."""
        tuning = self.entry.tuning
        return spec if tuning is None or value is None else replaced(spec, {tuning.path: value})

    @classmethod
    def of(cls, entry: Entry, key: building.Keys) -> "Built":
        """Build the first repetition.

        Args:
            entry: who takes part.
            key: of that repetition.

        Raises:
            ValueError: for blocks that mix tasks.
        """
        system, state = eqx.filter_jit(entry.spec.build)(key)
        curriculum = entry.spec.build_curriculum(system)
        return cls(entry, system, state, curriculum, _block_tasks(curriculum), float(_silent_loss(system, state)))


@eqx.filter_jit
def _tasks_of(curriculum: AbstractCurriculum) -> jax.Array:
    blocks = jnp.arange(curriculum.num_blocks)
    middles = 0.5 * (curriculum.edges[:-1] + curriculum.edges[1:])
    return jax.vmap(curriculum.task)(blocks, middles)


def _block_tasks(curriculum: AbstractCurriculum) -> np.ndarray:
    """The task of every block.

    Raises:
        ValueError: for blocks that mix tasks.
    """
    shares = np.asarray(_tasks_of(curriculum))
    if not np.all(np.isin(shares, (0.0, 1.0))):
        raise ValueError("blocks of a contest must have one task each; this curriculum mixes tasks.")
    return np.argmax(shares, axis=-1)


@eqx.filter_jit
def _silent_loss(system: Any, state: Any) -> jax.Array:
    """The largest loss on any task of a network whose parameters are all zero."""
    network = jax.tree.map(lambda leaf: jnp.zeros_like(leaf) if eqx.is_inexact_array(leaf) else leaf, state.network)
    return jnp.max(system.problem.losses(network))
