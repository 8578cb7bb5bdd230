"""Specialisation over gates, and the two symmetries that the published exact solution takes for granted.

Figures A10, A11 and panel H of figure 4 are made of this, with their published labels: the first target in force is
(0, 1), path 1 suits it, and errors are eps = y - (0, 1), whatever the smooth target does at that moment.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.typing import DTypeLike

from ntadyn.simulation import Adaptive, FixedSteps
from ntadyn.verification import Curves, specialisation_curves

FIGURE_A10, FIGURE_4H = (0.05, 0.05), (1 / 11, 10 / 11)  # strengths of the nonnegativity and of the L1 norm
EARLY, LATE = 1.2507, 4.9975  # of the published numbers, in units of tau_W
HARDNESS, BLOCK_DURATION = 100.0, 5.0  # of the smooth target in all of these runs

_SERIES = ("ratio", "record")
_SHAPES = {"gates": (*_SERIES, "path"), "weights": (*_SERIES, "path", "output")}


def with_published_times(
    method: FixedSteps | Adaptive, strengths: tuple[float, float] = FIGURE_A10, dtype: DTypeLike = jnp.float64
) -> Curves:
    """`specialisation_curves` with records at `EARLY` and `LATE`.

    Args:
        method: how to integrate.
        strengths: coefficients of the gate penalties.
        dtype: floating dtype.
    """
    return specialisation_curves(method, strengths, dtype, times=(EARLY, LATE))


def dataset_of(curves: Curves) -> xr.Dataset:
    """Labelled curves, with what the panels show besides.

    Args:
        curves: for several ratios of time constants.

    Returns:
        Dataset over (ratio, record), with `wbar_1` and `wbar_2`, the paths' differences along outputs 1 and 2, `wdbar`,
        and `error_1` = y_1 and `error_2` = y_2 - 1.
    """
    fields = {item.name: np.asarray(getattr(curves, item.name)) for item in dataclasses.fields(curves)}
    ratios, times = fields.pop("ratios"), fields.pop("times")
    weights = fields["weights"]
    error = np.einsum("rtp,rtpo->rto", fields["gates"], weights) - np.array([0.0, 1.0])
    dataset = xr.Dataset(
        {name: (_SHAPES.get(name, _SERIES), values) for name, values in fields.items()},
        {"ratio": ratios, "time": ("record", times, {"units": "tau_W"})},
    )
    return dataset.assign(
        wbar_1=(_SERIES, weights[..., 1, 0] - weights[..., 0, 0]),
        wbar_2=(_SERIES, weights[..., 0, 1] - weights[..., 1, 1]),
        wdbar=(_SERIES, 0.5 * (weights[..., 1].sum(-1) - weights[..., 0].sum(-1))),
        error_1=(_SERIES, error[..., 0]),
        error_2=(_SERIES, error[..., 1]),
    )


def curves_of(dataset: xr.Dataset) -> Curves:
    """The inverse of `dataset_of`."""
    names = {item.name for item in dataclasses.fields(Curves)} - {"ratios", "times"}
    fields = {name: dataset[name].values for name in names}
    return Curves(ratios=dataset.ratio.values, times=dataset.time.values, **fields)
