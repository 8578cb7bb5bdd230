"""Strategies against forgetting as plain values: the language of presets, sweeps and the arena.

Each is a dataclass of the parameters of one class of `ntadyn.continual`, which says what they mean and where they come
from. Nothing here imports JAX.
"""

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntadyn.continual import AbstractStrategy


@dataclass(frozen=True)
class FineTuning:
    """Nothing is done about forgetting."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.FineTuning()


class Fisher(enum.Enum):
    """How Fisher information, and with it what earlier tasks need, is measured; see `ntadyn.continual.AbstractFisher`.

    `FULL` is that of the model as a whole matrix, for small networks. For a single path and white inputs it has nothing
    off its diagonal, and is that of the model.
    """

    MODEL = "model"
    SAMPLED = "sampled"
    EMPIRICAL = "empirical"
    FULL = "full"


@dataclass(frozen=True)
class EWC:
    """Weights are held where earlier tasks need them, as tightly as they need them."""

    strength: float = 1.0
    """mu: with losses that are means, the data of the old tasks over those of the new one."""
    retention: float | None = None
    """gamma of online EWC, whose anchors fade; none keeps every anchor as it was."""
    fisher: Fisher = Fisher.MODEL
    """How what earlier tasks need is measured; empirical vanishes where a task is solved."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        if self.fisher is Fisher.FULL:
            return continual.FullElasticWeightConsolidation(self.strength, self.retention)
        kinds = {
            Fisher.MODEL: continual.ModelFisher,
            Fisher.SAMPLED: continual.SampledFisher,
            Fisher.EMPIRICAL: continual.EmpiricalFisher,
        }
        return continual.ElasticWeightConsolidation(self.strength, self.retention, kinds[self.fisher]())


@dataclass(frozen=True)
class LwF:
    """Answers are held to those of the network before the block: learning without forgetting."""

    strength: float = 1.0
    """mu, of the divergence from the old answers."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.LearningWithoutForgetting(self.strength)


@dataclass(frozen=True)
class TaskReplay:
    """A share of practice goes to the tasks met so far, all of whose examples are kept."""

    share: float = 0.5
    """Of practice, from 0 to 1."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.TaskReplay(self.share)


@dataclass(frozen=True)
class ExampleReplay:
    """With every fresh example one out of a small memory; for batches."""

    size: int = 32
    """Examples in the memory."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.ExampleReplay(self.size)


@dataclass(frozen=True)
class MultiTask:
    """All tasks are practised at once, whichever is in force: an upper bound."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.MultiTask()


@dataclass(frozen=True)
class OracleGates:
    """Gates are set from outside, one path for every task: an upper bound."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.OracleGates()


@dataclass(frozen=True)
class Growing:
    """Paths are added for tasks that the old ones do not explain, and split where they drift (DEN)."""

    loss_threshold: float = 0.05
    """Share of a task that may stay unexplained without new paths."""
    split_threshold: float = 0.1
    """Relative drift beyond which a path is split."""
    group_lasso: float = 0.01
    """How strongly new paths are pulled to zero."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.DynamicallyExpandable(
            self.loss_threshold, self.split_threshold, self.group_lasso, continual.RandomPath()
        )


@dataclass(frozen=True)
class Consolidation:
    """A mixture of paths that is used again and again becomes a path of its own."""

    num_uses: int = 3
    """Blocks after which that happens."""
    num_start: int = 3
    """Paths that are there at the start; all others are room."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.Consolidation(self.num_uses, num_start=self.num_start)


@dataclass(frozen=True)
class Prototypes:
    """Gates jump to the nearest of the gate vectors that earlier blocks ended with."""

    trial: float = 1.0
    """How long gates adapt before that, in units of their time constant."""
    threshold: float = 0.9
    """Smallest cosine at which a context counts as known."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.PrototypeGates(continual.GateFlow(self.trial), self.threshold)


@dataclass(frozen=True)
class MetaLearning:
    """MAML on the stream: the loss after the gates have adapted, mean over the tasks met so far."""

    rate: float = 0.1
    """Inner learning rate; 1 over the squared size of a task solves it in one step."""
    steps: int = 1
    """Of the inner loop."""
    examples: int | None = None
    """Of every task that a step adapts to, and as many that it is judged on; none takes whole populations."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        drawn = self.examples
        episodes = continual.PopulationEpisodes() if drawn is None else continual.DrawnEpisodes(drawn, drawn)
        return continual.FollowTheMetaLeader(continual.InnerLoop(self.steps, continual.CommonRate(self.rate)), episodes)


@dataclass(frozen=True)
class Detected:
    """A strategy that is not told where tasks change, and takes jumps of its loss for changes; for batches."""

    strength: float = 1.0
    """mu of EWC, which is the strategy."""
    threshold: float = 6.0
    """Standard deviations that make a jump."""

    def build(self) -> "AbstractStrategy":
        """The strategy."""
        from ntadyn import continual

        return continual.Detected(
            continual.ElasticWeightConsolidation(self.strength), continual.LossJump(self.threshold)
        )
