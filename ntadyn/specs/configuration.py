"""One simulation as plain values: what the command line, presets and result files speak.

Nothing here imports JAX; the only trace of the command line is two short names for flags. `building` turns a
configuration into systems, curricula and states; any real number in it may be replaced by a traced array there, which
is how sweeps run over parameters. `paths` reads and changes single ones.
"""

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from ntadyn.interface import AbstractGatedLinear
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum


class TeacherKind(enum.Enum):
    """How teacher matrices are drawn."""

    ORTHOGONAL = "orthogonal"
    IID = "iid"
    SVD = "svd"
    OVERLAPPING = "overlapping"
    ROW_OVERLAPPING = "row_overlapping"
    AXIS_ALIGNED = "axis_aligned"


class TeacherScale(enum.Enum):
    """The size s of teacher rows: 1/sqrt(d_in), 1, or 1/sqrt(number of singular values)."""

    D_IN = "D_IN"
    UNIT = "UNIT"
    NUM_SV = "NUM_SV"


class Composites(enum.Enum):
    """Which composite tasks are appended to the base tasks."""

    NONE = "none"
    SUM = "sum"
    INTERLEAVED = "interleaved"


class Gating(enum.Enum):
    """One gate per path, one per path and output neuron, or a full second layer, one per hidden unit and output."""

    PATH = "path"
    NEURON = "neuron"
    LAYER = "layer"


class Dynamics(enum.Enum):
    """The system that is simulated: exact order parameters, population flow in weight space, or batches."""

    ORDER_PARAMETERS = "order_parameters"
    GRADIENT_FLOW = "gradient_flow"
    ONLINE = "online"


@dataclass(frozen=True)
class Teachers:
    """The tasks."""

    kind: TeacherKind = TeacherKind.ORTHOGONAL
    num_tasks: int = 2
    """Number of base tasks M."""
    d_in: int = 20
    """Number of inputs."""
    d_out: int = 10
    """Number of outputs."""
    scale: TeacherScale = TeacherScale.D_IN
    overlap: float = 0.0
    """Overlap between teachers; for the kinds OVERLAPPING and ROW_OVERLAPPING."""
    composites: Composites = Composites.NONE
    mixing: float = 0.5
    """Share of the first task in a SUM composite."""


@dataclass(frozen=True)
class Network:
    """The student."""

    num_paths: int = 2
    """Number of paths P; a network with a full second layer has P * d_out hidden units."""
    gating: Gating = Gating.PATH
    initial_scale: float = 0.01
    """Initial weights have standard deviation initial_scale / sqrt(d_in)."""
    initial_gate: float = 0.5
    """Initial value of every gate, or entry of a second layer."""
    initial_gate_scale: float = 0.0
    """Standard deviation of initial gates around that value, times sqrt(d_in)."""


@dataclass(frozen=True)
class Curriculum:
    """Which task when."""

    name: str = "A_B__"
    """A named curriculum; the double underscore separates training from test blocks."""
    block_duration: float = 1.0
    """Length of a block, in the unit of the time constants."""
    total_time: float = 20.0
    """Length of the run; the last block is cut there."""


@dataclass(frozen=True)
class TimeConstants:
    """tau of each parameter group."""

    gates: float = 0.03
    weights: float = 1.3


@dataclass(frozen=True)
class RelativePenalties:
    """strength * sum_k (weight_k / sum of all weights) R_k, with the hidden factors of the published code.

    A weight of None leaves the term out; a weight of 0 keeps it listed without effect.
    """

    strength: float = 0.1
    nonnegative: float | None = 1.0
    unit_l1: float | None = 10.0
    """Weight of (|c|_1 - 1)^2."""
    unit_l2: float | None = None
    """Weight of (|c|_2 - 1)^2."""
    l1: float | None = None
    l2: float | None = None
    column_l1: float | None = None
    column_l2: float | None = None
    """Weight of the group lasso on input columns of the weights."""
    frobenius: float | None = None


@dataclass(frozen=True)
class Randomness:
    """One recorded seed, from which the keys of teachers, initial states and data are derived."""

    seed: Annotated[int, tyro.conf.arg(aliases=["--seed"])] = 0
    num_seeds: Annotated[int, tyro.conf.arg(aliases=["--seeds"])] = 10
    """Number of repetitions."""
    vary_teachers: bool = False
    """Draw new teachers for every repetition; the published runs share one set."""


@dataclass(frozen=True)
class Configuration:
    """Everything that defines one simulation."""

    teachers: Teachers = field(default_factory=Teachers)
    network: Network = field(default_factory=Network)
    curriculum: Curriculum = field(default_factory=Curriculum)
    time_constants: TimeConstants = field(default_factory=TimeConstants)
    penalties: RelativePenalties = field(default_factory=RelativePenalties)
    dynamics: Dynamics = Dynamics.ORDER_PARAMETERS
    batch_size: int = 200
    """Batch size of the ONLINE dynamics."""
    max_step: float | None = None
    """Largest step; chosen from the time constants when omitted, 0.001 for ONLINE."""
    randomness: Randomness = field(default_factory=Randomness)

    def check(self) -> None:
        """Raise ValueError for values that make no sense, see `check_configuration`."""
        from ntadyn.specs.checks import check_configuration

        check_configuration(self)

    def build(self, keys: "Keys") -> "tuple[AbstractGatedLinear, Any]":
        """System and initial state of one repetition, see `building.build`."""
        from ntadyn.specs import building

        return building.build(self, keys)

    def build_curriculum(self, system: "AbstractGatedLinear") -> "AbstractCurriculum":
        """The blocks, see `building.build_curriculum`."""
        from ntadyn.specs import building

        return building.build_curriculum(self.curriculum, system.tasks)

    def build_method(self, system: "AbstractGatedLinear", state: Any) -> "AbstractMethod":
        """The method that fits the dynamics, see `building.build_method`."""
        from ntadyn.specs import building

        return building.build_method(self, system, state)
