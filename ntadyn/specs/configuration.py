"""One simulation as plain values: the language of the command line, of presets and of result files.

Nothing here imports JAX; the only traces of the command line are names and texts of its options. `building` turns a
configuration into systems, curricula and states; any real number in it may be a traced array there, which is how sweeps
run over parameters. `paths` reads and changes single parameters.
"""

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ntadyn.tasks.schedules import NAMED

if TYPE_CHECKING:
    from ntadyn.interface import AbstractGatedLinear
    from ntadyn.simulation.method import AbstractMethod
    from ntadyn.specs.building import Keys
    from ntadyn.tasks import AbstractCurriculum


def _curricula() -> str:
    """The help text about the names of curricula."""
    names = "; ".join(f"{name}: {schedule.meaning}" for name, schedule in NAMED.items())
    return (
        f"A named curriculum. In a name, two underscores end the training phase, and the test phase, which is the last "
        f"quarter of the blocks. {names}."
    )


class TeacherKind(enum.Enum):
    """How teacher matrices are drawn."""

    ORTHOGONAL = "orthogonal"
    IID = "iid"
    SVD = "svd"
    OVERLAPPING = "overlapping"
    ROW_OVERLAPPING = "row_overlapping"
    MATCHED_ROWS_ORTHOGONAL = "matched_rows_orthogonal"
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
    """One gate per path, one per path and output neuron, or a full second layer: one per hidden unit and output."""

    PATH = "path"
    NEURON = "neuron"
    LAYER = "layer"


class Dynamics(enum.Enum):
    """The system that is simulated: exact order parameters, the population flow in weight space, or batches."""

    ORDER_PARAMETERS = "order_parameters"
    GRADIENT_FLOW = "gradient_flow"
    ONLINE = "online"


class Sampler(enum.Enum):
    """How batches are drawn: row by row, or as Wishart matrices, the same in law and cheaper for large batches."""

    ROWS = "rows"
    WISHART = "wishart"


@dataclass(frozen=True)
class Teachers:
    """The tasks."""

    kind: TeacherKind = TeacherKind.ORTHOGONAL
    """How they are drawn."""
    num_tasks: int = 2
    """Number of base tasks M."""
    d_in: int = 20
    """Number of inputs."""
    d_out: int = 10
    """Number of outputs."""
    scale: TeacherScale = TeacherScale.D_IN
    """Size s of their rows: 1/sqrt(d_in), 1, or 1/sqrt(number of singular values)."""
    overlap: float = 0.0
    """Overlap between teachers, for the kinds overlapping and row_overlapping."""
    composites: Composites = Composites.NONE
    """Tasks made of two neighbouring base tasks each; they follow the base tasks."""
    mixing: float = 0.5
    """Share of the first task in a composite task that is a sum."""


@dataclass(frozen=True)
class Inputs:
    """How inputs are distributed: white, or with a spectrum, at the same power E|x|^2 = d_in."""

    exponent: float = 0.0
    """The variance of the i-th input falls as i^-exponent; 0 is white."""
    variances: Annotated[tuple[float, ...] | None, tyro.conf.arg(metavar="V V ...")] = None
    """The variance of every input up to a common factor, in place of an exponent: a measured spectrum, for example."""

    @property
    def white(self) -> bool:
        """Whether nothing is said but that inputs are white; an exponent that is traced says something."""
        return self.variances is None and isinstance(self.exponent, int | float) and self.exponent == 0


@dataclass(frozen=True)
class Network:
    """The student."""

    num_paths: int = 2
    """Number of paths P; with a full second layer, the network has P * d_out hidden units."""
    gating: Gating = Gating.PATH
    """A gate per path, per path and output, or a full second layer."""
    initial_scale: float = 0.01
    """Initial weights have standard deviation initial_scale / sqrt(d_in)."""
    initial_gate: float = 0.5
    """Initial value of every gate, or entry of a second layer."""
    initial_gate_scale: float = 0.0
    """Standard deviation of the initial gates around that value, times sqrt(d_in)."""


DEFAULT_CURRICULUM, DEFAULT_TIME = "A_B__", 20.0


@dataclass(frozen=True)
class Curriculum:
    """Which task is in force when, and for how long.

    Tasks are given by the name of a curriculum or as a list, and the run ends at a time or after a number of blocks. A
    list is repeated until the end, or shown once if no end is given. The default is A_B__ until time 20.
    """

    name: Annotated[str | None, tyro.conf.arg(metavar="NAME", help=_curricula())] = None
    block_duration: float = 1.0
    """Length of a block, in the unit of the time constants."""
    total_time: float | None = None
    """Length of the run; the last block is cut there."""
    tasks: Annotated[tuple[int, ...] | None, tyro.conf.arg(metavar="M M ...")] = None
    """The task of every block, counted from 0, in place of a name; composites follow the base tasks."""
    num_blocks: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Number of blocks, in place of a total time."""

    def __post_init__(self):
        if self.name is None and self.tasks is None:
            object.__setattr__(self, "name", DEFAULT_CURRICULUM)
        if self.total_time is None and self.num_blocks is None and self.tasks is None:
            object.__setattr__(self, "total_time", DEFAULT_TIME)

    @property
    def end(self) -> Any:
        """Length of the run, however it is given: a number, or a traced array if its parameters are traced."""
        if self.total_time is not None:
            return self.total_time
        return (len(self.tasks or ()) if self.num_blocks is None else self.num_blocks) * self.block_duration


@dataclass(frozen=True)
class TimeConstants:
    """tau of each parameter group."""

    gates: float = 0.03
    """tau_c."""
    weights: float = 1.3
    """tau_W."""


@dataclass(frozen=True)
class RelativePenalties:
    """Penalties as shares: strength * sum_k (weight_k / sum of all weights) R_k, with factors of the published code.

    A weight of None leaves the term out; a weight of 0 keeps it listed without effect.
    """

    strength: float = 0.1
    """Strength of all penalties together, lambda."""
    nonnegative: float | None = 1.0
    """Weight of sum_p max(-c_p, 0)."""
    unit_l1: float | None = 10.0
    """Weight of (|c|_1 - 1)^2."""
    unit_l2: float | None = None
    """Weight of (|c|_2 - 1)^2."""
    l1: float | None = None
    """Weight of |c|_1."""
    l2: float | None = None
    """Weight of |c|_2."""
    column_l1: float | None = None
    """Weight of the mean L1 norm of the input columns of the weights."""
    column_l2: float | None = None
    """Weight of the mean L2 norm of the input columns of the weights (group lasso)."""
    frobenius: float | None = None
    """Weight of the norm of all weights together."""

    @property
    def listed(self) -> dict[str, Any]:
        """Name -> weight of all terms that are not left out."""
        return {name: value for name, value in vars(self).items() if name != "strength" and value is not None}


NO_PENALTIES = RelativePenalties(strength=0.0, nonnegative=None, unit_l1=None)


@dataclass(frozen=True)
class Penalties:
    """Penalties as they enter the energy, sum_r k_r R_r, in place of relative weights; None leaves a term out."""

    nonnegative: float | None = None
    """k of k sum_p max(-c_p, 0)."""
    unit_l1: float | None = None
    """k of k/2 (|c|_1 - 1)^2."""
    unit_l2: float | None = None
    """k of k/2 (|c|_2 - 1)^2."""
    l1: float | None = None
    """k of k |c|_1."""
    l2: float | None = None
    """k of k |c|_2."""
    column_l1: float | None = None
    """k of k mean_pj |W^p_:j|_1, over the input columns of all paths."""
    column_l2: float | None = None
    """k of k mean_pj |W^p_:j|_2, the group lasso on input columns."""
    frobenius: float | None = None
    """k of k |W|, the norm of all weights together."""

    @property
    def listed(self) -> dict[str, Any]:
        """Name -> coefficient of all terms that are not left out."""
        return {name: value for name, value in vars(self).items() if value is not None}


# The penalties of a `Configuration` that is made without any.
_UNSAID = RelativePenalties()


@dataclass(frozen=True)
class Randomness:
    """One recorded seed, from which the keys of teachers, initial states and data are derived.

    A stream can have a seed of its own: it is then the same as that stream in a run with this seed.
    """

    seed: Annotated[int, tyro.conf.arg(aliases=["--seed"])] = 0
    num_seeds: Annotated[int, tyro.conf.arg(aliases=["--seeds"])] = 10
    """Number of repetitions."""
    vary_teachers: bool = False
    """Draw new teachers for every repetition; in the published runs all repetitions share one set."""
    teachers_seed: int | None = None
    """Seed of the teachers, in place of the common one."""
    initial_seed: int | None = None
    """Seed of the initial states, in place of the common one."""
    data_seed: int | None = None
    """Seed of the batches, in place of the common one."""


@dataclass(frozen=True)
class Configuration:
    """Everything that defines one simulation."""

    teachers: Teachers = field(default_factory=Teachers)
    inputs: Inputs = field(default_factory=Inputs)
    network: Network = field(default_factory=Network)
    curriculum: Curriculum = field(default_factory=Curriculum)
    time_constants: TimeConstants = field(default_factory=TimeConstants)
    penalties: RelativePenalties = field(default_factory=lambda: _UNSAID)
    dynamics: Dynamics = Dynamics.ORDER_PARAMETERS
    """Exact order parameters, the population flow in weight space, or batches."""
    batch_size: int = 200
    """Batch size, for the dynamics online."""
    sampler: Sampler = Sampler.ROWS
    """How batches are drawn, for the dynamics online."""
    batch_noise: float = 0.0
    """kappa, for the dynamics order_parameters: their limit of small batches and many inputs; 0 is the population."""
    max_step: float | None = None
    """Largest step; if omitted, chosen from the time constants, or 0.001 for the dynamics online."""
    randomness: Randomness = field(default_factory=Randomness)
    coefficients: Penalties = field(default_factory=Penalties)

    def __post_init__(self):
        if self.penalties is _UNSAID and self.coefficients.listed:
            object.__setattr__(self, "penalties", NO_PENALTIES)

    def check(self) -> None:
        """Refuse values that make no sense, see `check_configuration`.

        Raises:
            ValueError: for such values.
        """
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
