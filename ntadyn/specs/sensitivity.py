"""Sensitivities of a configuration's runs as a labelled data set, with means over seeds and their doubts."""

import json
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import PyTree

from ntadyn.interface.gated_linear import AbstractGatedFlow
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.trajectory import numbers_as_arrays
from ntadyn.specs.building import Keys, build, build_curriculum, build_tasks, first, keys
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import plain
from ntadyn.stability.sensitivity import PARAMETERS, final_contrast, sensitivities, time_to

AT_ONCE = 25
SYMBOLS = {"gates": "log tau_c", "weights": "log tau_W", "block_duration": "log tau_B", "strength": "log lambda"}


def check_differentiable(configuration: Configuration) -> None:
    """Refuse runs that are no flow of gates and weights.

    Raises:
        ValueError: for online learning, or inputs whose batches add noise.
    """
    if configuration.dynamics is Dynamics.ONLINE or configuration.batch_noise != 0:
        raise ValueError(
            "sensitivities are derivatives of a population flow; choose dynamics order_parameters or gradient_flow, "
            "without batch noise."
        )


def builder(configuration: Configuration, dtype: np.dtype) -> Callable[[Keys], tuple[Any, PyTree]]:
    """A compiled function of the keys of several repetitions that builds all their systems and states at once.

    Args:
        configuration: whose repetitions they are.
        dtype: of the numbers of the systems, which become arrays with a leading axis over repetitions.
    """

    @eqx.filter_jit
    @eqx.filter_vmap
    def built(key: Keys) -> tuple[Any, PyTree]:
        system, state = build(configuration, key)
        return numbers_as_arrays(system, dtype), state

    return built


def sensitivity_over_seeds(
    configuration: Configuration,
    steps_per_block: int,
    threshold: float,
    progress: Callable[[int], Any] = lambda done: None,
) -> xr.Dataset:
    """Final contrast and time to a contrast for all repetitions, with derivatives by four logarithms.

    Args:
        configuration: whose repetitions are run.
        steps_per_block: in a block of full length; their number stays fixed while parameters vary.
        threshold: the contrast whose first time is differentiated.
        progress: called with the number of repetitions that are done.

    Returns:
        Dataset over (seed, parameter): `contrast`, `time_to_threshold` and their `..._gradient`, NaN where a run failed
        or did not reach the threshold.

    Raises:
        ValueError: for a configuration that cannot be differentiated.
    """
    check_differentiable(configuration)
    every = keys(configuration.randomness)
    number = configuration.randomness.num_seeds
    curriculum = build_curriculum(configuration.curriculum, build_tasks(configuration.teachers, first(every).teachers))
    system, state = build(configuration, first(every))
    assert isinstance(system, AbstractGatedFlow)
    step = configuration.curriculum.block_duration / steps_per_block
    method = FixedSteps(max_step=step).fitted(system, state)
    grid = method.lay_out(system, state, curriculum, steps_per_block - 1, ())

    built = builder(configuration, curriculum.durations.dtype)
    scores = {"contrast": final_contrast, "time_to_threshold": time_to(threshold)}
    parts = []
    for start in range(0, number, AT_ONCE):
        which = np.minimum(np.arange(start, start + AT_ONCE), number - 1)  # one program: the last part is filled up
        systems, states = built(jax.tree.map(lambda leaf, which=which: leaf[which], every))
        parts.append(sensitivities(systems, curriculum, states, method.laid_out(), grid, scores))
        progress(min(start + AT_ONCE, number))
    dataset = xr.Dataset(coords={"seed": np.arange(number), "parameter": list(PARAMETERS)})
    for name in scores:
        values = np.concatenate([part[name].values for part in parts])[:number]
        gradients = np.concatenate([part[name].gradients for part in parts])[:number]
        dataset[name] = ("seed", values)
        dataset[f"{name}_gradient"] = (("seed", "parameter"), gradients)
    dataset["contrast"].attrs["long_name"] = "final contrast"
    dataset["time_to_threshold"].attrs["long_name"] = f"time until the contrast exceeds {threshold:g}"
    return dataset.assign_attrs(
        configuration=json.dumps(plain(configuration)), threshold=threshold, steps_per_block=steps_per_block
    )


def sensitivity_report(dataset: xr.Dataset) -> list[str]:
    """Means over seeds with standard errors and spreads, in lines."""
    lines = []
    for name in ("contrast", "time_to_threshold"):
        values, gradients = dataset[name].values, dataset[f"{name}_gradient"].values
        have = np.isfinite(values) & np.all(np.isfinite(gradients), axis=1)
        lines.append(f"{dataset[name].attrs['long_name']}: {int(have.sum())} of {values.size} runs have one")
        if not have.any():
            continue
        heads = ("mean", "std. error", "median", "spread", "least", "largest")
        lines.append(f"  {'':20}" + "".join(f"{head:>12}" for head in heads))
        rows = {name: values[have]} | {
            f"by {SYMBOLS[each]}": gradients[have, k] for k, each in enumerate(dataset.parameter.values)
        }
        rows["sum over times"] = gradients[have, :3].sum(axis=1)
        for told, found in rows.items():
            spread = found.std(ddof=1) if found.size > 1 else np.nan
            error = spread / np.sqrt(found.size)
            columns = found.mean(), error, np.median(found), spread, found.min(), found.max()
            lines.append(f"  {told:20}" + "".join(f"{number:12.4f}" for number in columns))
    return lines
