"""One simulation as plain values: what the command line, presets and result files speak.

Nothing here imports JAX; the only trace of the command line is two short names for flags. `building` turns a
configuration into systems, curricula and states; any real number in it may be replaced by a traced array there, which
is how sweeps run over parameters.
"""

import copy
import dataclasses
import enum
import json
from dataclasses import dataclass, field
from typing import Annotated, Any

import tyro


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


def replaced(configuration: Configuration, changes: dict[str, Any]) -> Configuration:
    """A configuration with some parameters changed, named by dotted paths such as "time_constants.gates".

    Args:
        configuration: where to start.
        changes: dotted path -> new value; values may be arrays, traced ones included.

    Returns:
        The new configuration.

    Raises:
        ValueError: for a path that does not exist; the message lists what does.
    """
    for path, value in changes.items():
        configuration = _replaced_one(configuration, path.split("."), value, path)
    return configuration


def _replaced_one(node: Any, names: list[str], value: Any, path: str) -> Any:
    known = [item.name for item in dataclasses.fields(node)] if dataclasses.is_dataclass(node) else []
    if names[0] not in known:
        raise ValueError(f"there is no parameter {path!r}: {type(node).__name__} has {known}.")
    if len(names) > 1:
        value = _replaced_one(getattr(node, names[0]), names[1:], value, path)
    # Not `dataclasses.replace`: fields are declared for the command line, and arrays are let in only here.
    changed = copy.copy(node)
    object.__setattr__(changed, names[0], value)
    return changed


def value_at(configuration: Configuration, path: str) -> Any:
    """The parameter at a dotted path, see `replaced`."""
    node: Any = configuration
    for name in path.split("."):
        node = getattr(node, name)
    return node


_REAL = (float, float | None)


def is_real(configuration: Configuration, path: str) -> bool:
    """Whether a parameter is declared as a real number, which may then be an array or a traced value.

    Args:
        configuration: any configuration.
        path: dotted path of one of its parameters.
    """
    *parents, name = path.split(".")
    node = value_at(configuration, ".".join(parents)) if parents else configuration
    return {item.name: item.type for item in dataclasses.fields(node)}[name] in _REAL


def to_json(configuration: Any) -> str:
    """A configuration as canonical JSON: sorted keys, enumerations by name; equal values give equal text."""
    return json.dumps(plain(configuration), sort_keys=True, default=lambda value: value.item())


def plain(node: Any) -> Any:
    """A configuration, or any value in one, as dictionaries, numbers and strings."""
    if isinstance(node, enum.Enum):
        return node.name
    if not dataclasses.is_dataclass(node):
        return node
    values = {item.name: (item.type, getattr(node, item.name)) for item in dataclasses.fields(node)}
    # 7 and 7.0, and 0.0 and -0.0, are equal and must not differ as text; arrays of one number become that number.
    return {
        name: float(value) + 0.0 if kind in _REAL and value is not None else plain(value)
        for name, (kind, value) in values.items()
    }
