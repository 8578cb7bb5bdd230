"""Penalties: gradients, tie rules, proximal maps, composition, and the published relative weights."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from ntadyn.regularizers import (
    L1,
    L2,
    ColumnL1,
    ColumnL2,
    Frobenius,
    Nonnegativity,
    Sum,
    UnitL1Norm,
    UnitL2Norm,
    Zero,
    from_relative_weights,
)

GATE_KINDS = [Nonnegativity, UnitL1Norm, UnitL2Norm, L1, L2]
WEIGHT_KINDS = [ColumnL1, ColumnL2, Frobenius]
NORM_KINDS = [L1, L2, ColumnL1, ColumnL2]  # Frobenius is L2

# The energies once more, in NumPy and from their definitions, so that the library is not compared with itself.
REFERENCE = {
    Nonnegativity: lambda k, c: k * np.sum(np.maximum(-c, 0)),
    UnitL1Norm: lambda k, c: k / 2 * (np.linalg.norm(c.ravel(), 1) - 1) ** 2,
    UnitL2Norm: lambda k, c: k / 2 * (np.linalg.norm(c.ravel(), 2) - 1) ** 2,
    L1: lambda k, c: k * np.linalg.norm(c.ravel(), 1),
    L2: lambda k, c: k * np.linalg.norm(c.ravel(), 2),
    ColumnL1: lambda k, w: k * np.mean(np.linalg.norm(w, 1, axis=1)),
    ColumnL2: lambda k, w: k * np.mean(np.linalg.norm(w, 2, axis=1)),
}

# The smooth continuation of the energy from the orthant s.
CONTINUATION = {
    Nonnegativity: lambda k, c, s: -k * np.sum((1 - s) / 2 * c),
    UnitL1Norm: lambda k, c, s: k / 2 * (np.sum(s * c) - 1) ** 2,
    UnitL2Norm: lambda k, c, s: REFERENCE[UnitL2Norm](k, c),
    L1: lambda k, c, s: k * np.sum(s * c),
    L2: lambda k, c, s: REFERENCE[L2](k, c),
    ColumnL1: lambda k, w, s: k * np.mean(np.sum(s * w, axis=1)),
    ColumnL2: lambda k, w, s: REFERENCE[ColumnL2](k, w),
}

PROBLEMS = [(kind, (4,)) for kind in GATE_KINDS] + [(kind, (2, 3, 4)) for kind in WEIGHT_KINDS]


def off_the_kinks(seed, shape):
    """Random entries of both signs with sizes in [0.05, 1]: at least 0.05 from every coordinate plane."""
    rng = np.random.default_rng(seed)
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.05, 1.0, shape)


def central_differences(energy, x, width=1e-5):
    """Truncation (width^2) and rounding (1e-16 / width) errors are both about 1e-10 for the energies used here."""
    out = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        shift = np.zeros_like(x)
        shift[index] = width
        out[index] = (energy(x + shift) - energy(x - shift)) / (2 * width)
    return out


# ---------------------------------------------------------------------------------------- energies and gradients


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
@pytest.mark.parametrize("seed", range(3))
def test_energy_and_gradient_match_the_definition(kind, shape, seed):
    x = off_the_kinks(seed, shape)
    k = 0.7
    penalty = kind(k)
    # Sums of about twenty numbers of order one: a few rounding errors.
    np.testing.assert_allclose(penalty.energy(jnp.asarray(x)), REFERENCE[kind](k, x), rtol=1e-14)
    differences = central_differences(lambda z: REFERENCE[kind](k, z), x)
    assert np.max(np.abs(penalty.gradient(jnp.asarray(x)) - differences)) < 1e-7


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_branch_gradient_belongs_to_the_continuation(kind, shape):
    """Also from orthants that `x` is not in, and with ties."""
    rng = np.random.default_rng(7)
    x = off_the_kinks(8, shape)
    sign = rng.choice([-1.0, 0.0, 1.0], shape)
    assert np.any(sign * x < 0)
    differences = central_differences(lambda z: CONTINUATION[kind](0.7, z, sign), x)
    gradient = kind(0.7).branch_gradient(jnp.asarray(x), jnp.asarray(sign))
    assert np.max(np.abs(gradient - differences)) < 1e-7


MIXTURES = [
    ({Nonnegativity: 0.09, UnitL1Norm: 0.9}, (4,)),
    ({Nonnegativity: 0.5, UnitL1Norm: 2.5, UnitL2Norm: 0.3, L1: 0.2, L2: 0.4}, (2, 3)),
    ({ColumnL1: 0.3, ColumnL2: 0.2, Frobenius: 0.1}, (2, 3, 4)),
]


@pytest.mark.parametrize(("mixture", "shape"), MIXTURES)
def test_mixed_sums_match_finite_differences(mixture, shape):
    x = off_the_kinks(3, shape)
    total = Sum(tuple(kind(k) for kind, k in mixture.items()))
    differences = central_differences(lambda z: sum(REFERENCE[kind](k, z) for kind, k in mixture.items()), x)
    assert np.max(np.abs(total.gradient(jnp.asarray(x)) - differences)) < 1e-7


@pytest.mark.parametrize(("mixture", "shape"), MIXTURES)
def test_sums_add_energies_and_gradients(mixture, shape):
    x = jnp.asarray(off_the_kinks(4, shape))
    terms = [kind(k) for kind, k in mixture.items()]
    total = Zero()
    for term in terms:
        total = total + term
    # The order of summation may differ: rounding only.
    np.testing.assert_allclose(total.energy(x), sum(float(t.energy(x)) for t in terms), rtol=1e-14)
    np.testing.assert_allclose(total.gradient(x), sum(np.asarray(t.gradient(x)) for t in terms), atol=1e-14)


# ------------------------------------------------------------------------------------------------------ the kink


def test_tie_rules_are_the_published_ones():
    c = jnp.asarray([0.0, 0.3, -0.3, -0.0])
    np.testing.assert_array_equal(Nonnegativity(0.2).gradient(c), [-0.1, 0.0, -0.2, -0.1])
    np.testing.assert_array_equal(L1(0.2).gradient(c), [0.0, 0.2, -0.2, 0.0])
    # |c|_1 - 1 = -0.4, and no force on the tied gates.
    np.testing.assert_allclose(UnitL1Norm(2.0).gradient(c), [0.0, -0.8, 0.8, 0.0], rtol=1e-15)


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
@pytest.mark.parametrize("zeros", ["some", "a column", "all"])
def test_autodiff_of_the_energy_obeys_the_tie_rules(kind, shape, zeros):
    x = off_the_kinks(5, shape)
    if zeros == "some":
        x.ravel()[::2] = 0
    elif zeros == "a column":
        x[..., 0] = 0
    else:
        x[:] = 0
    x = jnp.asarray(x)
    penalty = kind(0.7) + Zero()

    @jax.jit
    def three_ways(z):
        return jax.grad(penalty.energy)(z), jax.jacfwd(penalty.energy)(z), penalty.gradient(z)

    backward, forward, rule = three_ways(x)
    # Two formulas for the same quotient: rounding only; assert_allclose also fails on not-a-number.
    np.testing.assert_allclose(backward, rule, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(forward, rule, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("kind", [L2, UnitL2Norm, ColumnL2])
def test_norms_have_gradient_exactly_zero_at_a_zero_vector(kind):
    shape = (2, 3, 4) if kind is ColumnL2 else (4,)
    x = jnp.zeros(shape)
    penalty = kind(0.7)
    assert np.all(np.asarray(penalty.gradient(x)) == 0)
    assert np.all(np.asarray(jax.grad(penalty.energy)(x)) == 0)


def test_zero_column_among_others():
    x = off_the_kinks(6, (2, 3, 4))
    x[1, :, 2] = 0
    gradient = np.asarray(ColumnL2(0.7).gradient(jnp.asarray(x)))
    assert np.all(gradient[1, :, 2] == 0)
    # Every other column has slope k / (P d_in) = 0.7 / 8.
    sizes = np.linalg.norm(gradient, axis=1)
    sizes[1, 2] = 0.7 / 8
    np.testing.assert_allclose(sizes, 0.7 / 8, rtol=1e-14)


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_no_nan_at_or_near_zero(kind, shape):
    """Zero, subnormal numbers, and numbers whose squares underflow."""
    penalty = kind(0.7)

    @jax.jit
    def everything(x):
        return (
            penalty.energy(x),
            penalty.gradient(x),
            penalty.proximal(x, 0.1),
            jax.jacfwd(penalty.gradient)(x),
            jax.jacrev(penalty.gradient)(x),
            jax.hessian(penalty.energy)(x),
            jax.jacfwd(lambda z: penalty.proximal(z, 0.1))(x),
            jax.jacrev(lambda z: penalty.proximal(z, 0.1))(x),
        )

    for value in (0.0, 1e-320, 1e-200):
        assert not any(np.any(np.isnan(result)) for result in everything(jnp.full(shape, value)))


def test_norm_of_tiny_vectors_does_not_underflow():
    x = jnp.asarray([3e-200, -4e-200])
    np.testing.assert_allclose(L2(1.0).energy(x), 5e-200, rtol=1e-14)
    np.testing.assert_allclose(L2(1.0).gradient(x), [0.6, -0.8], rtol=1e-14)


@pytest.mark.parametrize("kind", [UnitL2Norm, L2, ColumnL2])
def test_second_derivatives_survive_the_guard(kind):
    shape = (2, 3, 4) if kind is ColumnL2 else (4,)
    x = off_the_kinks(9, shape)
    hessian = np.asarray(jax.hessian(kind(0.7).energy)(jnp.asarray(x))).reshape(x.size, x.size)
    gradient = jax.jit(kind(0.7).gradient)
    columns = [
        central_differences(lambda z, i=i: float(gradient(jnp.asarray(z)).ravel()[i]), x).ravel() for i in range(x.size)
    ]
    assert np.max(np.abs(hessian - np.stack(columns))) < 1e-7


# ------------------------------------------------------------------------------------------------- proximal maps


def minimise_over_orthants(energy, x, step, fixed):
    """Global minimiser of `|z - x|^2 / (2 step) + energy(z)`: bounded quasi-Newton in every orthant, plus the origin.

    The energies are smooth in each closed orthant apart from the origin. Entries `fixed` are held at zero.
    """

    def objective(z):
        return np.sum((z - x) ** 2) / (2 * step) + energy(z)

    best = np.zeros_like(x)
    for orthant in itertools.product([-1.0, 1.0], repeat=x.size):
        orthant = np.asarray(orthant)
        bounds = [
            (0, 0) if held else ((0, None) if s > 0 else (None, 0)) for s, held in zip(orthant, fixed, strict=True)
        ]
        start = np.where(fixed, 0.0, orthant * np.maximum(orthant * x, 0.1))
        found = scipy.optimize.minimize(
            objective,
            start,
            jac="3-point",
            bounds=bounds,
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-10},
        ).x
        if objective(found) < objective(best):
            best = found
    return best


POINTS = {
    "far outside": ([1.5, -0.9, 0.8, 0.02], 2.0),
    "outside, small entries": ([1.2, -0.05, 0.04, 0.01], 0.1),
    "inside": ([0.2, -0.3, 0.1, 0.05], 0.2),
    "close to zero": ([0.02, -0.01, 0.03, -0.04], 1.5),
}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("kind", [*GATE_KINDS, ColumnL1, ColumnL2])
def test_proximal_is_the_global_minimiser_without_zero_entries(kind, point):
    shape = (2, 2, 1) if kind in (ColumnL1, ColumnL2) else (4,)
    x, step = np.asarray(POINTS[point][0]), POINTS[point][1]
    found = np.asarray(kind(0.7).proximal(jnp.asarray(x.reshape(shape)), step)).ravel()
    brute = minimise_over_orthants(lambda z: REFERENCE[kind](0.7, z.reshape(shape)), x, step, np.zeros(4, bool))
    # The optimiser sees the minimum through objective differences: the square root of rounding, about 1e-8.
    np.testing.assert_allclose(found, brute, atol=1e-6)


@pytest.mark.parametrize("total", [0.4, 3.0])
def test_unit_l1_proximal_keeps_zero_gates_at_zero(total):
    x = total * np.asarray([0.5, 0.0, -0.3, 0.2])
    found = np.asarray(UnitL1Norm(0.7).proximal(jnp.asarray(x), 1.3))
    assert found[1] == 0
    brute = minimise_over_orthants(lambda z: REFERENCE[UnitL1Norm](0.7, z), x, 1.3, x == 0)
    np.testing.assert_allclose(found, brute, atol=1e-6)


def test_zero_vector_stays_at_zero():
    for kind in GATE_KINDS:
        assert np.all(np.asarray(kind(0.7).proximal(jnp.zeros(4), 1.0)) == 0)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("size", [4, 40, 150])
@pytest.mark.parametrize("total", [0.5, 5.0, 50.0])
def test_unit_l1_proximal_solves_the_stationarity_condition(size, seed, total):
    """Both ways of summing the largest gates (40: all pairs, 150: sorted), below and above norm one."""
    x = off_the_kinks(seed, (size,))
    x *= total / np.sum(np.abs(x))
    k, step = 1.7, 0.3
    z = np.asarray(UnitL1Norm(k).proximal(jnp.asarray(x), step))
    force = k * (np.sum(np.abs(z)) - 1)
    moved = (x - z) / step
    active = z != 0
    assert np.all(np.sign(z[active]) == np.sign(x[active]))
    # The force is of order 100 at most; its rounding errors sum over 150 gates.
    np.testing.assert_allclose(moved[active], force * np.sign(z[active]), atol=1e-11)
    assert np.all(np.abs(moved[~active]) <= force + 1e-11)
    if total > 1:
        assert force > 0
    else:
        assert force < 0
        assert np.all(active)


def test_unit_l1_water_level_empties_the_small_gates():
    z = np.asarray(UnitL1Norm(10.0).proximal(jnp.asarray([2.0, 0.1, -0.1]), 1.0))
    # Only the first gate stays: |z|_1 = z_1, z_1 = 2 - 10 (z_1 - 1) = 12 / 11.
    np.testing.assert_allclose(z, [12 / 11, 0, 0], rtol=1e-14)


def test_unit_l1_growth_branch():
    """Below norm one every non-zero gate grows by step k (1 - n) away from zero, n the norm reached."""
    c = np.asarray([0.2, -0.1, 0.0, 0.05])
    z = np.asarray(UnitL1Norm(2.0).proximal(jnp.asarray(c), 0.5))
    n = (0.35 + 3 * 1.0) / (1 + 3 * 1.0)
    np.testing.assert_allclose(z, c + np.sign(c) * 1.0 * (1 - n), rtol=1e-14)


def test_unit_norms_are_reached_in_one_huge_step():
    c = jnp.asarray([0.2, -0.4, 0.9])
    # An implicit step leaves the deviation divided by 1 + k step = 1e12.
    np.testing.assert_allclose(jnp.sum(jnp.abs(UnitL1Norm(1.0).proximal(c, 1e12))), 1.0, atol=1e-11)
    np.testing.assert_allclose(jnp.sum(UnitL2Norm(1.0).proximal(c, 1e12) ** 2), 1.0, atol=1e-11)


def gradient_flow(penalty, x, time, steps):
    """Classical Runge-Kutta of `x' = -grad R`, inside one orthant."""
    h = time / steps

    def body(_, z):
        k1 = -penalty.gradient(z)
        k2 = -penalty.gradient(z + h / 2 * k1)
        k3 = -penalty.gradient(z + h / 2 * k2)
        k4 = -penalty.gradient(z + h * k3)
        return z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return jax.lax.fori_loop(0, steps, body, x)


@pytest.mark.parametrize("total", [0.4, 2.5])
@pytest.mark.parametrize("kind", [UnitL1Norm, UnitL2Norm])
def test_proximal_step_is_first_order_accurate(kind, total):
    """The error of one step falls as step^2."""
    x = jnp.asarray(total * np.asarray([0.5, -0.3, 0.2]))
    steps = [0.01, 0.005, 0.0025]
    errors = [
        np.max(np.abs(kind(0.7).proximal(x, h) - gradient_flow(kind(0.7), x, h, 20)))  # RK4: exact to rounding
        for h in steps
    ]
    orders = np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))
    # The next term of the expansion, relative size 3 k step / 2, changes the measured order by about 0.02.
    np.testing.assert_allclose(orders, 2.0, atol=0.04)


@pytest.mark.parametrize("kind", [Nonnegativity, *NORM_KINDS])
def test_proximal_of_a_small_step_is_exact_where_the_force_is_constant(kind):
    x = jnp.asarray(off_the_kinks(10, (2, 3, 4) if kind in (ColumnL1, ColumnL2) else (4,)))
    # Along its own flow the force of a norm (and of the hinge) stays the same, here well before any entry vanishes.
    np.testing.assert_allclose(kind(0.7).proximal(x, 0.02), x - 0.02 * kind(0.7).gradient(x), atol=1e-15)


@pytest.mark.parametrize("kind", [Nonnegativity, *NORM_KINDS])
def test_proximal_is_the_exact_flow_past_vanishing_entries(kind):
    """Against Euler with 20,000 steps, over a time in which some entries (or columns) vanish and others do not."""
    x = off_the_kinks(11, (2, 3, 4) if kind in (ColumnL1, ColumnL2) else (4,))
    if kind is L2:
        x *= 0.1
    x = jnp.asarray(x)
    penalty = kind(0.7)
    time, steps = {ColumnL1: 5.0, ColumnL2: 10.0}.get(kind, 0.5), 20_000
    h = time / steps
    flow = jax.lax.fori_loop(0, steps, lambda _, z: z - h * penalty.gradient(z), x)
    exact = np.asarray(penalty.proximal(x, time))
    vanished = exact == 0
    assert np.any(vanished)
    assert np.all(vanished) == (kind is L2)
    # Explicit Euler chatters about zero with the amplitude of one step, at most k h.
    np.testing.assert_allclose(flow, exact, atol=1.01 * 0.7 * h)


@pytest.mark.parametrize("kind", NORM_KINDS)
def test_exact_flows_compose(kind):
    x = jnp.asarray(off_the_kinks(12, (2, 3, 4) if kind in (ColumnL1, ColumnL2) else (4,)))
    penalty = kind(0.7)
    np.testing.assert_allclose(
        penalty.proximal(penalty.proximal(x, 0.3), 0.9), penalty.proximal(x, 1.2), atol=1e-15, rtol=1e-14
    )


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_proximal_of_no_time_changes_nothing(kind, shape):
    x = jnp.asarray(off_the_kinks(13, shape))
    np.testing.assert_allclose(kind(0.7).proximal(x, 0.0), x, rtol=1e-15)
    np.testing.assert_allclose(kind(0.0).proximal(x, 1.0), x, rtol=1e-15)


def test_proximal_of_a_sum():
    x = jnp.asarray([0.5, -0.2])
    np.testing.assert_array_equal(Sum(()).proximal(x, 0.1), x)
    np.testing.assert_array_equal(Sum((Zero(), L1(0.3))).proximal(x, 0.1), L1(0.3).proximal(x, 0.1))
    with pytest.raises(ValueError, match=r"Nonnegativity \+ UnitL2Norm has no closed-form.*split\(\)"):
        (Nonnegativity(0.1) + UnitL2Norm(0.9)).proximal(x, 0.1)


JOINT_POINTS = {
    "above norm one": [1.6, -0.8, 0.3, -0.05],
    "below, with zeros": [0.2, 0.0, -0.3, 0.0],
    "below, gates just under zero": [0.3, -0.02, -0.06, -0.08],
    "all small": [0.01, -0.01, -0.03, 0.0],
    "all negative": [-0.5, -0.2, -0.15, -0.05],
}


@pytest.mark.parametrize("point", JOINT_POINTS)
@pytest.mark.parametrize(("k", "k_1"), [(0.09, 0.91), (2.0, 0.3), (0.5, 2.5)])
def test_joint_proximal_of_hinge_and_unit_l1_norm_is_the_global_minimiser(k, k_1, point):
    x, step = np.asarray(JOINT_POINTS[point]), 0.4
    found = (UnitL1Norm(k_1) + Nonnegativity(k)).proximal(jnp.asarray(x), step)
    brute = minimise_over_orthants(
        lambda z: REFERENCE[Nonnegativity](k, z) + REFERENCE[UnitL1Norm](k_1, z), x, step, np.zeros(4, bool)
    )
    np.testing.assert_allclose(found, brute, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_joint_proximal_above_norm_one_is_hinge_then_norm(seed):
    x = jnp.asarray(3 * off_the_kinks(seed, (4,)))
    hinge, norm, step = Nonnegativity(0.2), UnitL1Norm(0.9), 0.7
    joint = (hinge + norm).proximal(x, step)
    assert float(jnp.sum(jnp.abs(joint))) > 1
    np.testing.assert_allclose(joint, norm.proximal(hinge.proximal(x, step), step), atol=1e-14)


def test_joint_proximal_with_one_part_switched_off():
    x = jnp.asarray([0.4, 0.0, -0.1, -0.02])
    hinge, norm = Nonnegativity(0.5), UnitL1Norm(0.9)
    np.testing.assert_allclose((hinge + UnitL1Norm(0.0)).proximal(x, 0.1), hinge.proximal(x, 0.1), atol=1e-16)
    np.testing.assert_allclose((Nonnegativity(0.0) + norm).proximal(x, 0.1), norm.proximal(x, 0.1), atol=1e-16)
    np.testing.assert_allclose(
        (hinge + norm + norm).proximal(x, 0.1), (hinge + UnitL1Norm(1.8)).proximal(x, 0.1), atol=1e-16
    )


def test_hinge_decides_the_side_of_a_gate_at_zero():
    """Below norm one the kink repels; with a hinge the gate leaves upwards, as under the summed tie rules."""
    x = jnp.asarray([0.3, 0.0])
    total = Nonnegativity(0.5) + UnitL1Norm(0.9)
    assert total.gradient(x)[1] < 0
    assert total.proximal(x, 0.01)[1] > 0
    assert UnitL1Norm(0.9).proximal(x, 0.01)[1] == 0


def test_joint_proximal_holds_a_gate_that_is_driven_down():
    """Sliding: a drive `d` with `k_1 (1 - n) < |d| < k - k_1 (1 - n)` can move the gate neither up nor down."""
    total, step, drive = Nonnegativity(0.5) + UnitL1Norm(0.9), 0.01, 0.3
    kicked = jnp.asarray([0.95, -drive * step])
    assert total.proximal(kicked, step)[1] == 0
    # A drive that beats the hinge takes the gate below zero.
    assert total.proximal(jnp.asarray([0.95, -0.6 * step]), step)[1] < 0


# ----------------------------------------------------------------------------------- symmetry, sweeps and dtypes


@pytest.mark.parametrize("kind", GATE_KINDS)
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_gate_penalties_are_permutation_equivariant(kind, scale):
    x = scale * off_the_kinks(14, (4,))
    order = np.random.default_rng(0).permutation(4)
    penalty = kind(0.7)
    # Sums in another order: rounding only.
    np.testing.assert_allclose(penalty.energy(jnp.asarray(x[order])), penalty.energy(jnp.asarray(x)), rtol=1e-14)
    for method in (penalty.gradient, lambda z: penalty.proximal(z, 0.3)):
        np.testing.assert_allclose(method(jnp.asarray(x[order])), np.asarray(method(jnp.asarray(x)))[order], atol=1e-14)


@pytest.mark.parametrize("kind", WEIGHT_KINDS)
def test_weight_penalties_are_equivariant_under_permuted_paths_and_inputs(kind):
    x = off_the_kinks(15, (2, 3, 4))
    paths, inputs = [1, 0], [2, 0, 3, 1]
    permuted = x[paths][:, :, inputs]
    penalty = kind(0.7)
    np.testing.assert_allclose(penalty.energy(jnp.asarray(permuted)), penalty.energy(jnp.asarray(x)), rtol=1e-14)
    for method in (penalty.gradient, lambda z: penalty.proximal(z, 0.3)):
        expected = np.asarray(method(jnp.asarray(x)))[paths][:, :, inputs]
        np.testing.assert_allclose(method(jnp.asarray(permuted)), expected, atol=1e-14)


@pytest.mark.parametrize("kind", GATE_KINDS)
def test_per_neuron_gates_count_as_one_vector(kind):
    x = jnp.asarray(off_the_kinks(16, (3, 4)))
    penalty = kind(0.7)
    np.testing.assert_allclose(penalty.energy(x), penalty.energy(x.ravel()), rtol=1e-14)
    np.testing.assert_allclose(penalty.gradient(x).ravel(), penalty.gradient(x.ravel()), atol=1e-14)
    np.testing.assert_allclose(penalty.proximal(x, 0.3).ravel(), penalty.proximal(x.ravel(), 0.3), atol=1e-14)


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_vmap_over_the_coefficient(kind, shape):
    x = jnp.asarray(off_the_kinks(17, shape))
    ks = jnp.asarray([0.0, 0.3, 2.0])

    def evaluate(penalty, z):
        return penalty.energy(z), penalty.gradient(z), penalty.proximal(z, 0.2)

    mapped = eqx.filter_vmap(evaluate, in_axes=(eqx.if_array(0), None))(kind(ks), x)
    built_inside = jax.vmap(lambda k: evaluate(kind(k), x))(ks)
    for i, k in enumerate([0.0, 0.3, 2.0]):
        for one, two, expected in zip(mapped, built_inside, evaluate(kind(k), x), strict=True):
            np.testing.assert_allclose(one[i], expected, rtol=1e-13, atol=1e-15)
            np.testing.assert_allclose(two[i], expected, rtol=1e-13, atol=1e-15)


def test_gradient_with_respect_to_the_coefficient():
    x = jnp.asarray(off_the_kinks(18, (4,)))
    slope = jax.grad(lambda k: (UnitL1Norm(k) + L2(k)).energy(x))(jnp.asarray(0.7))
    np.testing.assert_allclose(slope, (UnitL1Norm(1.0) + L2(1.0)).energy(x), rtol=1e-14)


@pytest.mark.parametrize(("kind", "shape"), [*PROBLEMS, (UnitL1Norm, (100,))])
def test_float32_is_preserved(kind, shape):
    x = jnp.asarray(off_the_kinks(19, shape), jnp.float32)
    for k in (0.7, jnp.asarray(0.7, jnp.float64)):
        penalty = kind(k) + Zero()
        step = jnp.asarray(0.1, jnp.float64)
        for function in (
            penalty.energy,
            penalty.gradient,
            jax.grad(penalty.energy),
            lambda z, p=penalty: p.proximal(z, 0.1),
            lambda z, p=penalty, h=step: p.proximal(z, h),
            (penalty + L2(k)).gradient,
        ):
            assert jax.eval_shape(function, x).dtype == jnp.float32


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_jit_changes_nothing(kind, shape):
    x = jnp.asarray(off_the_kinks(20, shape))
    compiled = eqx.filter_jit(lambda penalty, z: (penalty.gradient(z), penalty.proximal(z, 0.2)))
    for one, two in zip(
        compiled(kind(jnp.asarray(0.7)), x), (kind(0.7).gradient(x), kind(0.7).proximal(x, 0.2)), strict=True
    ):
        # The compiler may reorder sums.
        np.testing.assert_allclose(one, two, rtol=1e-13)


# ------------------------------------------------------------------------------------- composition and splitting


def test_zero_is_neutral():
    term = L1(0.3)
    assert (term + Zero()) is term
    assert (Zero() + term) is term
    assert isinstance(Zero() + Zero(), Zero)
    x = jnp.asarray([0.4, -0.2])
    assert Zero().energy(x) == 0
    np.testing.assert_array_equal(Zero().gradient(x), [0, 0])
    np.testing.assert_array_equal(Zero().proximal(x, 1.0), x)


def test_sums_are_flat():
    a, b, c = Nonnegativity(0.1), UnitL1Norm(0.2), L2(0.3)
    for total in ((a + b) + c, a + (b + c), Sum((a, Sum((Zero(), b)), c))):
        assert [type(term) for term in total.terms] == [Nonnegativity, UnitL1Norm, L2]


@pytest.mark.parametrize("kind", [Nonnegativity, UnitL1Norm, UnitL2Norm, L1])
def test_orthant_smooth_terms(kind):
    term = kind(0.4)
    smooth, shrinking = term.split()
    assert smooth is term
    assert isinstance(shrinking, Zero)


@pytest.mark.parametrize("kind", [L2, ColumnL1, ColumnL2, Frobenius])
def test_shrinking_terms(kind):
    term = kind(0.4)
    smooth, shrinking = term.split()
    assert isinstance(smooth, Zero)
    assert shrinking is term


def test_split_partitions_a_sum():
    total = Nonnegativity(0.1) + L2(0.2) + UnitL1Norm(0.3) + L1(0.4)
    smooth, shrinking = total.split()
    assert [type(term) for term in smooth.terms] == [Nonnegativity, UnitL1Norm, L1]
    assert isinstance(shrinking, L2)
    x = jnp.asarray(off_the_kinks(21, (4,)))
    np.testing.assert_allclose(smooth.energy(x) + shrinking.energy(x), total.energy(x), rtol=1e-14)
    assert [type(part) for part in Zero().split()] == [Zero, Zero]
    assert [type(part) for part in Sum(()).split()] == [Zero, Zero]


# ---------------------------------------------------------------------------------------------- relative weights

# Rows of the table of effective coefficients: strength, relative weights, (k_nn, k_1, k_2, k_W), and half a unit of the
# last printed digit.
PUBLISHED = {
    "Fig 2 flexible, Fig 4, A1, A2, A9": (
        0.1,
        {"nonnegative": 1, "unit_l1": 10, "column_l2": 0},
        (0.0909, 0.9091, None, 0.0),
        5e-5,
    ),
    "Fig 2 forgetful": (0.0, {"nonnegative": 1, "unit_l1": 10}, (0.0, 0.0, None, None), 0.0),
    "Fig 3C flexible": (0.3, {"nonnegative": 1, "unit_l1": 5}, (0.5, 2.5, None, None), 1e-15),
    "Fig 3D flexible": (0.025, {"nonnegative": 1, "unit_l2": 10}, (0.02273, None, 0.02273, None), 5e-6),
    "Fig 5 left": (0.3, {"nonnegative": 1, "unit_l1": 5}, (0.5, 2.5, None, None), 1e-15),
    "Fig 5 right, strength 1": (1.0, {"nonnegative": 1, "unit_l1": 5}, (1.667, 8.333, None, None), 5e-4),
    "Fig 8 flexible": (0.09, {"nonnegative": 1, "unit_l1": 4}, (0.18, 0.72, None, None), 1e-15),
    "A3 left": (0.6, {"nonnegative": 1, "unit_l1": 10, "column_l2": 0}, (0.5455, 5.4545, None, 0.0), 5e-5),
    "A3 right": (0.6, {"nonnegative": 1, "unit_l1": 10, "column_l2": 20}, (0.1935, 1.9355, None, 0.1935), 5e-5),
    "A10 / A11": (0.01, {"nonnegative": 1, "unit_l1": 1, "column_l2": 0}, (0.05, 0.05, None, 0.0), 1e-15),
}


def terms_of(penalty):
    return {type(term): term.k for term in (penalty.terms if isinstance(penalty, Sum) else (penalty,))}


@pytest.mark.parametrize("row", PUBLISHED)
def test_published_effective_coefficients(row):
    strength, weights, expected, tolerance = PUBLISHED[row]
    groups = from_relative_weights(strength, **weights)
    found = {kind: k for penalty in groups.values() for kind, k in terms_of(penalty).items()}
    kinds = (Nonnegativity, UnitL1Norm, UnitL2Norm, ColumnL2)
    assert set(found) == {kind for kind, k in zip(kinds, expected, strict=True) if k is not None}
    for kind, k in zip(kinds, expected, strict=True):
        if k is not None:
            np.testing.assert_allclose(found[kind], k, atol=tolerance, rtol=0)
    assert ("weights" in groups) == ("column_l2" in weights)


def test_every_relative_weight_with_its_factor():
    weights = {
        "nonnegative": 1.0,
        "unit_l1": 2.0,
        "unit_l2": 3.0,
        "l1": 4.0,
        "l2": 5.0,
        "column_l1": 6.0,
        "column_l2": 7.0,
        "frobenius": 12.0,
    }
    groups = from_relative_weights(0.8, **weights)
    share = 0.8 / 40.0
    gates, on_weights = terms_of(groups["gates"]), terms_of(groups["weights"])
    expected_gates = {Nonnegativity: 10.0, UnitL1Norm: 20.0, UnitL2Norm: 3.0, L1: 2.0, L2: 2.5}
    expected_weights = {ColumnL1: 3.0, ColumnL2: 3.5, Frobenius: 12.0}
    for found, expected in ((gates, expected_gates), (on_weights, expected_weights)):
        assert set(found) == set(expected)
        for kind, value in expected.items():
            np.testing.assert_allclose(found[kind], share * value, rtol=1e-14)


def test_relative_weights_without_terms():
    assert from_relative_weights(0.3) == {}
    assert set(from_relative_weights(0.3, frobenius=2.0)) == {"weights"}
    assert set(from_relative_weights(0.3, l1=2.0)) == {"gates"}


def test_relative_weights_sweep_over_the_strength():
    strengths = jnp.asarray([0.0, 0.1, 0.6])
    c = jnp.asarray([0.7, -0.2])
    swept = from_relative_weights(strengths, nonnegative=1, unit_l1=10)["gates"]
    energies = eqx.filter_vmap(lambda penalty: penalty.energy(c))(swept)
    single = [from_relative_weights(s, nonnegative=1, unit_l1=10)["gates"].energy(c) for s in (0.0, 0.1, 0.6)]
    np.testing.assert_allclose(energies, single, rtol=1e-14)
    inside = jax.jit(jax.vmap(lambda s: from_relative_weights(s, nonnegative=1, unit_l1=10)["gates"].energy(c)))
    np.testing.assert_allclose(inside(strengths), single, rtol=1e-13)


# -------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("kind", [*GATE_KINDS, *WEIGHT_KINDS])
@pytest.mark.parametrize("k", [-0.1, float("nan"), float("inf"), np.asarray([0.1, -0.1])])
def test_bad_coefficients_are_refused(kind, k):
    with pytest.raises(ValueError, match=rf"{kind.__name__}: the coefficient k must be finite and >= 0"):
        kind(k if isinstance(k, float) else jnp.asarray(k))


def test_unmapped_sweep_is_refused():
    with pytest.raises(ValueError, match=r"k has shape \(3,\) where one number is needed.*vmap"):
        L1(jnp.ones(3)).energy(jnp.ones(3))


def test_negative_step_is_refused():
    with pytest.raises(ValueError, match=r"UnitL1Norm.proximal: step must be finite and >= 0, got -0.1"):
        UnitL1Norm(1.0).proximal(jnp.ones(3), -0.1)


@pytest.mark.parametrize("kind", [ColumnL1, ColumnL2])
def test_column_penalties_need_three_axes(kind):
    for method in (kind(1.0).energy, kind(1.0).gradient, lambda x: kind(1.0).proximal(x, 0.1)):
        with pytest.raises(ValueError, match=r"shape \(paths, outputs, inputs\), got shape \(3,\)"):
            method(jnp.ones(3))


def test_sums_take_penalties_only():
    with pytest.raises(ValueError, match=r"Sum takes penalties, got 3 of type int"):
        Sum((L1(0.1), 3))
    with pytest.raises(TypeError):
        L1(0.1) + 3


def test_bad_relative_weights_are_refused():
    with pytest.raises(ValueError, match=r"strength must be finite and >= 0, got -1"):
        from_relative_weights(-1.0, unit_l1=1.0)
    with pytest.raises(ValueError, match=r"relative weight unit_l1 must be finite and >= 0, got -2"):
        from_relative_weights(1.0, nonnegative=1.0, unit_l1=-2.0)
    with pytest.raises(ValueError, match=r"sum to zero.*at least one positive weight"):
        from_relative_weights(1.0, nonnegative=0.0, column_l2=0.0)
