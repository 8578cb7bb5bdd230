"""Consolidation: a mixture of paths that is used again and again becomes a path of its own."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ntadyn.continual.per_path import only_paths, per_path, with_paths
from ntadyn.continual.problem import AbstractProblem
from ntadyn.continual.strategy import AbstractStrategy, Released
from ntadyn.networks.network import AbstractPathNetwork
from ntadyn.regularizers.coefficients import check_nonnegative
from ntadyn.tasks.examples import Batch


class ConsolidationMemory(eqx.Module):
    """What is remembered of gates at the ends of blocks.

    Attributes:
        mixtures: `(n, g)`, gates that several paths shared, flattened.
        uses: `(n,)`, the number of blocks in which each was met; zero for rows that hold nothing.
        idle: `(p,)`, the number of blocks since each path was last in use.
        occupied: `(p,)`, which paths are there; the others are room.
        renewed: which the last block end cleared, or made of a mixture.
        lacked_room: whether a mixture was due while every path was occupied.
    """

    mixtures: Float[Array, "n g"]
    uses: Int[Array, " n"]
    idle: Int[Array, " p"]
    occupied: Bool[Array, " p"]
    renewed: Bool[Array, " p"]
    lacked_room: Bool[Array, ""]


class Consolidation(AbstractStrategy):
    """At the end of a block: W_new = sum_p c_p W^p with a gate of one, if these gates were met `num_uses` times.

    The map of the network stays as it was; what takes two paths or more becomes one. It takes a path with a gate of
    zero and weights of zero: start with some (padding), which are frozen until they are needed, so that nothing is ever
    compiled again. Paths that no block has used for long are cleared, and are room from then on.

    Gates are met again if their cosine with those of an earlier block is at least `alike`; as many mixtures are
    remembered as there are paths, and the least used one makes room for a new one. Two paths that still learn the same
    thing are a mixture, too: this is for networks whose paths have specialised.

    Attributes:
        num_uses: blocks after which a mixture becomes a path.
        open_gate: a path belongs to a mixture if its gate is larger.
        alike: cosine from which gates count as the same.
        num_idle: blocks without use after which a path is cleared.
        shut_gate: a path is not in use in a block that ends with a smaller gate.
        num_start: how many paths of the network are there at the start; weights and gates of the others are set to
            zero, and are room. None leaves the network as it is.

    Raises:
        ValueError: for negative numbers, or, at the start, a network without a weight matrix for each path.

    Source: exact distillation of a mixture of linear experts into one; consolidation in the sense of Schwarz et al.
    2018 (arXiv 1805.06370), without its loss.
    """

    num_uses: int | Int[Array, ""] = 3
    open_gate: float | Float[Array, ""] = 0.05
    alike: float | Float[Array, ""] = 0.95
    num_idle: int | Int[Array, ""] = 10
    shut_gate: float | Float[Array, ""] = 1e-3
    num_start: int | None = eqx.field(static=True, default=None)
    needs_boundaries: ClassVar[bool] = True

    def __check_init__(self):
        for name in ("num_uses", "open_gate", "alike", "num_idle", "shut_gate"):
            check_nonnegative(f"Consolidation: {name}", getattr(self, name))
        if self.num_start is not None and self.num_start < 1:
            raise ValueError(f"Consolidation: num_start is {self.num_start}; at least one path has to be there.")

    def begin(self, problem: AbstractProblem, network: PyTree) -> tuple[AbstractPathNetwork, ConsolidationMemory]:
        """No mixture; paths whose gates and weights are all zero are room."""
        del problem
        if not isinstance(network, AbstractPathNetwork):
            raise ValueError(
                f"Consolidation: a {type(network).__name__} has no weight matrix for each path; use GatedLinear or "
                f"NeuronGatedLinear."
            )
        if self.num_start is not None:
            network = only_paths(network, jnp.arange(network.gates.shape[0]) < self.num_start)
        gates = network.gates
        paths = gates.shape[0]
        occupied = jnp.any(gates.reshape(paths, -1) != 0, axis=1) | jnp.any(network.weights != 0, axis=(1, 2))
        memory = ConsolidationMemory(
            mixtures=jnp.zeros((paths, gates.size), gates.dtype),
            uses=jnp.zeros(paths, int),
            idle=jnp.zeros(paths, int),
            occupied=occupied,
            renewed=jnp.zeros(paths, bool),
            lacked_room=jnp.asarray(False),
        )
        return network, memory

    def released(self, memory: ConsolidationMemory) -> Released:
        """All paths that are there."""
        there = memory.occupied.astype(memory.mixtures.dtype)
        return Released(there, there)

    def at_end(
        self, problem: AbstractProblem, network: PyTree, memory: ConsolidationMemory, batch: Batch
    ) -> tuple[PyTree, ConsolidationMemory]:
        """Clear what is idle, count the mixture in use, and make it a path if it is due."""
        del problem, batch
        return self._consolidated(*self._counted(*self._cleared(network, memory)))

    def renewed(self, memory: ConsolidationMemory) -> Bool[Array, " p"]:
        """New paths and those that were cleared."""
        return memory.renewed

    def is_full(self, memory: ConsolidationMemory) -> Array:
        """Whether a mixture was due while every path was occupied."""
        return memory.lacked_room

    def _cleared(
        self, network: AbstractPathNetwork, memory: ConsolidationMemory
    ) -> tuple[AbstractPathNetwork, ConsolidationMemory]:
        idle = jnp.where(_openness(network) < self.shut_gate, memory.idle + 1, 0)
        kept = memory.occupied & (idle < self.num_idle)
        idle = jnp.where(kept, idle, 0)
        changed = (idle, kept, memory.occupied & ~kept)
        memory = eqx.tree_at(lambda memory: (memory.idle, memory.occupied, memory.renewed), memory, changed)
        return only_paths(network, kept), memory

    def _counted(
        self, network: AbstractPathNetwork, memory: ConsolidationMemory
    ) -> tuple[AbstractPathNetwork, ConsolidationMemory, Int[Array, ""], Bool[Array, ""]]:
        """Also the row of the mixture in use, and whether it is due."""
        gates = network.gates.reshape(-1)
        is_mixture = jnp.sum(_openness(network) > self.open_gate) >= 2
        cosines = memory.mixtures @ gates / _positive(_norms(memory.mixtures) * _norms(gates))
        cosines = jnp.where(memory.uses > 0, cosines, -1)
        known = jnp.max(cosines) >= self.alike
        row = jnp.where(known, jnp.argmax(cosines), jnp.argmin(memory.uses))
        uses = jnp.where(known, memory.uses[row], 0) + 1
        due = is_mixture & (uses >= self.num_uses)
        now = is_mixture & (jnp.arange(memory.uses.size) == row)
        memory = eqx.tree_at(
            lambda memory: (memory.mixtures, memory.uses),
            memory,
            (jnp.where(now[:, None], gates[None], memory.mixtures), jnp.where(now, uses, memory.uses)),
        )
        return network, memory, row, due

    def _consolidated(
        self,
        network: AbstractPathNetwork,
        memory: ConsolidationMemory,
        row: Int[Array, ""],
        due: Bool[Array, ""],
    ) -> tuple[AbstractPathNetwork, ConsolidationMemory]:
        has_room = ~jnp.all(memory.occupied)
        done = due & has_room
        paths = jnp.arange(memory.occupied.size)
        taken = done & (paths == jnp.argmin(memory.occupied))
        alone = jnp.where(per_path(taken, network.gates), jnp.ones_like(network.gates), 0)
        weights = jnp.where(per_path(taken, network.weights), network.total_map()[None], network.weights)
        network = with_paths(network, jnp.where(done, alone, network.gates), weights)
        memory = eqx.tree_at(
            lambda memory: (memory.uses, memory.occupied, memory.renewed, memory.lacked_room),
            memory,
            (
                jnp.where(done & (jnp.arange(memory.uses.size) == row), 0, memory.uses),
                memory.occupied | taken,
                memory.renewed | taken,
                memory.lacked_room | (due & ~has_room),
            ),
        )
        return network, memory


def _openness(network: AbstractPathNetwork) -> Float[Array, " p"]:
    """The largest gate of every path."""
    return jnp.max(jnp.abs(network.gates.reshape(network.gates.shape[0], -1)), axis=1)


def _norms(vectors: Float[Array, "... g"]) -> Float[Array, "..."]:
    return jnp.sqrt(jnp.sum(vectors**2, axis=-1))


def _positive(x: Array) -> Array:
    return jnp.where(x > 0, x, 1)
