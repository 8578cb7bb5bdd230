"""Tasks made of examples: inputs and targets, one set per task.

Axes: `m` task, `n` example, then whatever an input or a target is made of.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ntadyn.tasks.known import known_values


class Batch(eqx.Module):
    """Some examples, weighted.

    Attributes:
        inputs: `(b, ...)`.
        targets: `(b, k)` real numbers, or `(b,)` classes.
        tasks: `(b,)`, the task that each example belongs to.
        weights: `(b,)`, the share of each in any mean over the batch; they sum to one, or are all zero.
    """

    inputs: Float[Array, "b ..."]
    targets: Array
    tasks: Int[Array, " b"]
    weights: Float[Array, " b"]

    def mean(self, values: Float[Array, "b ..."]) -> Float[Array, "..."]:
        """The weighted mean of one value per example."""
        return jnp.tensordot(self.weights, values, axes=1)

    def task_shares(self, num_tasks: int) -> Float[Array, " m"]:
        """The share of every task in the batch, shape (num_tasks,)."""
        return jnp.zeros(num_tasks, self.weights.dtype).at[self.tasks].add(self.weights)


class Examples(eqx.Module):
    """Sets of examples, one per task, in arrays of one shape.

    Attributes:
        inputs: `(m, n, ...)`.
        targets: `(m, n, k)` real numbers, or `(m, n)` whole numbers, which are classes.
        counts: `(m,)`, how many examples each task has; those behind them are padding.

    Raises:
        ValueError: for shapes that do not fit each other, counts out of range, or numbers that are not finite.
    """

    inputs: Float[Array, "m n ..."] = eqx.field(converter=jnp.asarray)
    targets: Array = eqx.field(converter=jnp.asarray)
    counts: Int[Array, " m"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        if self.inputs.ndim < 3 or not jnp.issubdtype(self.inputs.dtype, jnp.floating):
            raise ValueError(
                f"Examples: got inputs of shape {self.inputs.shape} and dtype {self.inputs.dtype}; they must be "
                "floating-point with axes (task, example, ...). Stack the sets of all tasks along a new first axis."
            )
        labels = jnp.issubdtype(self.targets.dtype, jnp.integer)
        if self.targets.shape[:2] != self.inputs.shape[:2] or self.targets.ndim != (2 if labels else 3):
            raise ValueError(
                f"Examples: got targets of shape {self.targets.shape} for inputs of shape {self.inputs.shape}; allowed "
                "are classes (task, example) or real targets (task, example, output), one per input."
            )
        counts, most = known_values(self.counts), self.inputs.shape[1]
        if self.counts.shape != self.inputs.shape[:1] or (
            counts is not None and not np.all((counts >= 1) & (counts <= most))
        ):
            raise ValueError(
                f"Examples: got counts {self.counts} for inputs of shape {self.inputs.shape}; there must be one per "
                f"task, between 1 and {most}."
            )
        for name, array in (("inputs", self.inputs), ("targets", self.targets)):
            values = known_values(array)
            if values is not None and not np.all(np.isfinite(values)):
                raise ValueError(f"Examples: {name} contain NaN or infinity; remove or replace such examples.")

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.inputs.shape[0]

    def of_task(self, task: Int[Array, ""]) -> Batch:
        """All examples of one task, weighted equally; padding has no weight."""
        count, number = self.counts[task], self.inputs.shape[1]
        real = jnp.arange(number, dtype=count.dtype) < count
        weights = real.astype(self.inputs.dtype) / count.astype(self.inputs.dtype)
        return Batch(self.inputs[task], self.targets[task], jnp.full(number, task), weights)

    def mixed(self, shares: Float[Array, " m"]) -> Batch:
        """All examples of all tasks, those of task m together weighted by `shares[m]`."""
        every = jax.vmap(self.of_task)(jnp.arange(self.num_tasks))
        weighted = eqx.tree_at(lambda batch: batch.weights, every, every.weights * shares[:, None])
        return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), weighted)

    def draw(self, key: PRNGKeyArray, shares: Float[Array, " m"], number: int) -> Batch:
        """`number` examples with replacement, each of task m with probability `shares[m]`."""
        of_task, of_example = jax.random.split(key)
        task = jax.random.choice(of_task, self.num_tasks, (number,), p=shares)
        example = jax.random.randint(of_example, (number,), 0, self.counts[task])
        weights = jnp.full(number, 1 / number, self.inputs.dtype)
        return Batch(self.inputs[task, example], self.targets[task, example], task, weights)


class ExampleTasks(eqx.Module):
    """Tasks made of examples, with what is needed to learn them and to judge what was learned.

    Attributes:
        practised: the examples to learn from.
        held_out: those on which results are reported.
        names: one per task.
        heads: `(m, k)`, which outputs are in question in every task; None if all are, or if outputs are real numbers.
    """

    practised: Examples
    held_out: Examples
    names: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    heads: Bool[Array, "m k"] | None = None

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.practised.num_tasks

    def for_choices(self, share: float = 0.2, seed: int = 1) -> "ExampleTasks":
        """The same tasks for the choice of hyper-parameters: a share of what is practised is held out, and no more.

        Args:
            share: of the examples of every task, at least one of them.
            seed: of the choice, which is the same for tasks of as many examples.

        Raises:
            ValueError: for a task of a single example.
        """
        parts: tuple[list, list, list, list] = ([], [], [], [])
        for task, count in enumerate(np.asarray(self.practised.counts).tolist()):
            if count < 2:
                raise ValueError(
                    f"task {self.names[task]!r} has one example to learn from; a choice needs two or more."
                )
            order = np.random.default_rng(seed).permutation(count)
            held = max(1, round(share * count))
            inputs, targets = (
                np.asarray(part[task])[order] for part in (self.practised.inputs, self.practised.targets)
            )
            for part, found in zip(parts, (inputs[held:], targets[held:], inputs[:held], targets[:held]), strict=True):
                part.append(found)
        return ExampleTasks(from_sets(*parts[:2]), from_sets(*parts[2:]), self.names, self.heads)


def from_sets(inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> Examples:
    """Sets of different sizes, padded to the largest by repeating their first example, which then has no weight.

    Args:
        inputs: one array `(n_m, ...)` per task.
        targets: one array `(n_m,)` of whole numbers, or `(n_m, k)` of real ones, per task.

    Raises:
        ValueError: if there is no set, one is empty, or lengths or the shapes of single examples differ.
    """
    counts = [len(x) for x in inputs]
    if not counts or min(counts) < 1 or counts != [len(y) for y in targets]:
        raise ValueError(
            f"from_sets: got {counts} inputs and {[len(y) for y in targets]} targets; every task needs at least one "
            "example, and as many targets as inputs."
        )
    for name, arrays in (("inputs", inputs), ("targets", targets)):
        shapes = sorted({np.shape(array)[1:] for array in arrays})
        if len(shapes) > 1:
            raise ValueError(
                f"from_sets: got single {name} of the shapes {shapes}; they must have one shape in all tasks. Pad or "
                "crop them."
            )
    most = max(counts)

    def padded(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, np.repeat(array[:1], most - len(array), axis=0)])

    return Examples(
        np.stack([padded(np.asarray(x)) for x in inputs]), np.stack([padded(np.asarray(y)) for y in targets]), counts
    )


def held_out_rows(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which of n examples are held out: `round(share n)` of them, from every group its share to within one example.

    Args:
        groups: `(n,)`, the group of each example, for example its class.
        share: of all examples, between 0 and 1.
        seed: of the choice within groups.

    Returns:
        `(n,)` booleans; at least one is held out and at least one is not.

    Raises:
        ValueError: for fewer than two examples, or a share that is not between 0 and 1.
    """
    number = len(groups)
    if number < 2 or not 0 < share < 1:
        raise ValueError(
            f"held_out_rows: got {number} examples and a share of {share}; at least 2 examples are needed, and a share "
            "between 0 and 1, so that some are practised and some are held out."
        )
    shuffled = np.random.default_rng(seed).permutation(number)
    by_group = shuffled[np.argsort(np.asarray(groups)[shuffled], kind="stable")]
    chosen = min(max(round(share * number), 1), number - 1)
    mask = np.zeros(number, bool)
    mask[by_group[((np.arange(chosen) + 0.5) * number / chosen).astype(int)]] = True
    return mask
