"""What must hold for large estimates, and what is known of where they fail."""

import numpy as np
import xarray as xr

from experiments.degeneracy.large.simulation import COLDER, INVERSE_TEMPERATURE
from experiments.harness.acceptance import Acceptance, at_least, at_most, between, furthest, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS

WITHIN = 0.05  # of the expected value
ERRORS = 3.5  # of its own errors: one in two thousand, as there are some twenty
CURVES = ("dense", "leading", "diagonal")


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The planted network, the small chain, digits, and the curve over sizes.
    """
    curves = [row for name in CURVES for row in _of_curve(name, data[name])]
    return [*_of_planted(data["planted"]), *_of_chain(data["chain"]), *_of_digits(data["digits"]), *curves]


def deviation(estimates: xr.Dataset) -> xr.DataArray:
    """Relative, from what theory says at the same temperature and localisation."""
    return estimates.value / estimates.expected - 1


def errors_off(estimates: xr.Dataset) -> xr.DataArray:
    """The deviation in units of the error that the estimate states."""
    return (estimates.value - estimates.expected) / estimates.error


def trusted_up_to(estimates: xr.Dataset) -> int:
    """The largest size up to which every estimate is trusted, 0 if the smallest is not."""
    trusted = np.minimum.accumulate(estimates.trusted.values.astype(int))
    return int(np.max(estimates["size"].values * trusted))


def _of_planted(planted: xr.Dataset) -> list[Acceptance]:
    whole, lacking = planted.sel(case="all directions"), planted.sel(case="lacking")
    colder, trajectories = planted.sel(case="lacking, colder"), planted.sel(case="lacking, colder, NUTS")
    size, limit = int(whole.dimension), float(whole.limit)
    rows = [
        near(f"planted, d = {size}: coefficient", limit, WITHIN * limit, single(whole.value.item()), EXACT),
        _is("planted: trusted", whole, "TRUSTED"),
        _off("planted: errors from the law at its t and gamma", whole),
        _off(f"lacking directions, t = {INVERSE_TEMPERATURE:g}: errors from the law", lacking),
        _off(f"lacking directions, t = {COLDER:g}, NUTS: errors from the law", trajectories),
        at_most(
            f"lacking directions, t = {COLDER:g}, MALA: its distance over the usual",
            0.7,
            single((colder.distance / colder.usual_distance).item()),
            OURS,
            note="flat directions are not filled; this alone gives the bias away",
        ),
    ]
    for case in ("lacking", "lacking, colder", "lacking, colder, NUTS"):
        found = planted.sel(case=case)
        note = f"{found.status.item()}; the law says {found.expected.item():.1f}, its limit is {found.limit.item():g}"
        rows.append(reported(f"{case}: coefficient", single(found.value.item()), note))
    rows.append(reported(f"lacking, t = {COLDER:g}, MALA: errors from the law", single(errors_off(colder).item())))
    return rows


def _of_chain(chain: xr.Dataset) -> list[Acceptance]:
    limit, quadrature = float(chain.limit), float(chain.limit_of_quadrature)
    warmest, last = chain.isel(temperature=0), chain.isel(temperature=-1)
    off = errors_off(chain)
    of_trajectories = off.sel(algorithm="NUTS").values
    rows = [
        near("small chain: limit of quadrature", limit, 0.01, single(quadrature), EXACT),
        furthest("small chain, NUTS at all t: errors from quadrature", 0, ERRORS, of_trajectories, EXACT),
        _off(f"small chain, MALA at t = {warmest.temperature.item():g}: errors", warmest.sel(algorithm="MALA")),
        at_least("small chain: quadrature rises by", 0.3, single((last.expected - last.quadratic).item()), OURS),
    ]
    for temperature in chain.temperature.values[1:]:
        found = chain.sel(temperature=temperature, algorithm="MALA")
        note = f"{found.status.item()}, {found.value.item():.2f} where quadrature says {found.expected.item():.2f}"
        rows.append(
            reported(f"small chain, MALA at t = {temperature:g}: errors", single(errors_off(found).item()), note)
        )
    return rows


def _of_digits(digits: xr.Dataset) -> list[Acceptance]:
    leading, diagonal = digits.sel(case="leading"), digits.sel(case="diagonal")
    expected = leading.expected.item()
    lanczos = leading.effective_dimension.item() / expected - 1
    return [
        _is("digits, leading: trusted", leading, "TRUSTED"),
        near("digits, leading: coefficient", expected, WITHIN * expected, single(leading.value.item()), EXACT,
             note="the sum over exact curvatures; what the loss has besides is not in it"),
        _is("digits, diagonal: unresolved", diagonal, "UNRESOLVED"),
        _is("digits, training loss: no minimum", digits.sel(case="training loss"), "NOT_A_MINIMUM"),
        near("digits: effective dimension by Lanczos over exact - 1", 0, WITHIN, single(lanczos), EXACT),
        *(
            reported(f"digits, {name}: {what}", single(found[what].item()))
            for name, found in (("leading", leading), ("diagonal", diagonal))
            for what in ("value", "error", "ess", "gradients")
        ),
    ]  # fmt: skip


def _of_curve(name: str, curve: xr.Dataset) -> list[Acceptance]:
    trusted = curve.isel(size=curve.trusted.values.astype(bool))
    off = np.max(np.abs(errors_off(trusted).values), initial=0.0)
    apart = np.max(np.abs(deviation(trusted).values), initial=0.0)
    last = curve.isel(size=-1)
    return [
        at_least(f"{name}: how many sizes are trusted", 1, single(trusted.sizes["size"]), OURS),
        at_most(f"{name}: furthest of the trusted, relative", WITHIN, single(apart), EXACT),
        at_most(f"{name}: furthest of the trusted, in errors", ERRORS, single(off), EXACT),
        reported(f"{name}: trusted up to", single(trusted_up_to(curve)), f"{last.status.item()} at the largest size"),
        reported(f"{name}: effective draws per 1000 gradients at d = {last['size'].item()}",
                 single(1000 * (last.ess / last.gradients).item())),
    ]  # fmt: skip


def _off(name: str, found: xr.Dataset) -> Acceptance:
    return near(name, 0, ERRORS, single(errors_off(found).item()), EXACT)


def _is(name: str, found: xr.Dataset, status: str) -> Acceptance:
    return between(name, (1, 1), single(float(found.status.item() == status)), OURS, note=found.status.item())
