"""What is run at published settings: their samplers, an exact one of the same law, and what formulas say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from experiments.degeneracy.published.networks import (
    Case,
    Layers,
    LinearLoss,
    Setting,
    random_networks,
    rank_reduced_networks,
    reduced_rank_regressions,
)
from experiments.harness.runs import Run
from ntadyn.degeneracy import quadratic
from ntadyn.degeneracy.closed_form import two_layer_at
from ntadyn.degeneracy.coefficient import Settings, learning_coefficient, learning_coefficients
from ntadyn.degeneracy.estimate import LearningCoefficient
from ntadyn.degeneracy.problem import LossProblem
from ntadyn.degeneracy.samplers import MALA, NUTS, SGLD, AbstractSampler, Feed, RMSPropSGLD
from ntadyn.degeneracy.whitening import PlainCoordinates

SHAPES = ((5, 3, 5), (5, 4, 5), (4, 3, 8), (8, 3, 4), (3, 8, 4))
WIDTHS = ((10, 10, 10),)


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        shapes: of reduced rank regressions: inputs, hidden units, outputs.
        widths: of networks at random weights.
        num_rank_reduced: networks some of whose layers have a lower rank.
        largest: their number of parameters is at most this.
        rmsprop_steps: of RMSProp-SGLD, for which no one value is published.
        slow_steps: of RMSProp-SGLD on a quadratic loss, until it has settled.
        slow_draws: records there, each after 100 steps, of each of four chains.
        repetitions: of every published estimate.
        draws: of each of four chains of the exact sampler, 4 % of them where trajectories take the place of steps.
        seed: the seed that everything is derived from.
    """

    shapes: tuple[tuple[int, int, int], ...] = SHAPES
    widths: tuple[tuple[int, ...], ...] = WIDTHS
    num_rank_reduced: int = 4
    largest: int = 150
    rmsprop_steps: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    slow_steps: tuple[float, ...] = (3e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2)
    slow_draws: int = 5000
    repetitions: int = 10
    draws: int = 10000
    seed: int = 0


def runs(parameters: Parameters) -> list[Run]:
    """One for every group of networks."""
    parts = {"regressions": regressions, "random": random, "slow": slow}
    if parameters.num_rank_reduced:
        parts["rank_reduced"] = rank_reduced
    return [Run(f"published_{name}", part, {"parameters": parameters}, name) for name, part in parts.items()]


def regressions(parameters: Parameters) -> xr.Dataset:
    """Reduced rank regressions; Langevin steps with a test are exact enough."""
    cases = reduced_rank_regressions(parameters.shapes, parameters.seed)
    sampler = MALA(num_warm_up=2000, num_draws=parameters.draws)  # pyright: ignore[reportCallIssue]
    return _measured(cases, sampler, parameters)


def random(parameters: Parameters) -> xr.Dataset:
    """Networks at random weights."""
    return _measured(random_networks(parameters.widths, parameters.seed), _trajectories(parameters), parameters)


def rank_reduced(parameters: Parameters) -> xr.Dataset:
    """Networks with layers of lower rank."""
    cases = rank_reduced_networks(parameters.num_rank_reduced, parameters.largest, parameters.seed)
    return _measured(cases, _trajectories(parameters), parameters)


def slow(parameters: Parameters) -> xr.Dataset:
    """RMSProp-SGLD on t |v|^2 / 2 in ten dimensions over its steps: what it finds when it has long settled.

    When steps are short, sqrt(V) follows the size of the gradient, and chains stay where that is large. Without the
    term for how G varies their law is exp(-U) / G instead of exp(-U), per direction (floor + a |v|) exp(-a v^2 / 2),
    under which the mean of a v^2 / 2 goes to 1 where it should be 1/2.
    """
    temperature, localisation, curvatures = 1e4, 1.0, jnp.ones(10)
    loss = Weighted(curvatures)
    found, errors = [], []
    for step in parameters.slow_steps:
        sampler = RMSPropSGLD(
            step_size=jnp.asarray(step),
            feed=Feed(steps_per_draw=100),
            num_warm_up=parameters.slow_draws * 50,
            num_draws=parameters.slow_draws,
        )  # pyright: ignore[reportCallIssue]
        settings = Settings(temperature, localisation, sampler, PlainCoordinates())
        estimate = learning_coefficient(loss, jnp.zeros(10), settings, parameters.seed)
        found.append(estimate.value)
        errors.append(estimate.error)
    precisions = temperature * np.asarray(curvatures) + localisation
    counted = np.asarray(temperature * curvatures) / precisions
    floor, size = sampler.floor * np.sqrt(2 * np.pi), 2 * np.sqrt(precisions)
    limit = np.sum(counted * (floor / 2 + size) / (floor + size))
    return xr.Dataset(
        {"value": ("step", found), "error": ("step", errors), "limit": limit, "exact": np.sum(counted) / 2},
        {"step": list(parameters.slow_steps)},
    )


class Weighted(eqx.Module):
    """1/2 sum_i h_i v_i^2.

    Attributes:
        curvatures: h.
    """

    curvatures: Array

    def __call__(self, point: Array) -> Array:
        """The value."""
        return 0.5 * jnp.sum(self.curvatures * point**2)


def _trajectories(parameters: Parameters) -> NUTS:
    return NUTS(num_warm_up=300, num_draws=parameters.draws // 25)  # pyright: ignore[reportCallIssue]


class Around(eqx.Module):
    """From a point to the problem there.

    Attributes:
        loss: L.
    """

    loss: LinearLoss

    def __call__(self, point: Layers) -> LossProblem:
        """The problem."""
        return LossProblem(self.loss, point)


def _measured(cases: list[Case], exact: AbstractSampler, parameters: Parameters) -> xr.Dataset:
    return xr.concat([_of_case(case, exact, parameters) for case in cases], dim="case").assign_coords(
        case=[case.name for case in cases]
    )


def _of_case(case: Case, exact: AbstractSampler, parameters: Parameters) -> xr.Dataset:
    setting = case.setting
    published = _estimates(case, _langevin(SGLD, setting.step, setting), parameters)
    (law,) = _estimates(case, exact, parameters, whitened=True)
    preconditioned = [
        _estimates(case, _langevin(RMSPropSGLD, step, setting), parameters) for step in parameters.rmsprop_steps
    ]
    numbers = {
        "dimension": law.dimension,
        "inverse_temperature": setting.inverse_temperature,
        "coefficient": float(case.exact.coefficient),
        "multiplicity": case.exact.multiplicity,
        **_of_ranks(case.point, law.half_rank),
        "effective_dimension": law.effective_dimension,
        "law": law.value,
        "law_error": law.error,
        "law_trusted": law.trusted,
        "law_resolved": law.rhat <= 1.02 and law.ess >= 200,
        "step_bias": published[0].step_bias,
        "short": _short(case),
    }
    return xr.Dataset(
        {name: ((), value) for name, value in numbers.items()}
        | {
            "sgld": ("repetition", [each.value for each in published]),
            "sgld_status": ("repetition", [each.status for each in published]),
            "rmsprop": (("rmsprop_step", "repetition"), [[each.value for each in row] for row in preconditioned]),
        },
        {"rmsprop_step": list(parameters.rmsprop_steps)},
    )


def _langevin(kind: Callable[..., AbstractSampler], step: float, setting: Setting) -> AbstractSampler:
    lengths = {"num_chains": setting.chains, "num_warm_up": setting.skipped, "num_draws": setting.recorded}
    return kind(step_size=jnp.asarray(step), **lengths)


def _estimates(
    case: Case, sampler: AbstractSampler, parameters: Parameters, whitened: bool = False
) -> list[LearningCoefficient]:
    """One estimate by an exact sampler, in whitened coordinates; as many as there are repetitions by the others."""
    number = 1 if whitened else parameters.repetitions
    points: Any = tuple(jnp.broadcast_to(layer, (number, *layer.shape)) for layer in case.point)
    setting = Settings(
        case.setting.inverse_temperature, case.setting.localisation, sampler, None if whitened else PlainCoordinates()
    )
    return learning_coefficients(Around(case.loss), points, setting, parameters.seed)


def _short(case: Case) -> float:
    """By how much chains of the published length fall short of their own law, as far as the loss is quadratic."""
    numbers: tuple[Array, Array] = (
        jnp.asarray(case.setting.inverse_temperature),
        jnp.asarray(case.setting.localisation),
    )
    chart = PlainCoordinates().chart(LossProblem(case.loss, case.point), *numbers)
    setting = case.setting
    step = jnp.asarray(setting.step)
    return float(quadratic.lowered_by_start(chart.counted, chart.rates, step, setting.skipped, setting.recorded))


def _of_ranks(point: Layers, counted: float) -> dict[str, float]:
    """Half the rank of the Hessian, and the coefficient of the behaviour at the point itself.

    Of two layers both follow from ranks. Of more, the rank is counted, and no formula for the coefficient is known.
    """
    if len(point) != 2:
        return {"half_rank": counted, "local_coefficient": float("nan")}
    first, second = (np.asarray(layer) for layer in point)
    inputs, hidden, outputs = first.shape[1], first.shape[0], second.shape[0]
    of_first, of_second, of_map = (int(np.linalg.matrix_rank(matrix)) for matrix in (first, second, second @ first))
    local = two_layer_at(inputs, hidden, outputs, of_first, of_second, of_map)
    rank = outputs * of_first + inputs * of_second - of_first * of_second
    return {"half_rank": rank / 2, "local_coefficient": float(local.coefficient)}
