"""Kinds of sequences of trials as plain values: how tasks switch, so that hazards, means and shares can be swept.

Each is a dataclass of the parameters of one function of `ntadyn.tasks.random_sequences`, which says what they mean.
Nothing here imports JAX.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntadyn.specs.kinds import is_number

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray

    from ntadyn.tasks import Blocked


@dataclass(frozen=True)
class Hazard:
    """The task switches with the same probability before every trial, to any other; all come equally often."""

    rate: float = 0.1
    """H, the probability of a switch per trial; blocks last 1/H trials on average."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        from ntadyn.tasks import random_sequences

        return random_sequences.hazard(key, self.rate, trials.num_blocks, trials.durations, trials.num_tasks)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Refuse values out of range; see `check`."""
        del num_tasks, trial
        _check_rate(self.rate)


@dataclass(frozen=True)
class Redraw:
    """With some probability the task of a trial is drawn anew, from given shares, and may be the one before."""

    rate: float = 0.2
    """rho, the probability per trial; a trial switches with probability rho (1 - sum of squared shares)."""
    first_share: float | None = None
    """Share of the first task in all trials; the others share the rest. If omitted, all come equally often."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        from ntadyn.tasks import random_sequences

        shares = _shares(self.first_share, trials.num_tasks)
        return random_sequences.redraw(key, self.rate, shares, trials.num_blocks, trials.durations)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Refuse values out of range; see `check`."""
        del num_tasks, trial
        _check_rate(self.rate)
        _check_share(self.first_share)


@dataclass(frozen=True)
class GammaBlocks:
    """Tasks in turn, in blocks whose lengths are gamma distributed beyond the first trial, and whole trials."""

    mean: float = 0.4
    """Mean length of a block, in the unit of the time constants; at least a trial."""
    cv: float = 1.0
    """Standard deviation of these lengths over their mean; 0 makes regular blocks."""
    first_share: float | None = None
    """Share of the first task in all trials, whose blocks are longer or shorter; if omitted, all are alike."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        from ntadyn.tasks import random_sequences

        shares = _shares(self.first_share, trials.num_tasks)
        mean = self.mean / trials.durations[0]
        return random_sequences.gamma_blocks(key, mean, self.cv, trials.num_blocks, trials.durations, shares)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Refuse values out of range; see `check`."""
        _check_share(self.first_share)
        if is_number(self.cv) and not 0 <= self.cv < math.inf:
            raise ValueError(f"sequence.cv is {self.cv}; it must be 0 (regular blocks) or larger.")
        if not (is_number(self.mean) and is_number(self.cv) and is_number(trial)):
            return
        first = 1 / num_tasks if self.first_share is None else self.first_share
        if not is_number(first):
            return
        rarest = num_tasks * self.mean * min(first, (1 - first) / max(num_tasks - 1, 1))
        enough = rarest > trial * (1 + 1e-6) if self.cv > 0 else rarest >= trial * (1 - 1e-6)
        if not (self.mean < math.inf and enough):
            raise ValueError(
                f"sequence.mean is {self.mean:g}, with which blocks of the rarest task last {rarest:g} on average, and "
                f"a trial lasts curriculum.block_duration {trial:g}; with sequence.cv {self.cv:g} blocks must be "
                "longer than a trial (as long, if it is 0). Make trials shorter, or blocks longer."
            )


@dataclass(frozen=True)
class Markov:
    """The task of a trial depends on that of the trial before."""

    transitions: tuple[float, ...] = (0.9, 0.1, 0.1, 0.9)
    """Probability of every task after every task, row by row: from A to A and to B, then from B."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The same trials with tasks of their own."""
        import jax.numpy as jnp

        from ntadyn.tasks import random_sequences

        matrix = jnp.asarray(self.transitions).reshape(trials.num_tasks, trials.num_tasks)
        return random_sequences.markov(key, matrix, trials.num_blocks, trials.durations)

    def check(self, num_tasks: int, trial: Any) -> None:
        """Refuse values out of range; see `check`."""
        del trial
        rows = [self.transitions[start : start + num_tasks] for start in range(0, len(self.transitions), num_tasks)]
        if len(self.transitions) != num_tasks**2:
            raise ValueError(
                f"sequence.transitions has {len(self.transitions)} numbers; {num_tasks} tasks need {num_tasks**2}, row "
                "by row."
            )
        for row in rows:
            if not (all(0 <= value <= 1 for value in row) and abs(sum(row) - 1) <= 1e-6):
                raise ValueError(
                    f"sequence.transitions has the row {row}; every row holds probabilities with the sum 1."
                )


@dataclass(frozen=True)
class FromCSV:
    """The blocks of a file, the same in every repetition; see `ntadyn.tasks.sequence_csv`."""

    path: str = "sequence.csv"
    """Of the file; its times are in units of curriculum.block_duration, and end the run."""
    end: float | None = None
    """End of the last block, in the same unit, for a file with onsets and no durations."""

    def draw(self, trials: "Blocked", key: "PRNGKeyArray") -> "Blocked":
        """The trials as they are in the file."""
        del key
        return trials

    def check(self, num_tasks: int, trial: Any) -> None:
        """Refuse a file that is not there; see `check`."""
        del num_tasks, trial
        if not Path(self.path).is_file():
            raise ValueError(f"sequence.path is {self.path!r}, and there is no such file.")


def check(sequence: Any, num_tasks: int, trial: Any) -> None:
    """Refuse what is no kind of sequence, and parameters out of range; traced numbers are left alone.

    Args:
        sequence: one of this module, or a dataclass of your own with the methods `draw` and `check`.
        num_tasks: number of tasks, composites included.
        trial: length of a trial.

    Raises:
        ValueError: if it is refused.
    """
    if isinstance(sequence, type) or not (callable(getattr(sequence, "draw", None)) and hasattr(sequence, "check")):
        raise ValueError(
            f"sequence is {sequence!r}; it must be one of ntadyn.specs.sequences, such as Hazard(0.1), or a dataclass "
            "of your own with the methods draw(trials, key) and check(num_tasks, trial)."
        )
    if num_tasks < 2:
        raise ValueError(f"there is {num_tasks} task, and nothing to switch to; raise teachers.num_tasks to 2 or more.")
    sequence.check(num_tasks, trial)


def _shares(first: Any, num_tasks: int) -> Any:
    """The share of every task."""
    import jax.numpy as jnp

    if first is None:
        return jnp.full(num_tasks, 1 / num_tasks)
    first = jnp.asarray(first, jnp.result_type(float))
    return jnp.concatenate([first[None], jnp.full(num_tasks - 1, 1 / (num_tasks - 1)) * (1 - first)])


def _check_rate(rate: Any) -> None:
    if is_number(rate) and not 0 < rate <= 1:
        raise ValueError(f"sequence.rate is {rate}; it is a probability per trial, above 0 and up to 1.")


def _check_share(share: Any) -> None:
    if is_number(share) and not 0 < share < 1:
        raise ValueError(f"sequence.first_share is {share}; it must lie between 0 and 1, or be None for equal shares.")
