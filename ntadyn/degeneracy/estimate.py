"""An estimate of a learning coefficient, with all that is known about how far to trust it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import xarray as xr

from ntadyn.degeneracy.refusals import Refusal, refusals


@dataclass(frozen=True)
class SecondOpinion:
    """What another sampler finds for the same law.

    Attributes:
        sampler: its name.
        value: its estimate.
        error: its standard error.
        moves_globally: whether it moves otherwise than by local steps.
        failure: why it came to no estimate; empty if it did.
    """

    sampler: str
    value: float
    error: float
    moves_globally: bool
    failure: str = ""


@dataclass(frozen=True)
class LearningCoefficient:
    """Lambda = t (E[L] - L(w*)) under exp(-t (L - L(w*)) - gamma/2 |w - w*|^2), and its doubt.

    Attributes:
        value: the estimate.
        error: its standard error, sd / sqrt(effective draws), times t.
        effective_dimension: what the quadratic part of the loss gives, sum_i t h_i / (2 (t h_i + gamma)).
        half_rank: half the number of directions in which the loss is curved at all; not a number if not counted.
        most_negative: the lowest curvature of the loss at the centre, 0 if none is negative.
        lowered_by_slope: by how much a slope at the centre lowers a quadratic loss's value.
        step_bias: by how much the steps raise a quadratic loss's value; 0 for samplers with a test, not a number if it
            is not known.
        rhat: split and rank-normalised; 1 if chains agree.
        ess: effective draws, the smaller one of bulk and mean.
        distance_rhat: rhat of distances from the centre, which flat directions make, and the loss hardly sees.
        distance_ess: effective draws of these distances.
        acceptance: mean over draws; not a number for samplers without a test.
        divergences: draws in which an integrator left its law.
        distance: 99 % of draws are nearer to the centre, in units of sqrt(d / gamma).
        gradients: cost in gradients of the full loss, warm-up included.
        inverse_temperature: t.
        localisation: gamma.
        dimension: d, the number of parameters that moved.
        sampler: its name.
        random_seed: of its random numbers.
        precision: of the parameters.
        second_opinion: of another sampler, if one was asked.
        is_finite: whether all losses were.
    """

    value: float
    error: float
    effective_dimension: float
    half_rank: float
    most_negative: float
    lowered_by_slope: float
    step_bias: float
    rhat: float
    ess: float
    distance_rhat: float
    distance_ess: float
    acceptance: float
    divergences: int
    distance: float
    gradients: float
    inverse_temperature: float
    localisation: float
    dimension: int
    sampler: str
    random_seed: int
    precision: str
    second_opinion: SecondOpinion | None
    is_finite: bool

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Why it is not to be trusted, the gravest reason first; empty if it is."""
        return refusals(self)

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals

    @property
    def status(self) -> str:
        """`TRUSTED`, or the name of the gravest refusal."""
        return self.refusals[0].name if self.refusals else "TRUSTED"

    @property
    def singular_excess(self) -> float:
        """What no counting of flat directions can see: value minus effective dimension."""
        return self.value - self.effective_dimension

    @property
    def cutoff(self) -> float:
        """Gamma / t: directions of less curvature are declared free."""
        return self.localisation / self.inverse_temperature

    @property
    def loss_cutoff(self) -> float:
        """Lambda / t: the mean rise of the loss, at which a volume would be counted for the same number."""
        return self.value / self.inverse_temperature

    def __str__(self) -> str:
        """Several lines for a terminal."""
        lines = [
            f"learning coefficient {_with_error(self.value, self.error)} of {self.dimension} parameters: {self.status}",
            *(f"  {reason.name}: {reason.value}" for reason in self.refusals),
            f"  effective dimension {self.effective_dimension:.4g}, excess over it {self.singular_excess:+.2g}, "
            f"half the rank of the Hessian {self.half_rank:g}",
            f"  at inverse temperature {self.inverse_temperature:g} and localisation {self.localisation:g}: curvatures "
            f"below {self.cutoff:.2g} count as flat, losses rise by {self.loss_cutoff:.2g}",
            f"  {self.sampler}, seed {self.random_seed}: rhat {self.rhat:.3f}, {self.ess:.0f} effective draws "
            f"(distances: {self.distance_rhat:.3f}, {self.distance_ess:.0f}), "
            f"acceptance {self.acceptance:.2f}, {self.divergences} divergences, {self.gradients:.3g} gradients, "
            f"distance {self.distance:.2g}, {self.precision}",
        ]
        if self.lowered_by_slope > 0.01 * abs(self.value) or self.step_bias != 0:
            lines.append(f"  lowered by {self.lowered_by_slope:.2g} (slope), raised by {self.step_bias:.2g} (steps)")
        if self.second_opinion is not None:
            other = self.second_opinion
            found = f" finds {_with_error(other.value, other.error)}"
            lines.append(f"  {other.sampler}{f': {other.failure}' if other.failure else found}")
        return "\n".join(lines)


def labelled(estimates: Sequence[LearningCoefficient], axes: Mapping[str, Sequence[Any]] | None = None) -> xr.Dataset:
    """Many estimates as one data set: a variable per number, and `status`.

    Args:
        estimates: in the order of the axes, the last one fastest.
        axes: names and values of the axes they were made over; `estimate`, counted, when omitted.

    Raises:
        ValueError: if there are more or fewer than the axes have places.
    """
    axes = {"estimate": range(len(estimates))} if axes is None else axes
    shape = tuple(len(values) for values in axes.values())
    if math.prod(shape) != len(estimates):
        raise ValueError(f"{len(estimates)} estimates do not fill axes of {shape}.")
    numbers = [each.name for each in fields(LearningCoefficient) if each.name != "second_opinion"]
    numbers += ["singular_excess", "cutoff", "loss_cutoff", "trusted", "status"]
    columns = {name: np.array([getattr(each, name) for each in estimates]) for name in numbers}
    for name in ("value", "error"):
        found = [math.nan if one.second_opinion is None else getattr(one.second_opinion, name) for one in estimates]
        columns[f"second_{name}"] = np.array(found)
    return xr.Dataset(
        {name: (tuple(axes), column.reshape(shape)) for name, column in columns.items()},
        {name: list(values) for name, values in axes.items()},
    )


def _with_error(value: float, error: float) -> str:
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return f"{value:g} ± {error:g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
