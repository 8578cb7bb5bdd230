"""One penalty on each of several groups."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.regularizers import L2, Nonnegativity, PerGroup, UnitL1Norm, Zero

X = jnp.array([0.5, -0.2, 0.3, 0.9, 0.0, -0.4])
PENALTY = Nonnegativity(0.3) + UnitL1Norm(1.5)


def each(method, *arguments):
    """What a method of the penalty says of the two halves."""
    halves = [argument.reshape(2, 3) for argument in arguments]
    return jnp.concatenate([jnp.atleast_1d(method(*group)) for group in zip(*halves, strict=True)])


@pytest.mark.slow
def test_every_group_is_penalised_by_itself():
    both = PerGroup(PENALTY, 2)
    assert float(both.energy(X)) == pytest.approx(float(jnp.sum(each(PENALTY.energy, X))))
    np.testing.assert_array_equal(both.gradient(X), each(PENALTY.gradient, X))
    np.testing.assert_allclose(both.proximal(X, 0.1), each(lambda group: PENALTY.proximal(group, 0.1), X), rtol=1e-15)
    np.testing.assert_allclose(both.scaled(2.0).energy(X), 2 * both.energy(X), rtol=1e-15)


def test_its_parts_are_those_of_the_penalty():
    smooth, shrinking = PerGroup(PENALTY + L2(0.7), 2).split()
    np.testing.assert_allclose(smooth.energy(X), PerGroup(PENALTY, 2).energy(X), rtol=1e-15)
    np.testing.assert_allclose(shrinking.energy(X), PerGroup(L2(0.7), 2).energy(X), rtol=1e-15)
    assert isinstance(PerGroup(PENALTY, 2).split()[1], Zero)
    assert PerGroup(PENALTY, 2).kinked
    assert not PerGroup(L2(0.7), 2).kinked


@pytest.mark.parametrize(("number", "message"), [(0, "at least one group"), (4, "6 entries cannot be divided into 4")])
def test_groups_that_cannot_be_are_refused(number, message):
    with pytest.raises(ValueError, match=message):
        PerGroup(PENALTY, number).energy(X)
