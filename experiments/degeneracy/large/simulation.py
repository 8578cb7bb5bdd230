"""What is run for the question up to which size estimates are trusted."""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import PyTree

from experiments.degeneracy.large import digits
from experiments.degeneracy.large.chain import chain_coefficient
from experiments.degeneracy.large.planted import Planted, planted
from experiments.harness.runs import Run
from ntadyn.degeneracy import (
    MALA,
    NUTS,
    AbstractSampler,
    AbstractWhitening,
    Behavioural,
    DenseWhitening,
    DiagonalWhitening,
    LeadingWhitening,
    Settings,
    labelled,
    learning_coefficient,
    learning_curve,
)
from ntadyn.degeneracy.closed_form import deep_linear
from ntadyn.degeneracy.problem import Loss

INVERSE_TEMPERATURE, LOCALISATION = 1e6, 1e4
COLDER = 1e8  # where directions that no Hessian sees begin to count
# Wide enough that what is left of them does not fill its limit at once, and of one input: see `chain`.
CHAIN, CHAIN_RANK, CHAIN_LOCALISATION = (2, 6, 7, 9), 1, 400.0
WHITENINGS: dict[str, Callable[[int], AbstractWhitening]] = {
    "leading": LeadingWhitening,
    "dense": lambda number: DenseWhitening(),
    "diagonal": lambda number: DiagonalWhitening(),
}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        width: of the planted network of the first part.
        rank: of its layers where they lack directions.
        steps: of warm-up, and draws per chain, there.
        trajectories: the same for NUTS.
        colder: inverse temperatures of the small chain.
        hidden: units of the network on digits.
        images: it is trained on.
        directions: of leading whitening.
        short: steps of warm-up, and draws per chain, of the other parts.
        drawn_diagonal: draws per chain with diagonal whitening on digits.
        sizes: widths of the planted networks of the curve.
        most_dense: parameters up to which dense whitening is tried.
        least: singular values of the curve's layers go from 1 down to this.
        seed: of everything.
    """

    width: int = 40
    rank: int = 10
    steps: tuple[int, int] = (3000, 10_000)
    trajectories: tuple[int, int] = (200, 200)
    colder: tuple[float, ...] = (1e5, 1e6, 1e7, 1e8)
    hidden: int = 54
    images: int = 500
    directions: int = 300
    short: tuple[int, int] = (1000, 3000)
    drawn_diagonal: int = 10_000
    sizes: tuple[int, ...] = (6, 13, 20, 28, 40, 63)
    most_dense: int = 2000
    least: float = 0.3
    seed: int = 0


class Case(NamedTuple):
    """One estimate to be made.

    Attributes:
        loss: L.
        point: w*.
        settings: of the estimate.
        expected: what theory says at this temperature and localisation.
        limit: what theory says without either.
    """

    loss: Loss
    point: PyTree
    settings: Settings
    expected: float = np.nan
    limit: float = np.nan


def runs(parameters: Parameters) -> list[Run]:
    """One for every part; the curve over sizes has one for every whitening."""
    arguments = {"parameters": parameters}
    parts = {"planted": at_width, "digits": on_digits, "chain": over_temperatures}
    curves = [Run(f"large_{name}", over_sizes, arguments | {"whitening": name}, name) for name in WHITENINGS]
    return [*(Run(f"large_{name}", part, arguments, name) for name, part in parts.items()), *curves]


def widths_of(width: int) -> tuple[int, ...]:
    """Inputs, two hidden layers, outputs; 2.5 width^2 weights."""
    return (round(5 * width / 8), width, width, round(7 * width / 8))


def at_width(parameters: Parameters) -> xr.Dataset:
    """A planted network with all its directions and without some.

    Where all layers lack the same directions, their product lacks them too, and moves there in third order. The loss
    is then quadratic in r (H_1 + H_(L+1) - r) functions of the weights, and besides |W_L' ... W_1'|^2 / 2, where W'
    has the widths less r and is zero at the point. The second part is sampled alone, for comparison.
    """
    widths, langevin = widths_of(parameters.width), MALA(*_chains(parameters.steps))
    whole = planted(widths, None, 1.0, parameters.seed)
    lacking = planted(widths, parameters.rank, 1.0, parameters.seed)
    left = planted(tuple(width - parameters.rank for width in widths), 0, 1.0, parameters.seed)

    def case(of: Planted, inverse_temperature: float, sampler: AbstractSampler, besides: float = 0.0) -> Case:
        settings = Settings(inverse_temperature, LOCALISATION, sampler, DiagonalWhitening())
        rank = min(widths) if of is whole else parameters.rank
        limit = float(deep_linear(widths, rank).coefficient)
        expected = of.effective_dimension(inverse_temperature, LOCALISATION) + besides
        return Case(of.loss, of.layers, settings, expected, limit)

    def alone(inverse_temperature: float) -> float:
        settings = Settings(inverse_temperature, LOCALISATION, langevin, DiagonalWhitening())
        return learning_coefficient(left.loss, left.layers, settings, parameters.seed).value

    besides = {each: alone(each) for each in (INVERSE_TEMPERATURE, COLDER)}
    cases = {
        "all directions": case(whole, INVERSE_TEMPERATURE, langevin),
        "lacking": case(lacking, INVERSE_TEMPERATURE, langevin, besides[INVERSE_TEMPERATURE]),
        "lacking, colder": case(lacking, COLDER, langevin, besides[COLDER]),
        "lacking, colder, NUTS": case(lacking, COLDER, NUTS(*_chains(parameters.trajectories)), besides[COLDER]),
    }
    return _estimated(cases, "case", parameters.seed)


def over_temperatures(parameters: Parameters) -> xr.Dataset:
    """A small network that lacks directions, colder and colder: MALA, NUTS, and what quadrature says."""
    small = planted(CHAIN, CHAIN_RANK, 1.0, parameters.seed)
    left = tuple(width - CHAIN_RANK for width in CHAIN[1:])
    warm_up, draws = parameters.trajectories
    samplers = {"MALA": MALA(*_chains(parameters.steps)), "NUTS": NUTS(*_chains((2 * warm_up, 3 * draws)))}
    temperatures = parameters.colder
    found = []
    for sampler in samplers.values():
        settings = Settings(localisation=CHAIN_LOCALISATION, sampler=sampler, whitening=DenseWhitening())
        found += learning_curve(small.loss, small.layers, temperatures, settings, parameters.seed)
    quadratic = [small.effective_dimension(each, CHAIN_LOCALISATION) for each in temperatures]
    besides = [chain_coefficient(left, each / CHAIN_LOCALISATION ** len(left)) for each in temperatures]
    dataset = labelled(found, {"algorithm": list(samplers), "temperature": temperatures})
    return dataset.assign(
        quadratic=("temperature", np.array(quadratic)),
        expected=("temperature", np.array(quadratic) + np.array(besides)),
        limit=float(deep_linear(CHAIN, CHAIN_RANK).coefficient),
        limit_of_quadrature=float(quadratic[-1] + chain_coefficient(left, 1e12)),
    )


def on_digits(parameters: Parameters) -> xr.Dataset:
    """A trained network: its behavioural loss in two coordinates, and its training loss."""
    inputs, labels = digits.images(parameters.images)
    training = digits.training_loss(inputs, labels)
    point = digits.trained(training, digits.initial(parameters.hidden, jax.random.key(parameters.seed)), 300)
    behavioural = Behavioural.of(functools.partial(digits.outputs, inputs=inputs), point)
    steep = INVERSE_TEMPERATURE * np.maximum(digits.curvatures(point, inputs), 0)
    exact = float(np.sum(steep / (2 * (steep + LOCALISATION))))
    leading, (warm_up, draws) = LeadingWhitening(parameters.directions), parameters.short

    def settings(draws: int, whitening: AbstractWhitening) -> Settings:
        return Settings(INVERSE_TEMPERATURE, LOCALISATION, MALA(*_chains((warm_up, draws))), whitening)

    cases = {
        "leading": Case(behavioural, point, settings(draws, leading), exact),
        "diagonal": Case(behavioural, point, settings(parameters.drawn_diagonal, DiagonalWhitening()), exact),
        "training loss": Case(training, point, settings(draws // 10, leading)),
    }
    return _estimated(cases, "case", parameters.seed).assign(training_loss=float(training(point)))


def over_sizes(parameters: Parameters, whitening: str) -> xr.Dataset:
    """Planted networks of full rank, whose curvatures differ by a factor of a hundred or so, at a fixed budget."""
    cases = {}
    for width in parameters.sizes:
        network = planted(widths_of(width), None, parameters.least, parameters.seed)
        if whitening == "dense" and network.dimension > parameters.most_dense:
            continue
        chosen = WHITENINGS[whitening](parameters.directions)
        settings = Settings(INVERSE_TEMPERATURE, LOCALISATION, MALA(*_chains(parameters.short)), chosen)
        expected = network.effective_dimension(INVERSE_TEMPERATURE, LOCALISATION)
        limit = float(deep_linear(network.widths, min(network.widths)).coefficient)
        cases[network.dimension] = Case(network.loss, network.layers, settings, expected, limit)
    return _estimated(cases, "size", parameters.seed)


def _chains(steps: tuple[int, int]) -> tuple[int, int, int]:
    return (4, *steps)


def _estimated(cases: Mapping[Any, Case], axis: str, seed: int) -> xr.Dataset:
    found, seconds = [], []
    for each in cases.values():
        began = time.perf_counter()
        found.append(learning_coefficient(each.loss, each.point, each.settings, seed))
        seconds.append(time.perf_counter() - began)
    # Directions that are flat are as wide as the localisation lets them be, and curved ones have no width beside them.
    dimensions = np.array([one.dimension for one in found])
    free = dimensions - 2 * np.array([one.effective_dimension for one in found])
    extra = {
        "expected": [each.expected for each in cases.values()],
        "limit": [each.limit for each in cases.values()],
        "seconds": seconds,
        "usual_distance": np.sqrt(np.maximum(free, 0) / dimensions),
    }
    columns = {name: (axis, np.asarray(values)) for name, values in extra.items()}
    return labelled(found, {axis: list(cases)}).assign(columns)
