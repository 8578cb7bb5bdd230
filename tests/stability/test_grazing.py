"""Grazing orbits against the band, whose ends they are, and against its fold."""

import math

import pytest

from ntadyn.stability import BranchStatus, TeacherPlane, band_fold, contact_band, grazing_branch

# Specification 5, section 5: tau_B, tau_c*, q at the fold, each to its last digit.
FOLDS = {math.inf: (0.189763390, 1.0), 1.0: (0.110299, 3.7975), 0.1: (0.014182, 42.893)}


@pytest.mark.slow
def test_both_ends_of_the_band_are_one_curve():
    """T10, on another quadrature than that of `band_fold`."""
    for tau_b, (gates, q) in FOLDS.items():
        plane = TeacherPlane(tau_b, 1.0)
        found = grazing_branch(plane, (gates / 3, 1.0))
        (fold,) = found.folds
        assert found.status is BranchStatus.LEFT
        assert found.branch_points == []
        assert math.exp(fold.parameter) == pytest.approx(gates, abs=1e-8 if math.isinf(tau_b) else 1e-6)
        assert math.exp(fold.parameter) == pytest.approx(band_fold(plane).gates, rel=1e-11)
        assert math.exp(fold.x[0]) == pytest.approx(q, rel=2e-5)
        for point in found.points[:: len(found.points) // 3]:
            band = contact_band(TeacherPlane(tau_b, math.exp(point.parameter)))
            end = band.high if point.x[0] > fold.x[0] else band.low
            assert math.exp(point.x[0]) == pytest.approx(end, rel=1e-7)
        assert max(point.residual for point in found.points) < 1e-10


def test_a_range_beyond_the_fold_is_refused():
    for between in ((0.2, 0.3), (0.1, 0.05)):
        with pytest.raises(ValueError, match="grazing orbits exist up to"):
            grazing_branch(TeacherPlane(math.inf, 0.1), between)
