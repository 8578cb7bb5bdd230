"""Sequences that change one thing: which lengths blocks have, or only in which order they come. No JAX at import."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Array, PRNGKeyArray

    from ntadyn.tasks import Blocked


# Name of an order -> `by_length` and `by_chance` of `Rearranged`.
ORDERS = {"as drawn": (0.0, 0.0), "shuffled": (0.0, 1.0), "long first": (-1.0, 0.0), "short first": (1.0, 0.0)}


@dataclass(frozen=True)
class Rearranged:
    """Gamma-distributed blocks, cut to a longest length, then put in another order: the same blocks for every order.

    Blocks come in the order of by_length times their length plus by_chance times a random number, see `ORDERS`.
    """

    mean: float = 0.2
    """Mean length of a block before it is cut."""
    cv: float = 1.5
    """Their coefficient of variation before they are cut."""
    cap: float = 1000.0
    """Longest length."""
    by_length: float = 0.0
    """Weight of the length."""
    by_chance: float = 0.0
    """Weight of chance."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        import jax
        import jax.numpy as jnp

        from ntadyn.tasks import random_sequences

        number, lengths = trials.num_blocks, _cut_lengths(self, trials, key)
        ends = jnp.cumsum(lengths)
        used = ends - lengths < number
        lengths = jnp.where(used, jnp.minimum(lengths, number - (ends - lengths)), 0)
        lots = jax.random.uniform(jax.random.fold_in(key, number), (number,))
        place = self.by_length * lengths + self.by_chance * lots  # equal ones stay as they were drawn
        ordered = lengths[jnp.argsort(jnp.where(used, place, jnp.inf))]
        return random_sequences.in_turn(ordered, number, trials.durations, trials.num_tasks)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Nothing that `draw` does not refuse."""


@dataclass(frozen=True)
class Paired:
    """Blocks as in `Rearranged`, but each task gets a block of the length that the other one has just had."""

    mean: float = 0.2
    """Mean length of a block before it is cut."""
    cv: float = 1.5
    """Their coefficient of variation before they are cut."""
    cap: float = 1000.0
    """Longest length."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        import jax.numpy as jnp

        from ntadyn.tasks import random_sequences

        number = trials.num_blocks
        pairs = _cut_lengths(self, trials, key)[jnp.arange(number) // 2 * 2]
        return random_sequences.in_turn(pairs, number, trials.durations, trials.num_tasks)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Nothing that `draw` does not refuse."""


def _cut_lengths(blocks: "Rearranged | Paired", trials: "Blocked", key: "PRNGKeyArray") -> "Array":
    """Gamma-distributed lengths in trials, cut to `cap`; whole and at least one, so that an order changes no length."""
    import jax.numpy as jnp

    from ntadyn.tasks import random_sequences

    trial = trials.durations[0]
    drawn = random_sequences.gamma_lengths(key, blocks.mean / trial, blocks.cv, trials.num_blocks)
    return jnp.maximum(jnp.round(jnp.minimum(drawn, blocks.cap / trial)), 1)


@dataclass(frozen=True)
class LongBlocks:
    """Regular blocks, and a number of long ones in a row among them."""

    regular: float = 0.1
    """Length of all others."""
    long: float = 1.0
    """Length of the long ones."""
    number: float = 4.0
    """How many; a whole number."""
    start: float = 0.0
    """When they begin."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        import jax.numpy as jnp

        from ntadyn.tasks import random_sequences

        del key
        number, trial = trials.num_blocks, trials.durations[0]
        index = jnp.arange(number, dtype=trials.durations.dtype)
        first = jnp.round(self.start / self.regular)
        is_long = (index >= first) & (index < first + self.number)
        lengths = jnp.where(is_long, self.long / trial, self.regular / trial)
        return random_sequences.in_turn(lengths, number, trials.durations, trials.num_tasks)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Nothing that `draw` does not refuse."""
