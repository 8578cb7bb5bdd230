"""What is simulated for figure A10."""

from dataclasses import dataclass

import diffrax
import jax.numpy as jnp
import xarray as xr

from experiments.harness.runs import Run
from experiments.sandbrink_2024.runs.specialisation import FIGURE_A10, dataset_of, with_published_times
from ntadyn.simulation import FixedSteps
from ntadyn.verification.check import TIGHT


@dataclass(frozen=True)
class Parameters:
    """What figure A10 is made of; there is no randomness in it.

    Attributes:
        strengths: coefficients of the gate penalties, nonnegativity and unit L1 norm.
        euler_step: step of the published scheme, which is compared with stored numbers; None leaves it out.
    """

    strengths: tuple[float, float] = FIGURE_A10
    euler_step: float | None = 1e-4


def runs(parameters: Parameters) -> list[Run]:
    """The flow by an adaptive solver, and the published scheme: Euler steps in single precision.

    Args:
        parameters: what to run.

    Returns:
        Runs of "flow", and of "published_scheme" unless it is left out.
    """
    found = [Run("figure_a10_flow", flow, {"strengths": parameters.strengths}, "flow")]
    if parameters.euler_step is not None:
        arguments = {"strengths": parameters.strengths, "step": parameters.euler_step}
        found.append(Run("figure_a10_published_scheme", published_scheme, arguments, "published_scheme"))
    return found


def flow(strengths: tuple[float, float]) -> xr.Dataset:
    """To rounding."""
    return dataset_of(with_published_times(TIGHT, strengths))


def published_scheme(strengths: tuple[float, float], step: float) -> xr.Dataset:
    """In single precision."""
    return dataset_of(with_published_times(FixedSteps(diffrax.Euler(), step), strengths, jnp.float32))
