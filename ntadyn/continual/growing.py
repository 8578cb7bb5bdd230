"""Dynamically expandable networks: paths are added for tasks that the old ones do not explain."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ntadyn.continual.gate_fit import fitted_gates, residual, with_fitted_gates
from ntadyn.continual.new_paths import AbstractNewPath, ResidualPath
from ntadyn.continual.per_path import only_paths, per_path
from ntadyn.continual.problem import AbstractProblem
from ntadyn.continual.strategy import AbstractStrategy, Released
from ntadyn.networks import GatedLinear
from ntadyn.regularizers.coefficients import check_nonnegative
from ntadyn.tasks.examples import Batch

# Paths with smaller gates have no part in a task.
IN_USE = 1e-3
# The block in which paths were born that were there before the first one.
BEFORE = -1


class GrowthMemory(eqx.Module):
    """What a growing network remembers of its paths, those that are not alive included.

    Attributes:
        alive: which paths there are; the others are room to grow.
        born: the block in which each came to be, from 0; `BEFORE` for those of the start.
        learning: which learn in this block.
        added: which were added at the start of this block.
        renewed: which the last jump gave other weights.
        snapshot: the weights at the start of this block.
        block: number of this block.
        full: whether more paths were ever wanted than there was room for.
        key: the key of the next random weights.
    """

    alive: Bool[Array, " p"]
    born: Int[Array, " p"]
    learning: Bool[Array, " p"]
    added: Bool[Array, " p"]
    renewed: Bool[Array, " p"]
    snapshot: Float[Array, "p o i"]
    block: Int[Array, ""]
    full: Bool[Array, ""]
    key: PRNGKeyArray


class DynamicallyExpandable(AbstractStrategy):
    """Fit the gates; learn with the paths in use if that explains the task, else add paths; split paths that drift.

    The network has all paths that it may ever need from the start. Growing is a matter of masks: no shape changes.

    - Block start, selective retraining: the gates become those of `fitted_gates` over living paths. If they leave no
      more than `loss_threshold` of the task unexplained, the paths in use learn in this block. Else expansion:
      `num_added` new paths, with gates of one, learn; all others are frozen.
    - Block end, group lasso: the weights E of new paths become E max(0, 1 - lambda / |E|_F), lambda = `group_lasso`,
      the minimum of 1/2 |W - E|^2 + lambda |W|_F. New paths at zero are dropped.
    - Block end, split and duplicate: paths in use that have moved by more than `split_threshold` of their norm get
      their old weights back, and a gate of zero; a new path takes the moved weights and the gate. Largest drift first.

    Four departures from the paper. Gates stand still during a block, also those of new paths: gates and weights of a
    path share one scale, and the fit has already set it. Group lasso is one proximal step after the block: with white
    inputs and a gate of one that is the minimum of the penalised loss, and the flow itself stays in closed form. Whole
    paths are the units. Splitting does not wait for expansion, and the largest drift goes first.

    A task at the angle theta to the span of the old ones leaves sin^2(theta) unexplained. What is below
    `loss_threshold` is learned by a path in use, which drifts by tan(theta) if it serves the task alone.

    Attributes:
        loss_threshold: the share of a task that may stay unexplained without new paths.
        split_threshold: the relative drift beyond which a path is split.
        group_lasso: lambda.
        initial: the first weights of new paths.
        num_added: how many paths an expansion adds.
        num_start: how many paths of the network are there at the start; weights and gates of the others are set to
            zero, and are room to grow.
        seed: of random weights.

    Raises:
        ValueError: for thresholds that are negative, or numbers of paths out of range.

    Source: Yoon, Yang, Lee, Hwang 2018 (arXiv 1708.01547), algorithms 1 to 4.
    """

    loss_threshold: float | Float[Array, ""] = 0.05
    split_threshold: float | Float[Array, ""] = 0.1
    group_lasso: float | Float[Array, ""] = 0.01
    initial: AbstractNewPath = ResidualPath()
    num_added: int = eqx.field(static=True, default=1)
    num_start: int = eqx.field(static=True, default=0)
    seed: int = eqx.field(static=True, default=0)
    needs_boundaries: ClassVar[bool] = True

    def __check_init__(self):
        for name in ("loss_threshold", "split_threshold", "group_lasso"):
            check_nonnegative(f"DynamicallyExpandable: {name}", getattr(self, name))
        if self.num_added < 1 or self.num_start < 0:
            raise ValueError(
                f"DynamicallyExpandable: num_added is {self.num_added} and num_start {self.num_start}; add at least "
                f"one path at a time, and start with none or more."
            )

    def begin(self, problem: AbstractProblem, network: Any) -> tuple[GatedLinear, GrowthMemory]:
        """The first `num_start` paths as they are, and room for the others.

        Raises:
            ValueError: if the network is no `GatedLinear`, or has fewer paths.
        """
        del problem
        if not isinstance(network, GatedLinear) or network.gates.size < self.num_start:
            has = f" with {network.gates.size} paths" if isinstance(network, GatedLinear) else ""
            raise ValueError(
                f"DynamicallyExpandable: got a {type(network).__name__}{has}; it grows a GatedLinear that has as many "
                f"paths as it may ever need, at least num_start = {self.num_start}."
            )
        number = network.gates.size
        alive, none = jnp.arange(number) < self.num_start, jnp.zeros(number, bool)
        network = only_paths(network, alive)
        born, block = jnp.full(number, BEFORE, int), jnp.asarray(BEFORE, int)
        key = jax.random.key(self.seed)
        return network, GrowthMemory(alive, born, alive, none, none, network.weights, block, jnp.asarray(False), key)

    def readapted(self, problem: AbstractProblem, network: Any, memory: GrowthMemory, batch: Batch) -> Any:
        """The network with the gates that fit best."""
        del problem
        return with_fitted_gates(network, batch, memory.alive)

    def at_start(
        self, problem: AbstractProblem, network: GatedLinear, memory: GrowthMemory, batch: Batch
    ) -> tuple[GatedLinear, GrowthMemory]:
        """Selective retraining, or expansion."""
        del problem
        key, of_paths = jax.random.split(memory.key)
        block, alive = memory.block + 1, memory.alive
        fitted = with_fitted_gates(network, batch, alive)
        wanted = jnp.where(residual(fitted, batch) > self.loss_threshold, self.num_added, 0)
        place = _places(~alive)
        added = ~alive & (place < wanted)
        first = self.initial.weights(fitted, batch, of_paths, self.num_added)
        old = network.weights
        weights = jnp.where(per_path(added, old), first[jnp.clip(place, 0, self.num_added - 1)], old)
        learning = jnp.where(jnp.any(added), added, fitted.gates > IN_USE)
        grown = GrowthMemory(
            alive=alive | added,
            born=jnp.where(added, block, memory.born),
            learning=learning,
            added=added,
            renewed=added,
            snapshot=weights,
            block=block,
            full=memory.full | (jnp.sum(~alive) < wanted),
            key=key,
        )
        return GatedLinear(jnp.where(added, 1, fitted.gates), weights), grown

    def at_end(
        self, problem: AbstractProblem, network: GatedLinear, memory: GrowthMemory, batch: Batch
    ) -> tuple[GatedLinear, GrowthMemory]:
        """Group lasso on new paths, then split and duplicate."""
        del problem, batch
        learned = network.weights
        weights = jnp.where(per_path(memory.added, learned), shrunk(learned, self.group_lasso), learned)
        dropped = memory.added & (_norms(weights) == 0)
        alive, gates = memory.alive & ~dropped, jnp.where(dropped, 0, network.gates)
        before = _norms(memory.snapshot)
        drift = _norms(weights - memory.snapshot) / jnp.where(before > 0, before, 1)
        drifted = memory.learning & ~memory.added & (drift > self.split_threshold)
        room, number = jnp.sum(~alive), jnp.sum(drifted)
        order = jnp.argsort(jnp.where(drifted, -drift, jnp.inf))
        split = drifted & (jnp.argsort(order) < room)
        place = _places(~alive)
        copies = ~alive & (place < number)
        source = order[jnp.clip(place, 0)]
        restored = jnp.where(per_path(split, weights), memory.snapshot, weights)
        network = GatedLinear(
            jnp.where(copies, gates[source], jnp.where(split, 0, gates)),
            jnp.where(per_path(copies, weights), weights[source], restored),
        )
        changes = {
            "alive": alive | copies,
            "born": jnp.where(copies, memory.block, memory.born),
            "renewed": copies | split | dropped,
            "full": memory.full | (number > room),
        }
        return network, eqx.tree_at(
            lambda memory: [getattr(memory, name) for name in changes], memory, list(changes.values())
        )

    def released(self, memory: GrowthMemory) -> Released:
        """The weights of the paths that learn; no gate."""
        dtype = memory.snapshot.dtype
        return Released(jnp.zeros((), dtype), memory.learning.astype(dtype))

    def renewed(self, memory: GrowthMemory) -> Bool[Array, " p"]:
        """New paths and those that were split or dropped."""
        return memory.renewed

    def timestamped_gates(
        self, network: GatedLinear, memory: GrowthMemory, batch: Batch, block: int | Int[Array, ""]
    ) -> Float[Array, " p"]:
        """The gates for a task with only the paths that were there when it was learned.

        Args:
            network: the network.
            memory: of this strategy.
            batch: examples of the task.
            block: the block in which the task was learned; paths that were born later have no part.
        """
        return fitted_gates(network, batch, memory.alive & (memory.born <= block))

    def is_full(self, memory: GrowthMemory) -> Bool[Array, ""]:
        """Whether more paths were wanted than there was room for."""
        return memory.full

    def complaints(self, memory: GrowthMemory) -> tuple[str, ...]:
        """Says so if the network was too small."""
        if not np.any(np.asarray(memory.full)):
            return ()
        return (f"the network needed more than its {memory.alive.shape[-1]} paths; give it more.",)


def num_alive(system: Any, state: Any, task: Any) -> Int[Array, ""]:
    """How many paths a growing network has."""
    del system, task
    return jnp.sum(state.memory.alive)


def shrunk(weights: Float[Array, "p o i"], group_lasso: float | Float[Array, ""]) -> Float[Array, "p o i"]:
    """argmin_W 1/2 |W - E|^2 + lambda |W|_F = E max(0, 1 - lambda / |E|_F), zero if and only if lambda >= |E|_F.

    Args:
        weights: E, one matrix per path.
        group_lasso: lambda.

    Source: arXiv 1708.01547, equation 3, on whole paths.
    """
    norms = _norms(weights)
    kept = norms > group_lasso
    # A difference of two close numbers is exact; 1 - lambda / |E| could round to zero too early.
    share = jnp.where(kept, (norms - group_lasso) / jnp.where(kept, norms, 1), 0)
    return per_path(share, weights) * weights


def _norms(weights: Float[Array, "p o i"]) -> Float[Array, " p"]:
    squares = jnp.sum(weights**2, axis=(1, 2))
    # The root has no derivative at zero, where paths that are not alive are.
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)


def _places(free: Bool[Array, " p"]) -> Int[Array, " p"]:
    """The number of every free slot among the free ones, from 0; meaningless elsewhere."""
    return jnp.cumsum(free) - 1
