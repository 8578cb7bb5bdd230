"""What the tests of penalties share: all kinds, their definitions in NumPy, and compiled calls."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from ntadyn.regularizers import L1, L2, ColumnL1, ColumnL2, Frobenius, Nonnegativity, UnitL1Norm, UnitL2Norm

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
            jac="2-point",
            bounds=bounds,
            method="L-BFGS-B",
            options={"ftol": 1e-13, "gtol": 1e-7},
        ).x
        if objective(found) < objective(best):
            best = found
    return best


# Compiled once per kind and shape: evaluated eagerly, every operation would be compiled by itself.
_energy = jax.jit(lambda penalty, x: penalty.energy(x))
_gradient = jax.jit(lambda penalty, x: penalty.gradient(x))
_branch_gradient = jax.jit(lambda penalty, x, sign: penalty.branch_gradient(x, sign))
_proximal = jax.jit(lambda penalty, x, step: penalty.proximal(x, step))


def energy(penalty, x):
    return float(_energy(_traced(penalty), jnp.asarray(x)))


def gradient(penalty, x):
    return np.asarray(_gradient(_traced(penalty), jnp.asarray(x)))


def branch_gradient(penalty, x, sign):
    return np.asarray(_branch_gradient(_traced(penalty), jnp.asarray(x), jnp.asarray(sign)))


def proximal(penalty, x, step):
    return np.asarray(_proximal(_traced(penalty), jnp.asarray(x), jnp.asarray(step)))


def _traced(penalty):
    """The penalty with its coefficients as arrays, so that other values need no other program."""
    return jax.tree.map(lambda number: jnp.asarray(number, float), penalty)
