"""An independent reference for gated linear networks under gradient flow, kinked gate penalties included.

    tau_c dc/dt = -dE/dc,    tau_W dW/dt = -dE/dW,    E = 1/2 <D, D Sigma> + R(c),    D = sum_p c_p W^p - W*

Inside one sign pattern of the gates the field is smooth, and a solver of SciPy integrates it to near rounding. A gate
whose kink takes part in the pattern by its sign s is followed to its next event: a moving gate (s = +1, -1) arrives at
zero, where it crosses or is held; a held gate (s = 0, exactly zero) is released when the velocity on one side points
away from zero. That is Filippov's convention. It needs one rule more where velocities on *both* sides point away, as
they may where a gate starts at exactly zero: it goes where the mean of both points, and stays if that is zero.

Nothing here knows ntadyn: NumPy and SciPy only, in weight space, written from the equations.

Source: Filippov, Differential Equations with Discontinuous Righthand Sides, 1988; event location after Hairer, Norsett,
Wanner, Solving Ordinary Differential Equations I, section II.6.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from scipy import integrate, optimize

from tests.battery.problems import HINGE, L1, PATHS, TWO_LAYERS, UNIT_L1, UNIT_L2, Problem

# Points inside a step at which margins are looked at; between them a parabola says where to look closer.
_LOOKS = 8
_MOST_EVENTS = 2000


class NotSolved(Exception):
    """The reference could not be computed, and why."""


@dataclasses.dataclass(frozen=True)
class Path:
    """What is compared.

    Attributes:
        gates: at every record, shape (blocks, records, gates).
        weights: at the end, like those of the problem.
        total_map: sum_p c_p W^p at the end, shape (d_out, d_in).
        events: how many times a gate arrived, crossed or was released.
        evaluations: how many times the field was evaluated by the solver.
    """

    gates: np.ndarray
    weights: np.ndarray
    total_map: np.ndarray
    events: int
    evaluations: int


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """How to integrate: a solver class of SciPy with its tolerances, relative ones to the state's own scale."""

    method: str = "DOP853"
    rtol: float = 1e-12
    atol: float = 1e-14

    def looser(self, factor: float) -> "Accuracy":
        return dataclasses.replace(self, rtol=self.rtol * factor, atol=self.atol * factor)


@dataclasses.dataclass(frozen=True)
class Slack:
    """By how much an event has to be missed before it counts, so that none is made of the solver's own error.

    Where a network has learnt its task, the drive of a gate held at zero fades until nothing but that error decides on
    which side of zero it is.

    Attributes:
        gates: how far beyond zero a gate has arrived.
        speeds: how fast each held gate is pulled away when it is released, shape (gates,).
    """

    gates: float
    speeds: np.ndarray


class Flow:
    """The smooth fields of one problem, one for every sign pattern of the gates; states are vectors (gates, weights).

    All methods take a state, or many of them along leading axes.
    """

    def __init__(self, problem: Problem, task: int):
        self.problem = problem
        self.teacher = problem.teachers[task]
        self.size = problem.gates.size
        self.hinge = problem.penalties.get(HINGE, 0.0)
        self.slope = problem.penalties.get(L1, 0.0)
        self.unit_l1 = problem.penalties.get(UNIT_L1, 0.0)
        self.unit_l2 = problem.penalties.get(UNIT_L2, 0.0)
        if self.size == 1:  # of one number both norms are its absolute value
            self.unit_l1, self.unit_l2 = self.unit_l1 + self.unit_l2, 0.0

    @property
    def kinked(self) -> bool:
        return max(self.hinge, self.slope, self.unit_l1) > 0

    def split(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gates and weights, in the problem's shapes."""
        leading = state.shape[:-1]
        gates = state[..., : self.size].reshape(*leading, *self.problem.gates.shape)
        return gates, state[..., self.size :].reshape(*leading, *self.problem.weights.shape)

    def total_map(self, state: np.ndarray) -> np.ndarray:
        gates, weights = self.split(state)
        if self.problem.kind == TWO_LAYERS:
            return np.swapaxes(gates, -1, -2) @ weights
        return np.sum(self._per_row(gates)[..., None] * weights, axis=-3)

    def forces(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus the gradient of the task loss by gates and by weights, both flat."""
        gates, weights = self.split(state)
        pull = self.teacher - self.total_map(state)
        if self.problem.covariance is not None:
            pull = pull @ self.problem.covariance
        if self.problem.kind == TWO_LAYERS:
            on_gates, on_weights = weights @ np.swapaxes(pull, -1, -2), gates @ pull
        else:
            pull = pull[..., None, :, :]
            on_gates, on_weights = np.sum(weights * pull, axis=-1), self._per_row(gates)[..., None] * pull
            on_gates = np.sum(on_gates, axis=-1) if self.problem.kind == PATHS else on_gates
        leading = state.shape[:-1]
        return on_gates.reshape(*leading, -1), on_weights.reshape(*leading, -1)

    def slopes(self, gates: np.ndarray, signs: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """dR/dc as it continues from the pattern `signs`; `ahead` is the direction of gates that are all zero."""
        size = np.sum(signs * gates, axis=-1, keepdims=True)
        slope = (self.slope + self.unit_l1 * (size - 1.0)) * signs - 0.5 * self.hinge * (1.0 - signs)
        if self.unit_l2 == 0.0:
            return slope
        norm = np.linalg.norm(gates, axis=-1, keepdims=True)
        direction = np.where(norm > 0, gates, ahead) / np.where(norm > 0, norm, 1.0)
        return slope + self.unit_l2 * (norm - 1.0) * direction

    def rates(self, state: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """d(state)/dt within the pattern; gates of sign 0 are held if the problem has kinks."""
        on_gates, on_weights = self.forces(state)
        ahead = self._ahead(on_gates, signs) if self.unit_l2 > 0 else signs
        slopes = self.slopes(state[..., : self.size], signs, ahead)
        speed = (on_gates - slopes) / self.problem.tau_gates
        if self.kinked:
            speed = np.where(signs == 0, 0.0, speed)
        return np.concatenate([speed, on_weights / self.problem.tau_weights], axis=-1)

    def one_sided(self, state: np.ndarray, signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Velocities of all gates, those of sign 0 as seen from above zero and from below it.

        No kink depends on the sides of the other gates at zero, because they add nothing to the norm.
        """
        on_gates, _ = self.forces(state)
        gates = state[..., : self.size]
        sides = [np.where(signs == 0, side, signs) for side in (1.0, -1.0)]
        above, below = ((on_gates - self.slopes(gates, side, side)) / self.problem.tau_gates for side in sides)
        return above, below

    def entered(self, state: np.ndarray) -> np.ndarray:
        """The pattern that the flow enters from a state with gates at exactly zero.

        Raises:
            NotSolved: if it could leave the origin in any direction.
        """
        gates = state[: self.size]
        above, below = self.one_sided(state, np.sign(gates))
        mean = np.where(_balanced(above, below), 0.0, np.sign(above + below))
        leaving = np.where(above > 0, np.where(below < 0, mean, 1.0), np.where(below < 0, -1.0, 0.0))
        signs = np.where(gates == 0, leaving, np.sign(gates))
        if self.unit_l2 > 0 and not np.any(gates) and np.count_nonzero(signs) > 1:
            # With u the direction and r the norm, u' = (d - <d, u> u) / r and r' = <d, u> + k: unless the drive d is
            # the stronger, u forgets its start so slowly that rounding decides.
            drive, _ = self.forces(state)
            if np.linalg.norm(drive[signs * drive > 0]) <= self.unit_l2:
                raise NotSolved("gates start at the origin, where their unit L2 penalty outweighs the drive")
        return signs

    def margins(self, state: np.ndarray, signs: np.ndarray, slack: "Slack") -> np.ndarray:
        """How far each gate is from its next event: a moving one from zero, a held one from being pulled away."""
        moving = signs * state[..., : self.size] + slack.gates
        if np.all(signs != 0):
            return moving
        above, below = self.one_sided(state, signs)
        held = np.minimum(-above, below) + slack.speeds
        # The tie rule keeps a gate at zero as long as both sides pull it away equally, up to rounding.
        is_tied = (above > 0) & (below < 0) & _balanced(above, below)
        return np.where(signs != 0, moving, np.where(is_tied, above, held))

    def slack(self, state: np.ndarray, accuracy: Accuracy) -> "Slack":
        """What gates and their velocities owe to the errors that the solver may make in the state."""
        gates, weights = self.split(state)
        lines = weights if self.problem.kind == PATHS else weights.reshape(-1, weights.shape[-1])
        own = np.sqrt(np.sum(lines.reshape(len(lines), -1) ** 2, axis=1))
        if self.problem.kind == TWO_LAYERS:
            own = np.repeat(own, gates.shape[1])
        error = 4 * (accuracy.rtol * np.max(np.abs(gates)) + accuracy.atol)
        variance = 1.0 if self.problem.covariance is None else np.linalg.norm(self.problem.covariance, 2)
        curvature = own * np.linalg.norm(weights) * variance + self.unit_l1 * self.size + self.unit_l2
        return Slack(error, error * curvature / self.problem.tau_gates)

    def _ahead(self, drive: np.ndarray, signs: np.ndarray) -> np.ndarray:
        """Where the gates that may move go from the origin: along the drive, which pulls their direction to itself."""
        free = np.where(signs * drive > 0, drive, 0.0)
        length = np.linalg.norm(free, axis=-1, keepdims=True)
        return np.where(length > 0, free / np.where(length > 0, length, 1.0), signs)

    def _per_row(self, gates: np.ndarray) -> np.ndarray:
        return gates[..., None] if self.problem.kind == PATHS else gates


def solve(problem: Problem, accuracy: Accuracy | None = None) -> Path:
    """The problem's path.

    Raises:
        NotSolved: if a solver fails, or gates meet zero thousands of times.
    """
    accuracy = Accuracy() if accuracy is None else accuracy
    state = np.concatenate([problem.gates.ravel(), problem.weights.ravel()])
    gates, events, evaluations = [], 0, 0
    for task, first, records in zip(problem.tasks, problem.edges[:-1], problem.records, strict=True):
        run = _Block(Flow(problem, task), accuracy, state, first, records)
        # SciPy tries far too long steps first, and takes the overflow for an error.
        with np.errstate(over="ignore", invalid="ignore"):
            run.to_the_end()
        state, events, evaluations = run.state, events + run.events, evaluations + run.evaluations
        gates.append(np.array(run.recorded)[:, : problem.gates.size])
    if not np.all(np.isfinite(state)):
        raise NotSolved("the state is not finite")
    last = Flow(problem, problem.tasks[-1])
    return Path(np.array(gates), last.split(state)[1], last.total_map(state), events, evaluations)


class _Block:
    """One block: from event to event, noting the state at every record."""

    def __init__(self, flow: Flow, accuracy: Accuracy, state: np.ndarray, time: float, records: np.ndarray):
        self.flow, self.accuracy, self.records = flow, accuracy, list(records)
        self.state, self.time, self.end = state, time, records[-1]
        self.recorded: list[np.ndarray] = []
        self.events = self.evaluations = 0
        self.signs = flow.entered(state)

    def to_the_end(self) -> None:
        while len(self.recorded) < len(self.records):
            self._follow_pattern()

    def _follow_pattern(self) -> None:
        """Until the next event, or the block's end."""
        signs, slack = self.signs, self.flow.slack(self.state, self.accuracy)
        solver = _solver(self.flow, signs, self.time, self.state, self.end, self.accuracy)
        while solver.status == "running":
            message = solver.step()
            if solver.status == "failed":
                raise NotSolved(f"{self.accuracy.method} failed: {message}")
            path = _Path(solver.dense_output(), solver.t_old, solver.t, solver.y)
            margins = functools.partial(self._margins, path, slack)
            found = _first_event(margins, path) if self.flow.kinked else None
            until = solver.t if found is None else found
            while len(self.recorded) < len(self.records) and self.records[len(self.recorded)] <= until:
                self.recorded.append(path(self.records[len(self.recorded)]))
            if found is not None:
                self.time, self.state = found, path(found)
                self._pass_event(slack)
                break
        else:
            self.time, self.state = solver.t, solver.y
        self.evaluations += solver.nfev

    def _margins(self, path: "_Path", slack: Slack, time: float | np.ndarray) -> np.ndarray:
        return self.flow.margins(path(time), self.signs, slack)

    def _pass_event(self, slack: Slack) -> None:
        """Gates that have arrived cross or are held, held ones are released; mirrored gates do so together."""
        self.events += 1
        if self.events > _MOST_EVENTS:
            raise NotSolved(f"more than {_MOST_EVENTS} events in one block")
        flow, size = self.flow, self.flow.size
        margins = flow.margins(self.state, self.signs, slack)
        inwards = self.signs * flow.rates(self.state, self.signs)[:size] < 0
        is_moving = self.signs != 0
        arrived = is_moving & ((margins < 0) | (inwards & (margins <= 2 * slack.gates)))
        released = ~is_moving & (margins < 0)
        self.state[:size][arrived] = 0.0
        above, below = flow.one_sided(self.state, np.where(arrived, 0.0, self.signs))
        onwards = np.where(self.signs > 0, np.where(below < 0, -1.0, 0.0), np.where(above > 0, 1.0, 0.0))
        self.signs = np.where(arrived, onwards, np.where(released, np.sign(above + below), self.signs))


class _Path:
    """The states within one step, exact at its end."""

    def __init__(self, inside: Callable, start: float, end: float, state: np.ndarray):
        self.inside, self.start, self.end, self.state = inside, start, end, state

    def __call__(self, time: float | np.ndarray) -> np.ndarray:
        """The state at a time, or one in every row."""
        if np.ndim(time) == 0:
            return self.state.copy() if time == self.end else self.inside(time)
        states = self.inside(np.asarray(time)).T
        states[time == self.end] = self.state
        return states


def _balanced(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.abs(above + below) <= 1e-13 * (np.abs(above) + np.abs(below))


def _solver(
    flow: Flow, signs: np.ndarray, time: float, state: np.ndarray, end: float, accuracy: Accuracy
) -> integrate.OdeSolver:
    field = lambda t, y: flow.rates(y, signs)  # noqa: E731
    extra = {} if accuracy.method == "DOP853" else {"jac": lambda t, y: _jacobian(flow, y, signs)}
    method = getattr(integrate, accuracy.method)
    return method(field, time, state, end, rtol=accuracy.rtol, atol=accuracy.atol, **extra)


def _jacobian(flow: Flow, state: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """d(rates)/d(state) by central differences, all columns at once; the field is nearly a cubic polynomial."""
    width = 1e-5 * np.maximum(np.abs(state), 1e-2)
    moved = np.diag(width)
    return ((flow.rates(state + moved, signs) - flow.rates(state - moved, signs)) / (2 * width[:, None])).T


def _first_event(margins: Callable, path: _Path) -> float | None:
    """The first time within the step at which a margin is below zero, to rounding; None if there is none."""
    times = np.linspace(path.start, path.end, _LOOKS + 1)
    values = margins(times)
    candidates = [
        event
        for gate in range(values.shape[1])
        if (event := _first_below(lambda t: margins(t)[gate], times, values[:, gate])) is not None  # noqa: B023
    ]
    return min(candidates, default=None)


def _first_below(margin: Callable, times: np.ndarray, values: np.ndarray) -> float | None:
    below = np.flatnonzero(values[1:] < 0)
    last = below[0] + 1 if below.size else len(times)
    # A dip between two looks ends before the first look that is below zero.
    inner = np.arange(1, min(last, len(times) - 1))
    middle = values[inner]
    is_low = (middle <= values[inner - 1]) & (middle <= values[inner + 1])
    # A parabola's vertex lies at most an eighth of its larger rise below the middle point of three.
    rise = np.maximum(values[inner - 1], values[inner + 1]) - middle
    for index in inner[is_low & (middle < 0.5 * rise)]:
        low, high = times[index - 1], times[index + 1]
        found = optimize.minimize_scalar(
            margin, bounds=(low, high), method="bounded", options={"xatol": 1e-3 * (high - low)}
        )
        if found.fun < 0:
            start = times[index - 1] if values[index - 1] >= 0 else low
            return _root(margin, start, float(found.x))
    if not below.size:
        return None
    return _root(margin, times[last - 1], times[last])


def _root(margin: Callable, low: float, high: float) -> float:
    """Where a margin falls below zero between a time before and one after, from the side after."""
    if margin(low) <= 0:
        return low
    root = optimize.brentq(margin, low, high, xtol=4 * np.finfo(float).eps * max(abs(high), 1e-300), rtol=1e-15)
    step = np.spacing(root)
    while margin(root) >= 0 and root < high:
        root, step = min(root + step, high), 2 * step
    return root
