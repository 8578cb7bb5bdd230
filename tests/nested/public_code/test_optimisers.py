"""Optimisers against code that nobody here wrote: Muon's own, and momentum of torch, on stored cases.

Muon's momentum is an average where ours is a sum; Newton-Schulz does not see the difference. It scales updates by the
square root of rows over columns where there are more rows. By default it is Nesterov's, which ours is not.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ntadyn.nested.optimisers import momentum, momentum_with_read_out, orthogonalised
from tests.nested.optimisers.runs import updates
from tests.nested.public_code.stored import assert_same, stored

EXACT = 1e-10
HALF = 0.05  # what their casts to bfloat16, of 8 binary digits, leave after five steps
CASES, PACKAGES = stored("optimisers")


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("newton-schulz")])
def test_newton_schulz_is_that_of_muon(name):
    case = CASES[name]
    found = orthogonalised(jnp.asarray(case["matrix"]))
    assert_same(found, case["found"], EXACT)
    assert_same(found, case["shipped_found"], HALF)


def test_momentum_with_a_read_out_is_muon_without_nesterov():
    case, other = CASES["muon"], CASES["muon, nesterov"]
    rows, columns = case["gradients"].shape[1:]
    rule = momentum_with_read_out(np.sqrt(rows / columns), 0.95)
    assert_same(-np.asarray(updates(rule, jnp.asarray(case["gradients"]))), case["updates"], EXACT)
    assert np.max(np.abs(updates(rule, jnp.asarray(other["gradients"])) + other["updates"])) > 0.1


def test_the_nesterov_of_optax_is_not_that_of_muon():
    """Its bias correction mixes gradient and momentum in other shares, most so in the first steps."""
    case = CASES["muon, nesterov"]
    rows, columns = case["gradients"].shape[1:]
    rule = optax.contrib.scale_by_muon(beta=0.95, nesterov=True, eps=0.0)
    with jax.numpy_dtype_promotion("standard"):
        found = np.sqrt(rows / columns) * np.asarray(updates(rule, jnp.asarray(case["gradients"])))
    apart = np.max(np.abs(found - case["updates"]), axis=(1, 2))
    assert apart[0] < 1e-6
    assert apart[1:5].max() > 0.02


@pytest.mark.parametrize("name", ["sgd", "sgd, falling rates"])
def test_momentum_is_that_of_torch_while_the_rate_stays(name):
    """Torch scales what it has accumulated by the rate of the step, and we a gradient by the rate of its time."""
    case = CASES[name]
    gradients, rates = jnp.asarray(case["gradients"]), jnp.asarray(case["rates"])

    def rate(count) -> Any:
        return rates[count]

    apart = np.max(np.abs(np.cumsum(updates(momentum(rate, 0.9), gradients), axis=0) - case["weights"]))
    if name == "sgd":
        assert apart < 1e-12
    else:
        assert apart > 0.1
        # The order of optax is torch's.
        weights = np.cumsum(updates(optax.sgd(rate, momentum=0.9), gradients), axis=0)
        assert_same(weights, case["weights"], 1e-12)


def test_where_the_arrays_come_from():
    assert PACKAGES == [
        "Muon at 857d1adc159e098212f828d927460782d3da59e9 (MIT), https://github.com/KellerJordan/Muon",
        "torch 2.13.0 (BSD-3-Clause), https://pytorch.org",
    ]
