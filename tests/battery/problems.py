"""Random learning problems as plain numbers: an integer names a problem, here and for whoever solves it.

A problem is drawn in its own units: times in multiples of the natural time sqrt(tau_c tau_W) / |W* Sigma|, strengths in
multiples of what the teachers pull with. Then everything is brought to arbitrary units. The draws are wide on purpose:
they hold whatever a solver may take for granted, such as small weights, fast gates, or inputs of variance one.
"""

import dataclasses
from typing import Any

import numpy as np

PATHS, NEURONS, TWO_LAYERS = "a gate per path", "a gate per neuron", "two layers"
HINGE, UNIT_L1, L1, UNIT_L2 = "hinge", "unit L1", "L1", "unit L2"
KINKED = (HINGE, UNIT_L1, L1)

# Every change below changes what a number stands for: then count this up, and make the references anew.
EDITION = 1

RECORDS_PER_BLOCK = 3
PER_STRUCTURE = 4

_PENALTIES = (
    (0.17, ()),
    (0.24, (HINGE, UNIT_L1)),
    (0.12, (HINGE,)),
    (0.12, (UNIT_L1,)),
    (0.07, (L1,)),
    (0.10, (UNIT_L2,)),
    (0.07, (HINGE, UNIT_L2)),
    (0.06, (HINGE, L1)),
    (0.05, (UNIT_L1, L1)),
)
_GATES = ("common", "positive", "some zero", "all zero", "mixed", "small", "large")


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """A network under population gradient flow through blocks of tasks; a gated linear network's whole life in numbers.

    Attributes:
        kind: `PATHS`, `NEURONS` or `TWO_LAYERS`.
        teachers: W*, shape (tasks, d_out, d_in).
        covariance: Sigma, shape (d_in, d_in), or None for the identity.
        tau_gates: time constant of the gates.
        tau_weights: time constant of the weights.
        penalties: slope or stiffness of every gate penalty, by its name; it may be 0.
        gates: where gates start; shape (paths,), or (paths, d_out) unless `kind` is `PATHS`.
        weights: where weights start; shape (paths, d_out, d_in), or (units, d_in) for two layers.
        tasks: the task of every block.
        durations: how long each block lasts.
    """

    kind: str
    teachers: np.ndarray
    covariance: np.ndarray | None
    tau_gates: float
    tau_weights: float
    penalties: dict[str, float]
    gates: np.ndarray
    weights: np.ndarray
    tasks: np.ndarray
    durations: np.ndarray

    @property
    def kinked(self) -> bool:
        """Whether the force on a gate jumps as it passes zero."""
        return any(self.penalties.get(name, 0.0) > 0 for name in KINKED)

    @property
    def edges(self) -> np.ndarray:
        """Start of the first block, which is 0, and the end of every block."""
        return np.concatenate([[0.0], np.cumsum(self.durations)])

    @property
    def records(self) -> np.ndarray:
        """Times at which gates are compared, the last of them the block's end; shape (blocks, records)."""
        edges = self.edges
        share = np.arange(1, RECORDS_PER_BLOCK + 2) / (RECORDS_PER_BLOCK + 1)
        return edges[:-1, None] + self.durations[:, None] * share

    @property
    def natural_time(self) -> float:
        """sqrt(tau_c tau_W) / max |W* Sigma|: how fast gates and weights exchange what they know."""
        return (self.tau_gates * self.tau_weights) ** 0.5 / _pull(self.teachers, self.covariance)

    def digest(self) -> float:
        """A number that changes when any of the problem's numbers does, by more than rounding."""
        covariance = np.eye(self.teachers.shape[2]) if self.covariance is None else self.covariance
        arrays = (self.teachers, covariance, self.gates, self.weights, self.tasks, self.durations)
        numbers = np.concatenate([np.ravel(array) for array in arrays])
        scalars = np.array([self.tau_gates, self.tau_weights, *self.penalties.values()])
        return float(np.cos(np.arange(numbers.size)) @ numbers + np.sum(np.log1p(scalars)))

    def summary(self) -> str:
        """What is particular about the problem, on one line."""
        penalties = ", ".join(f"{name} {k:.2g}" for name, k in self.penalties.items()) or "no penalty"
        return (
            f"{self.kind}, {self.gates.size} gates, {len(self.teachers)} tasks, "
            f"{'white' if self.covariance is None else 'coloured'}, tau ratio {self.tau_gates / self.tau_weights:.2g}, "
            f"{penalties}, gates up to {np.abs(self.gates).max():.2g}, weights up to {np.abs(self.weights).max():.2g}, "
            f"teachers up to {np.abs(self.teachers).max():.2g}, {len(self.durations)} blocks of "
            f"{self.durations.mean() / self.natural_time:.2g} natural times"
        )


@dataclasses.dataclass(frozen=True)
class Structure:
    """What a compiled program depends on; `PER_STRUCTURE` consecutive problems share it and differ in all values."""

    kind: str
    paths: int
    d_out: int
    d_in: int
    num_tasks: int
    num_blocks: int
    penalties: tuple[str, ...]
    is_white: bool


def draw_structure(seed: int) -> Structure:
    """The structure of the problem of this number."""
    rng = np.random.default_rng([EDITION, 0, seed // PER_STRUCTURE])
    has_many_gates = rng.random() < 0.15
    chances, choices = zip(*_PENALTIES, strict=True)
    return Structure(
        *_sizes(rng, has_many_gates),
        num_tasks=int(rng.integers(1, 4)),
        num_blocks=int(rng.integers(1, 7)),
        penalties=choices[int(rng.choice(len(choices), p=chances))],
        is_white=bool(rng.random() < 0.55),
    )


def draw(seed: int) -> Problem:
    """The problem of this number, the same for ever within an edition."""
    return fill(draw_structure(seed), np.random.default_rng([EDITION, 1, seed]))


def fill(structure: Structure, rng: np.random.Generator) -> Problem:
    """A problem of this structure, all values drawn."""
    kind, paths, d_out, d_in = structure.kind, structure.paths, structure.d_out, structure.d_in
    teachers = rng.normal(size=(structure.num_tasks, d_out, d_in)) / (d_out * d_in) ** 0.5
    teachers *= _log_uniform(rng, 0.3, 3.0) * _log_uniform(rng, 0.5, 2.0, structure.num_tasks)[:, None, None]
    covariance = None if structure.is_white else _covariance(rng, d_in)
    tau_gates, tau_weights = _time_constants(rng)
    gates = _gates(rng, (paths,) if kind == PATHS else (paths, d_out))
    row = (paths, d_in) if kind == TWO_LAYERS else (paths, d_out, d_in)
    smallest = 1e-3 if rng.random() < 0.6 else 0.5
    size = _log_uniform(rng, smallest, 5.0) * np.mean(np.linalg.norm(teachers, axis=(1, 2)))
    weights = rng.normal(size=row) * size / (d_in if kind == TWO_LAYERS else d_out * d_in) ** 0.5
    natural = (tau_gates * tau_weights) ** 0.5 / _pull(teachers, covariance)
    shortest = 0.05 if rng.random() < 0.5 else 0.5
    durations = natural * _log_uniform(rng, shortest, 5.0, structure.num_blocks if rng.random() < 0.5 else 1)
    return Problem(
        kind=kind,
        teachers=teachers,
        covariance=covariance,
        tau_gates=tau_gates,
        tau_weights=tau_weights,
        penalties=_strengths(rng, structure.penalties, teachers, covariance),
        gates=gates,
        weights=weights,
        tasks=_tasks(rng, structure.num_tasks, structure.num_blocks),
        durations=np.broadcast_to(durations, structure.num_blocks).copy(),
    )


def build(problem: Problem) -> tuple[Any, Any, Any]:
    """(system, network, curriculum) of ntadyn for the same problem."""
    import jax.numpy as jnp

    from ntadyn import networks, regularizers
    from ntadyn.dynamics import GradientFlow
    from ntadyn.tasks import from_matrices
    from ntadyn.tasks.curricula import sequence

    network = {
        PATHS: networks.GatedLinear,
        NEURONS: networks.NeuronGatedLinear,
        TWO_LAYERS: networks.DeepLinear,
    }[problem.kind]
    penalty = {
        HINGE: regularizers.Nonnegativity,
        UNIT_L1: regularizers.UnitL1Norm,
        L1: regularizers.L1,
        UNIT_L2: regularizers.UnitL2Norm,
    }
    terms = [penalty[name](k) for name, k in problem.penalties.items()]
    system = GradientFlow(
        from_matrices(jnp.asarray(problem.teachers)),
        {"gates": problem.tau_gates, "weights": problem.tau_weights},
        {"gates": sum(terms[1:], start=terms[0])} if terms else {},
        None if problem.covariance is None else jnp.asarray(problem.covariance),
    )
    curriculum = sequence(problem.tasks, jnp.asarray(problem.durations), len(problem.teachers))
    return system, network(jnp.asarray(problem.gates), jnp.asarray(problem.weights)), curriculum


def _pull(teachers: np.ndarray, covariance: np.ndarray | None) -> float:
    seen = teachers if covariance is None else teachers @ covariance
    return float(np.max(np.linalg.norm(seen, axis=(1, 2))))


def _log_uniform(rng: np.random.Generator, low: float, high: float, size: int | None = None) -> Any:
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def _sizes(rng: np.random.Generator, has_many_gates: bool) -> tuple[str, int, int, int]:
    """Kind, number of paths or units, outputs and inputs; more than 32 gates or at most as many."""
    if has_many_gates:
        if rng.random() < 0.5:
            return NEURONS, int(rng.integers(9, 12)), 4, int(rng.integers(1, 7))
        return TWO_LAYERS, int(rng.integers(12, 15)), 3, int(rng.integers(2, 7))
    kind = str(rng.choice([PATHS, NEURONS, TWO_LAYERS], p=[0.6, 0.2, 0.2]))
    paths = int(rng.integers(1, 9 if kind == TWO_LAYERS else 5))
    return kind, paths, int(rng.integers(1, 5)), int(rng.integers(1, 7))


def _covariance(rng: np.random.Generator, d_in: int) -> np.ndarray:
    """Unequal variances along random directions, in any unit of the inputs."""
    directions, _ = np.linalg.qr(rng.normal(size=(d_in, d_in)))
    variances = _log_uniform(rng, 0.1, 3.0, d_in) * (_log_uniform(rng, 0.01, 100.0) if rng.random() < 0.5 else 1.0)
    matrix = (directions * variances) @ directions.T
    return 0.5 * (matrix + matrix.T)


def _time_constants(rng: np.random.Generator) -> tuple[float, float]:
    """Mostly fast gates, sometimes fast weights, in any unit of time."""
    ratio = _log_uniform(rng, 1e-3, 3.0)
    slow = _log_uniform(rng, 0.01, 100.0) if rng.random() < 0.5 else 1.0
    gates, weights = slow * ratio, slow
    return (gates, weights) if rng.random() < 0.75 else (weights, gates)


def _gates(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    style = str(rng.choice(_GATES, p=[0.2, 0.2, 0.15, 0.05, 0.15, 0.1, 0.15]))
    if style == "common":
        return np.full(shape, rng.uniform(0.05, 1.5))
    if style == "positive":
        return rng.uniform(0.0, 1.5, shape)
    if style == "some zero":
        return np.where(rng.random(shape) < 0.5, 0.0, rng.uniform(-0.3, 1.0, shape))
    if style == "all zero":
        return np.zeros(shape)
    if style == "mixed":
        return rng.normal(size=shape) * 0.7
    if style == "small":
        return rng.normal(size=shape) * _log_uniform(rng, 1e-3, 0.1)
    return rng.uniform(-2.0 if rng.random() < 0.5 else 0.5, 5.0, shape)


def _strengths(
    rng: np.random.Generator, names: tuple[str, ...], teachers: np.ndarray, covariance: np.ndarray | None
) -> dict[str, float]:
    """Up to a few times what the teachers pull with; now and then zero."""
    pull = _pull(teachers, covariance) * float(np.max(np.linalg.norm(teachers, axis=(1, 2))))
    unit = pull if rng.random() < 0.7 else 1.0
    return {name: 0.0 if rng.random() < 0.06 else float(_log_uniform(rng, 0.01, 4.0)) * unit for name in names}


def _tasks(rng: np.random.Generator, num_tasks: int, num_blocks: int) -> np.ndarray:
    if rng.random() < 0.7:
        return np.arange(num_blocks) % num_tasks
    return rng.integers(0, num_tasks, num_blocks)
