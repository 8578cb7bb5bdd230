"""What nested sampling finds where every point is drawn independently: exact in distribution, without a sampler."""

from collections.abc import Callable

import numpy as np

from ntadyn.degeneracy.nested_run import NestedRun
from ntadyn.degeneracy.nested_slices import NestedSlices


def exact_run(
    log_loss: Callable[[np.ndarray], np.ndarray], seed: int = 0, num_live: int = 400, log_volume: float = -18.0
) -> NestedRun:
    """A run on a loss that is known as a function of the volume below it: log L from log V."""
    sampler = NestedSlices(num_live=num_live, num_delete=num_live // 10, log_volume=log_volume)
    falls = np.concatenate([np.tile(sampler.shrinkages, sampler.num_steps), 1 / np.arange(num_live, 0, -1)])
    fallen = np.random.default_rng(seed).exponential(falls)
    return NestedRun(
        losses=np.exp(log_loss(-np.cumsum(fallen))),
        log_volumes=-np.cumsum(falls),
        num_evaluations=np.asarray(0),
        num_stuck=np.asarray(0),
        num_live=num_live,
    )


def power_law(coefficient: float) -> Callable[[np.ndarray], np.ndarray]:
    """V = L^lambda."""
    return lambda log_volume: log_volume / coefficient


def crossing(log_volume: np.ndarray) -> np.ndarray:
    """Of w1^2 w2^2 on the square: V = delta (1 - log delta) with delta^2 = L."""
    below = np.linspace(-40.0, 0.0, 40001)
    return 2 * np.interp(log_volume, below + np.log1p(-below), below)
