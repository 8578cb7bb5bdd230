"""The specialised orbit of the whole system by the step that keeps Q: half-stable, next to a neutral family."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OrderParameters
from ntadyn.networks import GatedLinear
from ntadyn.solvers import LorentzBoost
from ntadyn.specs import branches
from ntadyn.specs.presets import figure_2_flexible, figure_5_published
from ntadyn.stability import (
    EventKind,
    OrbitStatus,
    Side,
    Stability,
    find_periodic,
    on_both_sides,
    realisable,
)
from ntadyn.stability.periodic import map_and_jacobian
from ntadyn.tasks import TaskSet

pytestmark = [pytest.mark.slow]


@pytest.mark.exhaustive  # it compiles for long
def test_the_specialised_orbit_is_half_stable(monkeypatch):
    """Its distance, both sides, what is conserved next to it, its events, and that networks have it."""
    monkeypatch.setattr(branches, "STEPS", 100)
    map, guess = branches.specialised_half_period(figure_2_flexible(), LorentzBoost())
    orbit = find_periodic(map, guess)
    assert orbit.status is OrbitStatus.CONVERGED
    assert orbit.residual < 1e-11
    assert orbit.neutral_dimension == 0
    apart = float(jnp.linalg.norm(orbit.state.weights[0] - orbit.state.weights[1]))
    assert apart == pytest.approx(0.97620, abs=2e-5)  # T9
    free = branches.free_orbit(map, orbit)
    assert free.found
    assert free.neutral_dimension == 1
    right, left = on_both_sides(orbit, free)
    assert (right.side, left.side) == (Side.RIGHT, Side.LEFT)
    assert right.labels.count(Stability.HALF_STABLE) == 1
    # What makes the paths unequal in turn grows by e in some 2,000 blocks.
    assert right.values[0].real == pytest.approx(-1.0005, abs=1e-4)
    assert left.labels.count(Stability.NEUTRAL) == 1
    # Q is conserved there: its gradient is the left null vector of H' - 1.
    conserved = branches.conserved_of(map)
    slope = jax.grad(lambda x: conserved(free.coordinates.network(x)))(free.coordinates.vector(free.state))
    assert np.max(np.abs(slope @ (free.jacobian - np.eye(slope.size)))) < 1e-8
    # T20: names of paths do not matter.
    swapped = GatedLinear(free.state.gates[::-1], free.state.weights[::-1])
    image, _, jacobian = map_and_jacobian(map, free.coordinates, free.coordinates.vector(swapped))
    np.testing.assert_allclose(image, free.coordinates.vector(swapped), atol=1e-11)
    one, other = (np.sort(np.abs(np.linalg.eigvals(matrix))) for matrix in (jacobian, free.jacobian))
    np.testing.assert_allclose(one, other, atol=1e-7)  # those near zero are roots of rounding
    # T17, in overlaps.
    tasks = TaskSet(np.sqrt(0.5) * jnp.eye(2, 4)[:, None, :], names=("A", "B"), num_base=2)
    system = OrderParameters(tasks, {"gates": 0.03, "weights": 1.3})
    for each in (orbit, free):
        assert float(realisable(system, system.initial_state(each.state))) > -1e-10
    first = map.events(orbit.state)[0]
    assert (first.kind, first.gate) == (EventKind.RELEASE, 1)
    assert first.time < 1e-9
    assert first.within < 1e-9
    with pytest.raises(ValueError, match="exactly zero at the start"):
        on_both_sides(free, orbit)


def test_what_has_no_such_orbit_is_refused():
    slow = branches.replaced(figure_5_published(), {"time_constants.gates": 0.2, "curriculum.block_duration": 1.0})
    with pytest.raises(ValueError, match=r"take one below 0\.110299"):
        branches.specialised_half_period(slow, LorentzBoost())
    assert not branches.has_specialised_orbit(slow)
