"""One training as plain values: the language of the command line, of presets and of result files. No JAX here."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from ntadyn.limits import MOST_OF_A_SIZE, MOST_RECORDS, MOST_REPETITIONS, MOST_STEPS, check_count
from ntadyn.specs.names import known_as
from ntadyn.sweeps.plan import Precision
from ntadyn.training.data import SequenceData

MODEL_NAMES = (
    "transformer", "linear-attention", "delta-net", "gated-delta", "titans", "titans-two-layers", "hope-attention",
    "hope", "hope-two-layers", "self-modifying", "hope-no-dgd", "hope-squared", "hope-as-printed", "hope-fixed-keys",
    "hope-fixed-values", "hope-frozen-projections", "hope-adaptive-queries", "hope-given-values",
)  # fmt: skip
"""Keys of `ntadyn.nested.sequence_models.MODELS`, which cannot be asked without JAX."""


@dataclass(frozen=True)
class TrainingSpec:
    """A task, a model, and how it is trained: AdamW, rate r s(n) at step n, gradients clipped to a norm.

    s rises linearly to one over the first steps, and falls as half a cosine to `last_rate` at the end.
    """

    data: Any
    """The task, one of `ntadyn.training.data`."""
    model: tyro.conf.Suppress[str] = "transformer"
    """Its name; see `ntadyn.nested.sequence_models.MODELS`."""
    width: int = 32
    """Of tokens within the model."""
    depth: int = 2
    """Blocks of the model."""
    hidden: int | None = None
    """Units of the feed-forward part of a block; four times the width if omitted."""
    parameters: int | None = None
    """How many parameters the model should have: the hidden units are chosen so that it comes closest."""
    chunks: Annotated[tuple[int, ...] | None, tyro.conf.arg(metavar="C C ...")] = None
    """Steps after which each level of the feed-forward part moves, the fastest first, each dividing the next. If
    omitted, models with several levels, those of HOPE, have the usual ones; 1 for each makes all move at every step."""
    shares: Annotated[tuple[float, ...] | None, tyro.conf.arg(metavar="S S ...")] = None
    """Learning rate of each of these levels over that of all other parameters; the usual ones if omitted."""
    steps: int = 800
    """Steps of training."""
    seconds: float | None = None
    """Seconds of wall clock for the steps of a seed, in place of a number of steps: their speed is measured first."""
    batch: int = 32
    """Sequences per step."""
    rates: Annotated[tuple[float, ...], tyro.conf.arg(metavar="R R ...")] = (2e-3, 4e-3, 8e-3)
    """Learning rates r to choose from, by the loss of the first seed on examples held out for that."""
    warm_up: float = 0.05
    """Share of the steps over which the rate rises."""
    last_rate: float = 0.0
    """Share of the rate that is left at the end; 1 for a rate that stays."""
    weight_decay: float = 1e-4
    """Of AdamW."""
    clip: float = 1.0
    """Largest norm of the gradient of all parameters together."""
    evaluations: int = 10
    """How often held-out examples are answered on the way, at even distances; the last time at the end."""
    seeds: int = 3
    """Repetitions, which differ in the start and in the order of the data."""
    seed: int = 0
    """The first seed; the others follow it."""
    together: int | None = None
    """Trainings (seeds, rates) side by side in one program; if omitted, one on a CPU and all on other devices."""
    precision: Precision = Precision.SINGLE
    """Floating-point numbers."""

    def check(self) -> None:
        """Refuse what makes no sense, the task included.

        Raises:
            ValueError: for such values.
        """
        self.check_values()
        self.data.check()

    def check_values(self) -> None:
        """Refuse what makes no sense whatever the task; without JAX.

        Raises:
            ValueError: for such values.
        """
        if not isinstance(self.data, SequenceData):
            raise ValueError(f"data is {self.data!r}; give a task of ntadyn.training.data, for example Recall().")
        known_as(self.model, MODEL_NAMES, "model")
        counts = {"width": MOST_OF_A_SIZE, "depth": MOST_OF_A_SIZE, "batch": MOST_OF_A_SIZE, "steps": MOST_STEPS}
        counts |= {"evaluations": self.steps, "seeds": MOST_REPETITIONS}
        optional = [name for name in ("hidden", "parameters", "together") if getattr(self, name) is not None]
        for name, most in (counts | dict.fromkeys(optional, MOST_STEPS)).items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise ValueError(f"{name} is {value!r}; give a whole number from 1 to {most:,}.")
        check_count("steps times seeds", self.steps * self.seeds, MOST_RECORDS)
        if self.hidden is not None and self.parameters is not None:
            raise ValueError("hidden units and a number of parameters are both given; leave one of them out.")
        if not 0 <= self.seed <= 2**32 - 1 - self.seeds:
            raise ValueError(f"seed is {self.seed}; it must be between 0 and {2**32 - 1}, less the number of seeds.")
        if not self.rates or not all(_positive(rate) for rate in self.rates) or len(set(self.rates)) < len(self.rates):
            raise ValueError(f"rates are {self.rates}; give one learning rate or several different ones, all above 0.")
        if self.seconds is not None and not _positive(self.seconds):
            raise ValueError(f"seconds is {self.seconds}; give a time above 0, or leave it out.")
        if not _positive(self.clip):
            raise ValueError(f"clip is {self.clip}; give a norm above 0.")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise ValueError(f"weight_decay is {self.weight_decay}; give 0 or more.")
        for name, most in (("warm_up", 1.0), ("last_rate", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}; it is a share, from 0 to 1.")

    def of_steps(self, steps: int) -> "TrainingSpec":
        """The same for another number of steps, evaluated as often as there are steps at most."""
        return dataclasses.replace(self, steps=steps, evaluations=min(self.evaluations, steps), seconds=None)


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0
