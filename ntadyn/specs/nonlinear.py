"""Gated networks with hidden units on tasks in turn, as plain values. Nothing here imports JAX."""

import importlib.util
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ntadyn.specs.configuration import Penalties
from ntadyn.specs.kinds import is_number

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray, PyTree

    from ntadyn.continual import AbstractProblem
    from ntadyn.networks import AbstractGatedPaths, AbstractGating
    from ntadyn.regularizers import AbstractPenalty
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum


@dataclass(frozen=True)
class RectifiedTeachers:
    """Tasks that are perceptrons of a few rectified units with orthonormal rows; every step sees fresh inputs."""

    num_tasks: int = 2
    """Number of tasks."""
    d_in: int = 10
    """Number of inputs; teachers need num_tasks * units of them."""
    units: int = 4
    """Hidden units of a teacher."""
    d_out: int = 4
    """Number of outputs."""
    points: int = 500
    """Inputs on which networks are judged."""

    def build(self, key: "PRNGKeyArray") -> "AbstractProblem":
        """The problem, drawn from a key."""
        from ntadyn.specs import nonlinear_building

        return nonlinear_building.build_teachers(self, key)


@dataclass(frozen=True)
class LabelMaps:
    """Handwritten digits of 8 x 8 pixels with their own labels, and with even ones renamed 0 to 4, odd ones 5 to 9."""

    num_tasks: int = 2
    """Own labels alone, or both."""

    def build(self, key: "PRNGKeyArray") -> "AbstractProblem":
        """The problem; the images are the same for all keys."""
        from ntadyn.specs import nonlinear_building

        return nonlinear_building.build_label_maps(self, key)


@dataclass(frozen=True)
class PathGates:
    """One gate per path."""

    def build(self, units: int) -> "AbstractGating":
        """The gating."""
        from ntadyn.networks import ByPath

        del units
        return ByPath()

    def penalty(self) -> "AbstractPenalty | None":
        """None beside those of the spec."""


@dataclass(frozen=True)
class UnitGates:
    """One gate per hidden unit, in units in which a path whose gates are all open has norm one."""

    def build(self, units: int) -> "AbstractGating":
        """The gating."""
        from ntadyn.networks import ByUnit

        return ByUnit(units**0.5)

    def penalty(self) -> "AbstractPenalty | None":
        """None beside those of the spec."""


@dataclass(frozen=True)
class SoftmaxGates:
    """Gates that compete for a sum of one."""

    temperature: float = 1.0
    """T; under plain descent the same as a learning rate of gates divided by T^2."""
    entropy_floor: float = 0.0
    """Nats below which the entropy of the gates is pushed up; ln P is the most that there is."""
    floor_strength: float = 0.0
    """Energy per nat below the floor."""

    def build(self, units: int) -> "AbstractGating":
        """The gating."""
        from ntadyn.networks import BySoftmax

        del units
        return BySoftmax(self.temperature)  # pyright: ignore[reportArgumentType]

    def penalty(self) -> "AbstractPenalty | None":
        """The entropy floor."""
        from ntadyn.regularizers import EntropyFloor

        return EntropyFloor(self.floor_strength, self.entropy_floor, self.temperature)


@dataclass(frozen=True)
class Perceptrons:
    """Paths of one hidden layer of rectified units, without biases."""

    units: int = 12
    """Hidden units per path."""
    initial_scale: float = 0.3
    """Initial weights have standard deviation initial_scale / sqrt(fan-in)."""

    def build(
        self, key: "PRNGKeyArray", num_paths: int, sizes: tuple[int, int], gating: Any, dtype: Any
    ) -> "AbstractGatedPaths":
        """The network in its initial state."""
        from ntadyn.networks import GatedMLP

        d_in, d_out = sizes
        shape = (num_paths, d_out, self.units, d_in)
        return GatedMLP.initialise(key, shape, self.initial_scale, gating.build(self.units), dtype)


@dataclass(frozen=True)
class Convolutions:
    """Paths of one layer of 3 x 3 convolutions of a square image, in strides of 2, and a linear read-out."""

    channels: int = 8
    """Kernels per path."""

    def build(
        self, key: "PRNGKeyArray", num_paths: int, sizes: tuple[int, int], gating: Any, dtype: Any
    ) -> "AbstractGatedPaths":
        """The network in its initial state."""
        from ntadyn.specs import nonlinear_building

        return nonlinear_building.build_convolutions(self, key, num_paths, sizes, gating, dtype)


@dataclass(frozen=True)
class LearningRates:
    """Of plain descent, per step."""

    gates: float = 0.2
    """eta_c."""
    weights: float = 0.02
    """eta_W, of everything but the gates."""


@dataclass(frozen=True)
class Turns:
    """All tasks in turn."""

    block_duration: float = 500.0
    """Steps while one task is in force, a whole number."""
    num_blocks: int = 14
    """Number of blocks."""


@dataclass(frozen=True)
class GatedStudent:
    """y = sum_p g_p f_p(x): gated paths with hidden units on one task after the other, by descent on batches.

    Gates and weights have learning rates of their own. The unit of time is a step. The default is the flexible network
    on two rectified teachers in turn.
    """

    tasks: Any = field(default_factory=RectifiedTeachers)
    """`RectifiedTeachers`, `LabelMaps`, or a dataclass of your own whose `build(key)` returns a problem."""
    paths: Any = field(default_factory=Perceptrons)
    """`Perceptrons`, `Convolutions`, or a dataclass of your own whose `build` returns a network of gated paths."""
    gating: Any = field(default_factory=PathGates)
    """`PathGates`, `UnitGates` or `SoftmaxGates`."""
    num_paths: int = 2
    """Number of paths P."""
    learning_rates: LearningRates = field(default_factory=LearningRates)
    penalties: Penalties = field(default_factory=lambda: Penalties(nonnegative=2.5, unit_l1=5.0))
    """Of the gates, as they enter the energy; they must grow with the power of the targets."""
    curriculum: Turns = field(default_factory=Turns)
    batch_size: int = 32
    """Fresh examples per step."""

    def build(self, keys: "Keys") -> tuple[Any, Any]:
        """System and initial state of one repetition; real numbers and keys may be traced."""
        from ntadyn.specs import nonlinear_building

        return nonlinear_building.build(self, keys)

    def build_curriculum(self, system: Any) -> "AbstractCurriculum":
        """The blocks."""
        from ntadyn.tasks import curricula

        return curricula.alternating(system.num_tasks, self.curriculum.num_blocks, self.curriculum.block_duration)

    def build_method(self, system: Any, state: "PyTree") -> "AbstractMethod":
        """Steps of length one."""
        del system, state
        from ntadyn.simulation import Updates

        return Updates(1.0)

    def check(self) -> None:
        """Refuse values that make no sense.

        Raises:
            ValueError: for such values, among them gates whose unit norm makes their steps diverge.
        """
        for name in ("tasks", "paths", "gating"):
            if not callable(getattr(getattr(self, name), "build", None)):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it must be a dataclass of ntadyn.specs.nonlinear, or one of "
                    f"your own with the same methods."
                )
        values = {f"{group}.{name}": value for group in _GROUPS for name, value in vars(getattr(self, group)).items()}
        values |= {"num_paths": self.num_paths, "batch_size": self.batch_size}
        for name, value in values.items():
            may_be_zero = name in _MAY_BE_ZERO
            if is_number(value) and not (0 <= value < math.inf and (value > 0 or may_be_zero)):
                raise ValueError(
                    f"{name} is {value}; it must be {'zero or more' if may_be_zero else 'positive'} and finite."
                )
        length = self.curriculum.block_duration
        if is_number(length) and length != int(length):
            raise ValueError(f"curriculum.block_duration is {length}; here it counts steps: give a whole number.")
        if wrong := set(self.penalties.listed) - {"nonnegative", "unit_l1", "unit_l2", "l1", "l2"}:
            raise ValueError(f"penalties on {sorted(wrong)} are for weight matrices; give penalties of gates alone.")
        if isinstance(self.tasks, LabelMaps):
            self._check_digits()
        self._check_stability()

    def _check_digits(self) -> None:
        if importlib.util.find_spec("sklearn") is None:
            raise ValueError('the digits come with scikit-learn; install it by `pip install "ntadyn[images]"`.')
        if self.tasks.num_tasks not in (1, 2):
            raise ValueError(f"tasks.num_tasks is {self.tasks.num_tasks}; there are two ways of labelling digits.")

    def _check_stability(self) -> None:
        from ntadyn.continual.gate_steps import check_gate_step

        gates = self.num_paths * (self.paths.units if isinstance(self.gating, UnitGates) else 1)
        for name, count in (("unit_l1", gates), ("unit_l2", 1)):
            stiffness = self.penalties.listed.get(name, 0.0)
            check_gate_step(self.learning_rates.gates, stiffness, count)


_GROUPS = ("tasks", "paths", "gating", "learning_rates", "curriculum")
_MAY_BE_ZERO = ("gating.entropy_floor", "gating.floor_strength", "learning_rates.gates", "learning_rates.weights")
