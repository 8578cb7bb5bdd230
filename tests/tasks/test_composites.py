"""Composite tasks: order, names, mixtures, and the losses between them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.tasks import composites, from_matrices

ROUNDING = 1e-12  # float64 products and one QR of a 20 x 20 matrix


def matrices(tasks):
    """The teachers in NumPy: in JAX each slice and sum of the checks would be compiled."""
    return np.asarray(tasks.teachers)


def orthogonal(num_base, d_out, d_in):
    """Like `teachers.orthogonal`, drawn by NumPy, where no size costs a compilation."""
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(d_in, d_in)))[0]
    return from_matrices(rotation[: num_base * d_out].reshape(num_base, d_out, d_in) / np.sqrt(d_in))


def expected_loss(one, other):
    """Mean loss on white inputs of a network that computes `other` while the task is `one`."""
    return 0.5 * float(np.sum((one - other) ** 2))


@pytest.mark.parametrize(
    ("num_base", "names"),
    [
        (2, ("A", "B", "AB")),
        (3, ("A", "B", "C", "AB", "BC", "CA")),
        (4, ("A", "B", "C", "D", "AB", "BC", "CD", "DA")),
    ],
)
def test_composite_order(num_base, names):
    base = orthogonal(num_base, 4, 16)
    for extended in (composites.with_sum_composites(base), composites.with_interleaved_composites(base)):
        assert extended.names == names
        assert (extended.num_base, extended.num_composites) == (num_base, len(names) - num_base)
        assert np.array_equal(matrices(extended)[:num_base], matrices(base))


@pytest.mark.parametrize("extend", [composites.with_sum_composites, composites.with_interleaved_composites])
def test_four_task_pairs_add_the_diagonals(extend):
    base = orthogonal(4, 4, 16)
    at_once = extend(base, pairs=composites.FOUR_TASK_PAIRS)
    assert at_once.names[-6:] == ("AB", "BC", "CD", "DA", "AC", "BD")
    in_two_steps = extend(extend(base), pairs=[(0, 2), (1, 3)])
    assert in_two_steps.names == at_once.names
    assert np.array_equal(matrices(in_two_steps), matrices(at_once))


def test_sum_composites_of_20_to_6():
    base = orthogonal(3, 6, 20)
    a, b, c, ab, bc, ca = matrices(composites.with_sum_composites(base))
    assert np.allclose(ca, 0.5 * (c + a), atol=ROUNDING)
    assert float(np.sum(ab**2)) == pytest.approx(0.15, rel=ROUNDING)
    assert float(np.sum(ab * bc) / np.sum(ab**2)) == pytest.approx(0.5, rel=ROUNDING)
    assert expected_loss(ca, b) == pytest.approx(0.225, rel=ROUNDING)
    assert expected_loss(bc, ab) == pytest.approx(0.075, rel=ROUNDING)
    assert expected_loss(b, a) == pytest.approx(0.30, rel=ROUNDING)


def test_interleaved_composites_of_20_to_6():
    base = orthogonal(3, 6, 20)
    a, b, _, ab, bc, ca = matrices(composites.with_interleaved_composites(base))
    assert np.array_equal(ab[0::2], a[0::2])
    assert np.array_equal(ab[1::2], b[1::2])
    assert expected_loss(ca, b) == pytest.approx(0.30, rel=ROUNDING)
    assert expected_loss(bc, ab) == pytest.approx(0.30, rel=ROUNDING)
    assert expected_loss(ab, a) == pytest.approx(0.15, rel=ROUNDING)


def test_mixing_is_the_share_of_the_first_and_may_be_traced():
    base = orthogonal(2, 3, 8)
    a, b, ab = matrices(composites.with_sum_composites(base, 0.8))
    assert np.allclose(ab, 0.8 * a + 0.2 * b, atol=ROUNDING)
    sweep = jax.jit(jax.vmap(lambda mixing: composites.with_sum_composites(base, mixing).teachers[2]))
    swept = sweep(jnp.array([0.0, 0.8, 1.0]))
    assert np.allclose(swept, np.stack([b, ab, a]), atol=ROUNDING)


@pytest.mark.parametrize("pairs", [[(0, 0)], [(0, 2)], [(-1, 0)], [(0, 1, 1)], []])
@pytest.mark.parametrize("extend", [composites.with_sum_composites, composites.with_interleaved_composites])
def test_bad_pairs(extend, pairs):
    base = orthogonal(2, 3, 8)
    # A pair of wrong length may already be turned away by the type checker of the tests.
    expected = (ValueError, TypeError) if pairs and len(pairs[0]) != 2 else ValueError
    with pytest.raises(expected, match="composites: got pairs.*indices 0 to 1|Type-check error"):
        extend(base, pairs=pairs)


def test_composite_messages():
    base = orthogonal(2, 3, 8)
    with pytest.raises(ValueError, match="mixing = 1.5; allowed is 0 to 1"):
        composites.with_sum_composites(base, 1.5)
    with pytest.raises(ValueError, match="names .*no two alike"):
        composites.with_sum_composites(composites.with_sum_composites(base))
    with pytest.raises(ValueError, match="num_base = 1; a composite needs two"):
        composites.with_sum_composites(orthogonal(1, 3, 8))
    with pytest.raises(ValueError, match="d_out = 1; alternating rows need at least 2"):
        composites.with_interleaved_composites(orthogonal(2, 1, 8))
