"""Hidden units of erf that learn two similar tasks in turn, as plain values. Nothing here imports JAX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ntadyn.specs.kinds import as_index, is_number

if TYPE_CHECKING:
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum


@dataclass(frozen=True)
class Committee:
    """A committee machine with a head per task, in the limit of many inputs; two teachers of one unit each, in turn.

    Time counts samples per input.
    """

    similarity: float = 0.5
    """Cosine V of the weights of the two teachers, from 0 to 1."""
    num_units: int = 2
    """Hidden units of the student."""
    weight_rate: float = 1.0
    """Learning rate w of the weights."""
    head_rate: float = 1.0
    """Learning rate h of the heads."""
    initial_scale: float = 1e-3
    """Standard deviation of initial weights and heads."""
    num_inputs: int = 1000
    """Inputs over which initial overlaps are drawn; learning is that of infinitely many."""
    block_duration: float = 300.0
    """Length of a block."""
    num_blocks: int = 2
    """Number of blocks."""

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        import jax.numpy as jnp

        from ntadyn.continual.committee import CommitteeMachine, CommitteeNetwork
        from ntadyn.continual.committee.network import similar_teachers

        dtype = jnp.zeros(()).dtype
        tasks = similar_teachers(self.similarity, self.num_inputs, dtype)
        rates = jnp.asarray(self.weight_rate, dtype), jnp.asarray(self.head_rate, dtype)
        system = CommitteeMachine(tasks, rates[0], rates[1])  # pyright: ignore[reportCallIssue]
        network = CommitteeNetwork.initialise(keys.initial, tasks, self.num_units, self.initial_scale)
        return system, system.initial_state(network)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks."""
        import jax.numpy as jnp

        from ntadyn.tasks import curricula

        return curricula.alternating(system.num_tasks, self.num_blocks, jnp.asarray(self.block_duration, float))

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values.
        """
        if is_number(self.similarity) and not 0 <= self.similarity <= 1:
            raise ValueError(f"similarity is {self.similarity}; it is a cosine: give a number from 0 to 1.")
        for name in ("weight_rate", "head_rate", "initial_scale", "block_duration"):
            value = getattr(self, name)
            if is_number(value) and not 0 < value < 1e9:
                raise ValueError(f"{name} is {value}; it must be positive and finite.")
        for name, low, high in (("num_units", 1, 10), ("num_inputs", 2, 1_000_000), ("num_blocks", 1, 10_000)):
            number = as_index(getattr(self, name))
            if number is None or not low <= number <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a whole number from {low} to {high:,}.")


def committee() -> Committee:
    """Two hidden units of erf and a head per task, on two half-similar teachers, one after the other."""
    return Committee()


def committee_wide() -> Committee:
    """The same with four hidden units, of which some are left for the second task."""
    return Committee(num_units=4)


COMMITTEES = {item.__name__.replace("_", "-"): item for item in (committee, committee_wide)}
