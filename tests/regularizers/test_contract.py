"""What every penalty keeps: gradients, tie rules, proximal maps, symmetry, sweeps and dtypes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.regularizers import (
    L2,
    ColumnL1,
    ColumnL2,
    Nonnegativity,
    UnitL1Norm,
    UnitL2Norm,
    Zero,
)
from tests.regularizers.problems import (
    CONTINUATION,
    GATE_KINDS,
    NORM_KINDS,
    PROBLEMS,
    REFERENCE,
    WEIGHT_KINDS,
    branch_gradient,
    central_differences,
    energy,
    gradient,
    minimise_over_orthants,
    off_the_kinks,
    proximal,
)


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
@pytest.mark.parametrize("seed", range(3))
def test_energy_and_gradient_match_the_definition(kind, shape, seed):
    x = off_the_kinks(seed, shape)
    k = 0.7
    penalty = kind(k)
    # Sums of about twenty numbers of order one: a few rounding errors.
    np.testing.assert_allclose(energy(penalty, x), REFERENCE[kind](k, x), rtol=1e-14)
    differences = central_differences(lambda z: REFERENCE[kind](k, z), x)
    assert np.max(np.abs(gradient(penalty, x) - differences)) < 1e-7


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_branch_gradient_belongs_to_the_continuation(kind, shape):
    """Also from orthants that `x` is not in, and with ties."""
    rng = np.random.default_rng(7)
    x = off_the_kinks(8, shape)
    sign = rng.choice([-1.0, 0.0, 1.0], shape)
    assert np.any(sign * x < 0)
    differences = central_differences(lambda z: CONTINUATION[kind](0.7, z, sign), x)
    assert np.max(np.abs(branch_gradient(kind(0.7), x, sign) - differences)) < 1e-7


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


@pytest.mark.representatives(4)
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


@pytest.mark.parametrize("kind", [UnitL2Norm, L2, ColumnL2])
def test_second_derivatives_survive_the_guard(kind):
    shape = (2, 3, 4) if kind is ColumnL2 else (4,)
    x = off_the_kinks(9, shape)
    hessian = np.asarray(jax.jit(jax.hessian(kind(0.7).energy))(jnp.asarray(x))).reshape(x.size, x.size)
    columns = [central_differences(lambda z, i=i: gradient(kind(0.7), z).ravel()[i], x).ravel() for i in range(x.size)]
    assert np.max(np.abs(hessian - np.stack(columns))) < 1e-7


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
    found = proximal(kind(0.7), x.reshape(shape), step).ravel()
    brute = minimise_over_orthants(lambda z: REFERENCE[kind](0.7, z.reshape(shape)), x, step, np.zeros(4, bool))
    # The optimiser sees the minimum through objective differences: the square root of rounding, about 1e-8.
    np.testing.assert_allclose(found, brute, atol=1e-6)


@eqx.filter_jit
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
    penalty = kind(0.7)
    # Twenty Runge-Kutta steps are exact to rounding here.
    flows = [np.asarray(gradient_flow(penalty, x, jnp.asarray(h), 20)) for h in steps]
    errors = [np.max(np.abs(proximal(penalty, x, h) - flow)) for h, flow in zip(steps, flows, strict=True)]
    orders = np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))
    # The next term of the expansion, relative size 3 k step / 2, changes the measured order by about 0.02.
    np.testing.assert_allclose(orders, 2.0, atol=0.04)


@pytest.mark.parametrize("kind", [Nonnegativity, *NORM_KINDS])
def test_proximal_of_a_small_step_is_exact_where_the_force_is_constant(kind):
    x = off_the_kinks(10, (2, 3, 4) if kind in (ColumnL1, ColumnL2) else (4,))
    # Along its own flow the force of a norm (and of the hinge) stays the same, here well before any entry vanishes.
    np.testing.assert_allclose(proximal(kind(0.7), x, 0.02), x - 0.02 * gradient(kind(0.7), x), atol=1e-15)


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
    flow = jax.jit(lambda start: jax.lax.fori_loop(0, steps, lambda _, z: z - h * penalty.gradient(z), start))(x)
    exact = proximal(penalty, x, time)
    vanished = exact == 0
    assert np.any(vanished)
    assert np.all(vanished) == (kind is L2)
    # Explicit Euler chatters about zero with the amplitude of one step, at most k h.
    np.testing.assert_allclose(flow, exact, atol=1.01 * 0.7 * h)


@pytest.mark.parametrize("kind", NORM_KINDS)
def test_exact_flows_compose(kind):
    x = off_the_kinks(12, (2, 3, 4) if kind in (ColumnL1, ColumnL2) else (4,))
    penalty = kind(0.7)
    np.testing.assert_allclose(
        proximal(penalty, proximal(penalty, x, 0.3), 0.9), proximal(penalty, x, 1.2), atol=1e-15, rtol=1e-14
    )


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_proximal_of_no_time_changes_nothing(kind, shape):
    x = off_the_kinks(13, shape)
    np.testing.assert_allclose(proximal(kind(0.7), x, 0.0), x, rtol=1e-15)
    np.testing.assert_allclose(proximal(kind(jnp.asarray(0.0)), x, 1.0), x, rtol=1e-15)


@pytest.mark.parametrize("kind", GATE_KINDS)
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_gate_penalties_are_permutation_equivariant(kind, scale):
    x = scale * off_the_kinks(14, (4,))
    order = np.random.default_rng(0).permutation(4)
    penalty = kind(0.7)
    # Sums in another order: rounding only.
    np.testing.assert_allclose(energy(penalty, x[order]), energy(penalty, x), rtol=1e-14)
    for method in (lambda z: gradient(penalty, z), lambda z: proximal(penalty, z, 0.3)):
        np.testing.assert_allclose(method(x[order]), method(x)[order], atol=1e-14)


@pytest.mark.parametrize("kind", WEIGHT_KINDS)
def test_weight_penalties_are_equivariant_under_permuted_paths_and_inputs(kind):
    x = off_the_kinks(15, (2, 3, 4))
    paths, inputs = [1, 0], [2, 0, 3, 1]
    permuted = x[paths][:, :, inputs]
    penalty = kind(0.7)
    np.testing.assert_allclose(energy(penalty, permuted), energy(penalty, x), rtol=1e-14)
    for method in (lambda z: gradient(penalty, z), lambda z: proximal(penalty, z, 0.3)):
        expected = method(x)[paths][:, :, inputs]
        np.testing.assert_allclose(method(permuted), expected, atol=1e-14)


@pytest.mark.parametrize("kind", GATE_KINDS)
def test_per_neuron_gates_count_as_one_vector(kind):
    x = off_the_kinks(16, (2, 2))
    penalty = kind(0.7)
    np.testing.assert_allclose(energy(penalty, x), energy(penalty, x.ravel()), rtol=1e-14)
    np.testing.assert_allclose(gradient(penalty, x).ravel(), gradient(penalty, x.ravel()), atol=1e-14)
    np.testing.assert_allclose(proximal(penalty, x, 0.3).ravel(), proximal(penalty, x.ravel(), 0.3), atol=1e-14)


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_vmap_over_the_coefficient(kind, shape):
    x = jnp.asarray(off_the_kinks(17, shape))
    ks = jnp.asarray([0.0, 0.3, 2.0])

    def evaluate(penalty, z):
        return penalty.energy(z), penalty.gradient(z), penalty.proximal(z, 0.2)

    @jax.jit
    def sweep(values):
        mapped = eqx.filter_vmap(evaluate, in_axes=(eqx.if_array(0), None))(kind(values), x)
        return mapped, jax.vmap(lambda k: evaluate(kind(k), x))(values)

    mapped, built_inside = sweep(ks)
    one_by_one = eqx.filter_jit(evaluate)
    for i, k in enumerate([0.0, 0.3, 2.0]):
        for one, two, expected in zip(mapped, built_inside, one_by_one(kind(jnp.asarray(k)), x), strict=True):
            np.testing.assert_allclose(one[i], expected, rtol=1e-13, atol=1e-15)
            np.testing.assert_allclose(two[i], expected, rtol=1e-13, atol=1e-15)


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


@pytest.mark.representatives(5)
@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_jit_changes_nothing(kind, shape):
    x = jnp.asarray(off_the_kinks(20, shape))
    compiled = eqx.filter_jit(lambda penalty, z: (penalty.gradient(z), penalty.proximal(z, 0.2)))
    for one, two in zip(
        compiled(kind(jnp.asarray(0.7)), x), (kind(0.7).gradient(x), kind(0.7).proximal(x, 0.2)), strict=True
    ):
        # The compiler may reorder sums.
        np.testing.assert_allclose(one, two, rtol=1e-13)


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_scaled_multiplies_the_energy(kind, shape):
    x = off_the_kinks(22, shape)
    scaled = kind(0.7).scaled(2.5)
    assert type(scaled) is kind
    np.testing.assert_allclose(energy(scaled, x), 2.5 * energy(kind(0.7), x), rtol=1e-14)
    np.testing.assert_allclose(gradient(scaled, x), 2.5 * gradient(kind(0.7), x), rtol=1e-13)
    assert energy(kind(0.7).scaled(0), x) == 0


@pytest.mark.parametrize(("kind", "shape"), PROBLEMS)
def test_kinked_says_whether_the_slope_jumps_across_a_coordinate_plane(kind, shape):
    """One entry goes through zero while the others, in the same column too, stay where they are."""
    x = off_the_kinks(23, shape)
    above, below = x.copy(), x.copy()
    above.ravel()[1], below.ravel()[1] = 1e-9, -1e-9
    jump = np.max(np.abs(gradient(kind(0.7), above) - gradient(kind(0.7), below)))
    # A smooth slope changes by its curvature, at most 0.7 / 0.05, times 2e-9; a kink by at least the slope 0.7 / 8 / 3.
    assert jump > 0.02 if kind(0.7).kinked else jump < 1e-7
    assert bool(kind(0.7).jumps(jnp.asarray(x))) == kind(0.7).kinked
    assert not kind(0.0).jumps(jnp.asarray(x))
