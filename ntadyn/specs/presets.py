"""The configurations of the published figures, as plain functions that return values.

The `released` parameters are those of the released code, taken literally: loss summed over outputs, teacher rows of
norm 1/sqrt(d_in). Figures 5 and A7 were made with an older version of that code (loss averaged over outputs, unit
rows); `published` is the exact translation of their parameters into the present convention.
"""

import dataclasses
import math

from ntadyn.specs.configuration import (
    NO_PENALTIES,
    Configuration,
    Curriculum,
    Dynamics,
    Gating,
    Network,
    Penalties,
    RelativePenalties,
    TeacherScale,
    TimeConstants,
)
from ntadyn.specs.names import known_as
from ntadyn.specs.paths import replaced


def figure_2_flexible() -> Configuration:
    """Figure 2, flexible: fast gates, nonnegative and of unit L1 norm.

    Source: arXiv 2411.03840, figure 2 and its published configuration.
    """
    return Configuration()


def figure_2_forgetful() -> Configuration:
    """Figure 2, forgetful: gates as slow as weights, no penalty."""
    return Configuration(
        time_constants=TimeConstants(gates=1.3, weights=1.3),
        penalties=NO_PENALTIES,
    )


def figure_5_released() -> Configuration:
    """Figure 5, gate speed fixed at its fastest value of the left map: the literal parameters of the released code."""
    return Configuration(
        curriculum=Curriculum(block_duration=1.0, total_time=7.0),
        time_constants=TimeConstants(gates=0.02, weights=0.1),
        penalties=RelativePenalties(strength=0.3, nonnegative=1.0, unit_l1=5.0),
    )


def figure_5_published() -> Configuration:
    """Figure 5 as it was made: the literal parameters read in the legacy convention, translated exactly."""
    return translated_from_legacy(figure_5_released())


def figure_6_flexible() -> Configuration:
    """Figure 6, flexible: a full second layer plays the gates, nonnegative and of Frobenius norm one.

    It runs on batches, in the published steps, which are as long as the time constant of the second layer. This is what
    makes its units specialise: total alignment ends at 0.86 with these steps, at 0.60 in steps of 0.005, at 0.55 in
    steps of 0.001, and at 0.64 in the population flow (published rule of matching, ten seeds, standard deviation 0.02
    to 0.05).

    Source: arXiv 2411.03840, figures 6, A4, A5, A6 and their published configuration.
    """
    return Configuration(
        network=Network(gating=Gating.LAYER, initial_gate=0.0, initial_gate_scale=0.01),
        curriculum=Curriculum(total_time=30.0),
        time_constants=TimeConstants(gates=0.01, weights=0.06),
        penalties=RelativePenalties(strength=0.22, nonnegative=1.0, unit_l1=None, unit_l2=10.0),
        dynamics=Dynamics.ONLINE,
        max_step=0.01,
    )


def figure_6_forgetful() -> Configuration:
    """Figure 6, forgetful: the same time constants without a penalty."""
    return dataclasses.replace(figure_6_flexible(), penalties=NO_PENALTIES)


def figure_a7_released() -> Configuration:
    """Figure A7, the cell that both maps share at the longest blocks: the literal parameters of the released code."""
    return dataclasses.replace(
        figure_6_flexible(),
        curriculum=Curriculum(block_duration=0.8, total_time=20.0),
        time_constants=TimeConstants(gates=0.01, weights=0.04),
        penalties=RelativePenalties(strength=0.25, nonnegative=1.0, unit_l1=None, unit_l2=10.0),
    )


def figure_a7_published() -> Configuration:
    """Figure A7 as it was made: the literal parameters read in the legacy convention, translated exactly."""
    return translated_from_legacy(figure_a7_released())


def translated_from_legacy(configuration: Configuration) -> Configuration:
    """The configuration in the present convention that moves exactly like `configuration` in the legacy one.

    tau_W' = d_out tau_W, tau_c' = tau_c d_out/d_in, lambda' = lambda d_out/d_in, sigma_0' = sigma_0/sqrt(d_in):
    weights are divided by sqrt(d_in), gates or a second layer stay the same, and losses are smaller by the factor
    d_out/d_in. This holds for the flow and for explicit Euler steps.

    Args:
        configuration: parameters meant for unit teacher rows and a loss averaged over outputs.

    Returns:
        Parameters for teacher rows of norm 1/sqrt(d_in) and a loss summed over outputs.

    Raises:
        ValueError: for a penalty on the weights, which would need another factor than penalties on the gates.

    Source: derived by rescaling both gradient flows.
    """
    given = configuration.penalties.listed | configuration.coefficients.listed
    on_weights = {name: given[name] for name in ("column_l1", "column_l2", "frobenius") if given.get(name)}
    if on_weights:
        raise ValueError(
            f"a legacy configuration with penalties on the weights cannot be translated; got {on_weights}. Leave them "
            f"out, or give them the weight 0."
        )
    d_in, d_out = configuration.teachers.d_in, configuration.teachers.d_out
    network = configuration.network
    return dataclasses.replace(
        configuration,
        teachers=dataclasses.replace(configuration.teachers, scale=TeacherScale.D_IN),
        network=dataclasses.replace(network, initial_scale=network.initial_scale / math.sqrt(d_in)),
        time_constants=TimeConstants(
            gates=configuration.time_constants.gates * d_out / d_in,
            weights=configuration.time_constants.weights * d_out,
        ),
        penalties=dataclasses.replace(
            configuration.penalties, strength=configuration.penalties.strength * d_out / d_in
        ),
        coefficients=Penalties(**{name: k * d_out / d_in for name, k in configuration.coefficients.listed.items()}),
    )


def as_published_grid(configuration: Configuration, dt: float = 1e-3) -> Configuration:
    """The same run on the published time grid, whose blocks lose a step to rounding (999 steps instead of 1000).

    Args:
        configuration: a run with blocks of any length.
        dt: the published step.

    Returns:
        The run with the shorter blocks; its total time is kept.

    Source: published code, floor division of floating-point durations.
    """
    steps = configuration.curriculum.block_duration // dt
    return replaced(configuration, {"curriculum.block_duration": steps * dt})


SIMULATIONS = {
    "figure-2-flexible": figure_2_flexible,
    "figure-2-forgetful": figure_2_forgetful,
    "figure-5-published": figure_5_published,
    "figure-5-released": figure_5_released,
    "figure-6-flexible": figure_6_flexible,
    "figure-6-forgetful": figure_6_forgetful,
    "figure-a7-published": figure_a7_published,
    "figure-a7-released": figure_a7_released,
}


def simulation(name: str) -> Configuration:
    """The configuration of a preset.

    Args:
        name: one of `SIMULATIONS`, with dashes or underscores, in any case.

    Raises:
        ValueError: if there is no such preset; the message lists all presets.
    """
    return SIMULATIONS[known_as(name, SIMULATIONS, "preset")]()
