"""The deep linear networks on which published estimators are tested, and the settings they are tested at."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ntadyn.degeneracy.closed_form import Exact, deep_linear

Layers = tuple[Array, ...]


@dataclass(frozen=True)
class Setting:
    """How an estimate is made.

    Attributes:
        inverse_temperature: t, for half the squared error summed over outputs.
        localisation: gamma.
        step: eps of Langevin steps x - eps/2 grad U + sqrt(eps) xi.
        chains: all from the point itself.
        skipped: steps of warm-up.
        recorded: steps that are averaged over.
    """

    inverse_temperature: float
    localisation: float
    step: float
    chains: int
    skipped: int
    recorded: int


class LinearLoss(eqx.Module):
    """L(W) = 1/2 tr (W_L ... W_1 - B) S (W_L ... W_1 - B)^T: over all inputs, or over the examples of a data set.

    Attributes:
        target: B.
        root: S^(1/2), of the second moments of inputs.
    """

    target: Float[Array, "o i"]
    root: Float[Array, "i i"]

    def __call__(self, layers: Layers) -> Float[Array, ""]:
        """The loss, less what no weights can avoid."""
        return 0.5 * jnp.sum(((product(layers) - self.target) @ self.root) ** 2)


class Case(NamedTuple):
    """A network, a point of it, and a setting.

    Attributes:
        name: its widths.
        loss: L.
        point: w*.
        setting: as published.
        exact: what the estimate is compared with by those who publish it.
    """

    name: str
    loss: LinearLoss
    point: Layers
    setting: Setting
    exact: Exact


def product(layers: Layers) -> Float[Array, "o i"]:
    """W_L ... W_1."""
    found = layers[0]
    for layer in layers[1:]:
        found = layer @ found
    return found


def per_output(examples: float, outputs: int) -> float:
    """t = 2 n / (N log n): n examples at the inverse temperature 1 / log n, and a loss averaged over N outputs."""
    return 2 * examples / (math.log(examples) * outputs)


def reduced_rank_regressions(shapes: tuple[tuple[int, int, int], ...], seed: int) -> list[Case]:
    """Two layers, trained by Adam on 1000 examples whose inputs and targets are independent normal numbers.

    The map that made the data is zero, so that the coefficient of rank zero is what estimates are compared with. Full
    batches, localisation 1, 3 chains of 2000 steps of 6e-5, all of which count.

    Source: devinterp's tests of accuracy on reduced rank regression, which allow an error of 30 or 40 %, by version.
    """
    cases = []
    for index, (inputs, hidden, outputs) in enumerate(shapes):
        random = np.random.default_rng((seed, index))
        x, y = random.normal(size=(1000, inputs)), random.normal(size=(1000, outputs))
        target = np.linalg.lstsq(x, y, rcond=None)[0].T
        loss = LinearLoss(jnp.asarray(target), jnp.asarray(_root(x.T @ x / 1000)))
        start = tuple(
            jnp.asarray(random.uniform(-1, 1, (rows, columns)) / columns**0.5)
            for rows, columns in ((hidden, inputs), (outputs, hidden))
        )
        setting = Setting(per_output(1000, outputs), 1.0, 6e-5, chains=3, skipped=0, recorded=2000)
        exact = deep_linear((inputs, hidden, outputs), 0)
        cases.append(Case(_name((inputs, hidden, outputs)), loss, trained(loss, start), setting, exact))
    return cases


def random_networks(widths: tuple[tuple[int, ...], ...], seed: int) -> list[Case]:
    """At random weights, which reproduce themselves: the loss over all inputs, uniform in [-10, 10].

    10,000 examples, localisation 10, a chain of 5000 steps of 1e-5, all of which count. Published on batches of 100.

    Source: validating_lambdahat, its default configuration.
    """
    cases = []
    for index, each in enumerate(widths):
        random = np.random.default_rng((seed, 100 + index))
        point = [_truncated(random, rows, columns) for columns, rows in zip(each[:-1], each[1:], strict=True)]
        setting = Setting(per_output(1e4, each[-1]), 10.0, 1e-5, chains=1, skipped=0, recorded=5000)
        cases.append(_at(each, point, setting))
    return cases


def rank_reduced_networks(number: int, largest: int, seed: int) -> list[Case]:
    """2 to 5 layers of widths from 5 to 50, half of them of a random lower rank, as a law of networks.

    100,000 examples, localisation 1, a chain of 10,000 steps of 5e-7 of which the last tenth counts. Published on
    batches of 500.

    Args:
        number: how many are drawn.
        largest: those with more parameters are drawn again.
        seed: of the networks.

    Source: Furman and Lau 2024, arXiv 2402.03698, appendix E, their smallest networks; Hitchcock and Hoogland 2025,
    arXiv 2507.21449, draw from the same law.
    """
    random = np.random.default_rng((seed, 200))
    cases = []
    while len(cases) < number:
        widths = tuple(int(width) for width in random.integers(5, 51, size=random.integers(2, 6) + 1))
        if sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True)) > largest:
            continue
        point = [_truncated(random, rows, columns) for columns, rows in zip(widths[:-1], widths[1:], strict=True)]
        point = [_of_lower_rank(random, layer) if random.uniform() < 0.5 else layer for layer in point]
        setting = Setting(per_output(1e5, widths[-1]), 1.0, 5e-7, chains=1, skipped=9000, recorded=1000)
        cases.append(_at(widths, point, setting))
    return cases


@jax.jit
def trained(loss: LinearLoss, start: Layers) -> Any:
    """Layers after 5000 steps of Adam at a rate of 0.01."""
    rule = optax.adam(0.01)

    def step(carry: Any, _: None) -> tuple[Any, None]:
        layers, state = carry
        update, state = rule.update(jax.grad(loss)(layers), state)
        return (optax.apply_updates(layers, update), state), None

    return jax.lax.scan(step, (start, rule.init(start)), None, 5000)[0][0]


def _at(widths: tuple[int, ...], point: list[np.ndarray], setting: Setting) -> Case:
    layers = tuple(jnp.asarray(layer) for layer in point)
    target = product(layers)
    rank = int(np.linalg.matrix_rank(np.asarray(target)))
    root = jnp.asarray(10 / 3**0.5 * np.eye(widths[0]))
    return Case(f"{_name(widths)}, rank {rank}", LinearLoss(target, root), layers, setting, deep_linear(widths, rank))


def _name(widths: tuple[int, ...]) -> str:
    return "-".join(str(width) for width in widths)


def _truncated(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Normal numbers of variance 1 / columns, cut off at two standard deviations."""
    drawn = random.normal(size=(rows, columns, 50))
    first = np.argmax(np.abs(drawn) < 2, axis=-1)
    return np.take_along_axis(drawn, first[..., None], -1)[..., 0] / columns**0.5


def _of_lower_rank(random: np.random.Generator, layer: np.ndarray) -> np.ndarray:
    left, values, right = np.linalg.svd(layer, full_matrices=False)
    values[random.integers(0, len(values)) :] = 0
    return left @ np.diag(values) @ right


def _root(matrix: np.ndarray) -> np.ndarray:
    values, directions = np.linalg.eigh(matrix)
    return directions * np.sqrt(values) @ directions.T
