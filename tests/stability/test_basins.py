"""Where runs end: kinds of ends told apart, shares with their doubt; boosts on lanes keep what the flow keeps."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation import LaneBoosts
from ntadyn.stability import (
    FATES,
    Fate,
    Journey,
    StroboscopicMap,
    TeacherPlane,
    at_plane,
    classify,
    follow,
    landmarks,
    match,
    plane_system,
    representatives,
    sample,
    share,
    shares,
)
from ntadyn.stability.basins import CODES
from ntadyn.tasks import curricula

RADIUS = float(np.sqrt(0.5))
PLANE = TeacherPlane(1.0, 0.05, 1.0, 1.25, 0.25)


def made(distances, along=(1.0,), lead=-1.0, result=0) -> Journey:
    """One run with distances |D| at its quarters."""
    rows = [np.array(distances)[:, None], np.full((5, 1), lead), np.full((5, 1), along[0])]
    return Journey(rows[0], rows[1], rows[2], np.array([result]))


ENDS = [
    (made([0.1, 0.9, 0.9461, 0.9461, 0.9461]), Fate.SPECIALISED),
    (made([0.1, 0.9, 0.9461, 0.9461, 0.9461], along=(-1.0,)), Fate.SPECIALISED_SWAPPED),
    (made([0.1, 1.2, 1.7, 2.1, 2.4]), Fate.RUNAWAY),
    (made([0.1, 1.2, 1.7, 2.1, 2.4], along=(-1.0,)), Fate.RUNAWAY_SWAPPED),
    (made([2.0, 2.0, 2.0, 2.0, 2.0]), Fate.NEUTRAL),
    (made([1e-3, 1e-3, 1e-3, 1e-3, 1e-3]), Fate.UNSPECIALISED),
    (made([0.1, 0.2, 0.4, 0.6, 0.8]), Fate.UNDECIDED),  # still on its way
    (made([0.1, 0.9, 0.9461, 0.9461, 0.9461], result=1), Fate.UNDECIDED),
]


def test_ends_are_told_apart_by_distance_and_growth():
    marks = landmarks(PLANE)
    assert marks.specialised == pytest.approx(0.9458, abs=3e-4)
    beyond = landmarks(dataclasses.replace(PLANE, gates=0.13))
    assert np.isnan(beyond.specialised)
    assert beyond.beyond == pytest.approx(np.sqrt(0.110299 * 4.7975), abs=1e-4)
    for journey, fate in ENDS:
        found = classify(journey, marks)
        assert FATES[found[0]] is fate
        assert shares(found)[fate] == share(1, 1)
    # Beyond the fold nothing is specialised, and growth above it is runaway.
    assert FATES[classify(ENDS[0][0], beyond)[0]] is Fate.NEUTRAL
    assert FATES[classify(ENDS[6][0], beyond)[0]] is Fate.RUNAWAY


def test_shares_have_the_intervals_of_the_specification():
    for count, low, high in ((41, 0.56, 0.79), (0, 0.0, 0.06)):
        found = share(count, 60)
        assert found.value == count / 60
        assert found.low == pytest.approx(low, abs=5e-3)
        assert found.high == pytest.approx(high, abs=5e-3)
    for wrong in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="is no share"):
            share(*wrong)
    with pytest.raises(ValueError, match="confidence is 1"):
        share(1, 2, 1.0)


def test_labels_go_on_with_the_closest_points():
    before = {0: (1.0, 0.95), 1: (-1.0, -0.95)}
    assert match(before, {0: (-1.0, -0.9), 1: (1.0, 0.9)}) == {0: 1, 1: 0}
    # Nothing goes on too far away, and what is new gets a number of its own.
    assert match(before, {0: (0.0, 3.0), 1: (1.0, 0.94)}, farthest=0.5) == {1: 0, 0: 2}
    assert match({}, {0: (1.0,), 1: (2.0,)}) == {0: 0, 1: 1}


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="number is 0"):
        sample(jax.random.key(0), 0, 0.1)
    with pytest.raises(ValueError, match="spread is -1"):
        sample(jax.random.key(0), 2, -1.0)


@pytest.mark.slow
def test_basins_of_the_first_row():
    """T18, and T7 for runs that touch nothing: Q is kept to rounding over 748 blocks in which no gate reaches zero."""
    system, number = plane_system(PLANE), 60
    spreads, expected = (0.01, 0.1, 0.3), (1.0, 0.68, 0.30)
    drawn = [sample(jax.random.key(k), number, each * RADIUS) for k, each in enumerate(spreads)]
    drawn.append(at_plane(np.zeros(2), np.array([0.01, 0.003]), np.array([0.57, 0.84])))
    states = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *drawn)
    one = system.initial_state(jax.tree.map(lambda leaf: leaf[number], states))
    quarter = curricula.alternating(2, 186, jnp.asarray(1.0))
    odd = StroboscopicMap.of(system, curricula.alternating(2, 3, jnp.asarray(1.0)), one, method=LaneBoosts())
    with pytest.raises(ValueError, match="odd number of blocks"):
        follow(odd, states)
    journey = follow(StroboscopicMap.of(system, quarter, one, method=LaneBoosts()), states)
    fates = classify(journey, landmarks(PLANE))
    for k, wanted in enumerate(expected):
        own = fates[k * number : (k + 1) * number]
        count = int(np.sum((own == CODES[Fate.SPECIALISED]) | (own == CODES[Fate.SPECIALISED_SWAPPED])))
        _, low, high = share(count, number, confidence=0.99)
        assert low <= wanted <= high, (k, count)
    ends = representatives(journey, fates)
    assert ends.keys() == {Fate.SPECIALISED, Fate.SPECIALISED_SWAPPED}
    for fate, (lead, along) in ends.items():
        sign = 1 if fate is Fate.SPECIALISED else -1
        assert lead == pytest.approx(-sign, abs=1e-3)
        assert along == pytest.approx(sign * 0.9461, abs=1e-3)
    kept = journey.distance[:, -2:] ** 2 - PLANE.gates * journey.lead[:, -2:] ** 2
    np.testing.assert_allclose(kept, kept[0] * np.ones((5, 1)), rtol=1e-7)
