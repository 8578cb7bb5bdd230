"""Memories against code that nobody here wrote: flash-linear-attention and titans-pytorch, on stored cases.

Conventions that are theirs: a state of fla is M^T and its queries are divided by sqrt(d); the loss of titans-pytorch is
a mean over the entries of a value, so that its step is 2/e of a rate of ours; what it calls decay is 1 - a. Both read
after the write.
"""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from experiments.nested.ledger.public_code import (
    clipped_softly,
    slope_behind_a_norm,
    states_with_frozen_slopes,
)
from ntadyn.nested.memories import (
    AssociativeMemory,
    Chunked,
    Delta,
    GatedDelta,
    Hebbian,
    KeyLength,
    MatrixMemory,
    Parallel,
    ProximalDelta,
    Recurrent,
    Titans,
    TitansRetention,
    TwoLayerMemory,
    Writes,
)
from tests.nested.public_code.stored import assert_same, stored

EXACT = 1e-10
SINGLE = 1e-5  # what their casts to float32 leave
FLA, FLA_PACKAGES = stored("memories_of_fla")
TITANS, TITANS_PACKAGES = stored("memories_of_titans_pytorch")

exact_gelu = functools.partial(jax.nn.gelu, approximate=False)


def answered(rule, form, states, writes, queries):
    """Last states and answers of every sample, with keys and queries as they are given."""
    memory: Any = AssociativeMemory(rule, form, key_length=KeyLength.AS_GIVEN)
    return jax.jit(jax.vmap(memory))(states, writes, queries)


def of_delta(case):
    return Delta(), case["v"], case["beta"], None


def of_gated_delta(case):
    """Forgets first: M (a I - a b k k^T) + b v k^T is our rule with the rate a b and the value v / a."""
    kept = np.exp(case["g"])
    return GatedDelta(), case["v"] / kept[..., None], kept * case["beta"], kept


def of_proximal_delta(case):
    """The same write again: the step b' = b / (1 + b |k|^2) is theirs for b = b' / (1 - b' |k|^2), with keys of 1."""
    return ProximalDelta(), case["v"], case["beta"] / (1 - case["beta"]), np.exp(case["g"])


def of_hebbian(case):
    kept = np.exp(case["g"]) if "g" in case else None
    return Hebbian(), case["v"], np.ones(case["v"].shape[:2]), kept


OF_FLA = [
    (of_delta, "delta, carried", Recurrent()),
    (of_gated_delta, "gated delta, carried", Recurrent()),
    (of_gated_delta, "gated delta, chunks of 16", Chunked(16)),
    (of_hebbian, "gated hebbian, chunks of 8", Recurrent()),
]
MORE_OF_FLA = [
    (of_delta, "delta", Parallel()),
    (of_delta, "delta, carried", Chunked(16)),
    (of_delta, "delta, chunks of 8", Chunked(5)),
    (of_hebbian, "hebbian", Recurrent()),
    (of_hebbian, "hebbian, carried", Parallel()),
    (of_hebbian, "gated hebbian", Chunked(4)),
    (of_hebbian, "gated hebbian, carried", Parallel()),
    (of_hebbian, "gated hebbian, parallel", Recurrent()),
    (of_gated_delta, "gated delta", Chunked(4)),
    (of_gated_delta, "gated delta, scale 1", Chunked(4)),
    (of_proximal_delta, "gated delta", Recurrent()),
    (of_proximal_delta, "gated delta, carried", Parallel()),
]


@pytest.mark.parametrize(
    ("ours", "name", "form"),
    OF_FLA + [pytest.param(*case, marks=pytest.mark.slow) for case in MORE_OF_FLA],
)
def test_linear_memories_are_those_of_flash_linear_attention(ours, name, form):
    case = FLA[name]
    rule, values, rates, kept = ours(case)
    samples, _, keys = case["k"].shape
    states = case.get("initial_state", np.zeros((samples, keys, values.shape[-1])))
    queries = case["q"] if "scale 1" in name else case["q"] / np.sqrt(keys)
    writes = Writes(*(None if one is None else jnp.asarray(one) for one in (case["k"], values, rates, kept)))
    last, answers = answered(rule, form, jnp.asarray(states.swapaxes(1, 2)), writes, jnp.asarray(queries))
    for found, expected in ((answers, "answers"), (last.swapaxes(1, 2), "final")):
        if expected in case:  # which the parallel form does not give
            assert_same(found, case[expected], EXACT)
            assert_same(found, case[f"shipped_{expected}"], SINGLE)


def states_of(case, prefix):
    """The weights of titans-pytorch, of shape (inputs, outputs), as memories of ours, one per sample."""
    return jax.vmap(memory_of)(
        {name[len(prefix) :]: jnp.asarray(array) for name, array in case.items() if name.startswith(prefix)}
    )


def memory_of(weights):
    matrices = [array.T for array in weights.values() if array.ndim == 2]
    memory = TwoLayerMemory(*matrices, exact_gelu) if len(matrices) == 2 else MatrixMemory(*matrices)
    return NormalisedWithResidual(memory, weights["norm.gamma"]) if "norm.gamma" in weights else memory


class NormalisedWithResidual(eqx.Module):
    """M(q) = norm(N(q)) (1 + gamma) + q, with gamma a part of the memory, as in Sun et al. 2024 (arXiv 2407.04620)."""

    inner: TwoLayerMemory
    gamma: Float[Array, " d"]

    def __call__(self, query):
        answer = self.inner(query)
        centred = answer - jnp.mean(answer)
        return centred / jnp.sqrt(jnp.mean(centred**2) + 1e-5) * (1 + self.gamma) + query


def of_titans(case, rate=lambda steps, size: 2 * steps / size):
    """Writes and queries of a case."""
    kept = 1 - case["decays"]
    retentions = TitansRetention(jnp.asarray(kept), jnp.asarray(case.get("momenta", np.zeros_like(kept))))
    rates = rate(case["steps"], case["values"].shape[-1])
    return Writes(*map(jnp.asarray, (case["keys"], case["values"], rates)), retentions), jnp.asarray(case["queries"])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("matrix without momentum", marks=pytest.mark.slow),
        pytest.param("matrix", marks=pytest.mark.slow),
        pytest.param("matrix, in two calls", marks=pytest.mark.slow),
        pytest.param("two layers", marks=pytest.mark.slow),
        "two layers, in three calls",
        pytest.param("two layers, normalised with a residual", marks=pytest.mark.slow),
    ],
)
def test_titans_is_that_of_titans_pytorch(name):
    case = TITANS[name]
    writes, queries = of_titans(case)
    rule = Titans(max_gradient_norm=None)
    start = jax.vmap(rule.initial_state)(states_of(case, "initial_"))
    last, answers = answered(rule, Recurrent(), start, writes, queries)
    assert_same(answers, case["answers"], EXACT)
    parts = [(last.memory, "final_")] + [(last.momentum, "momentum_")] * ("momenta" in case)
    for found, prefix in parts:
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(states_of(case, prefix)), strict=True):
            assert_same(one, other, EXACT)
    assert np.max(np.abs(case["answers"])) > 0.1


@pytest.mark.slow
def test_without_momentum_a_matrix_of_titans_pytorch_is_the_gated_delta_rule():
    case = TITANS["matrix without momentum"]
    writes, queries = of_titans(case)
    writes = dataclasses.replace(writes, retentions=writes.retentions.memory)
    start = states_of(case, "initial_").matrix
    for form in (Recurrent(), Chunked(4)):
        last, answers = answered(GatedDelta(), form, start, writes, queries)
        assert_same(answers, case["answers"], EXACT)
        assert_same(last, states_of(case, "final_").matrix, EXACT)


class BehindANorm(eqx.Module):
    """M(q) = w norm(M q + c) + b, where w and b are no part of the memory."""

    matrix: Float[Array, "e d"]
    shift: Float[Array, " e"]
    weight: tuple[float, ...] = eqx.field(static=True)
    bias: tuple[float, ...] = eqx.field(static=True)

    def linear(self, query):
        return self.matrix @ query + self.shift

    def __call__(self, query):
        answer = self.linear(query)
        centred = answer - jnp.mean(answer)
        return centred / jnp.sqrt(jnp.mean(centred**2) + 1e-6) * jnp.asarray(self.weight) + jnp.asarray(self.bias)


def behind_a_norm(case):
    """The memory of a case of fla with a layer normalisation, every sample's."""
    shift = case.get("initial_state_bias", np.zeros_like(case["initial_state"][:, :1]))[:, 0]
    norm = [tuple(map(float, case[name][0])) for name in ("w", "b")]
    matrices = jnp.asarray(case["initial_state"].swapaxes(1, 2))
    return jax.vmap(lambda matrix, shift: BehindANorm(matrix, shift, *norm))(matrices, jnp.asarray(shift))


class ReadOfTTT(Titans):
    """Answers z + M(q) for M(q) = w norm(z) + b."""

    def read(self, state, query):
        return state.memory.linear(query) + state.memory(query)


@pytest.mark.slow
def test_without_momentum_and_with_all_kept_a_memory_behind_a_norm_is_that_of_ttt():
    """Gradients through the normalisation are taken by automatic differentiation here, and by a formula there."""
    case = FLA["ttt"]
    rule = ReadOfTTT(max_gradient_norm=None)
    rates = jnp.asarray(case["eta"][..., 0])
    retentions = TitansRetention(jnp.ones_like(rates), jnp.zeros_like(rates))
    writes = Writes(jnp.asarray(case["k"]), jnp.asarray(case["v"] - case["k"]), rates, retentions)
    last, answers = answered(
        rule, Recurrent(), jax.vmap(rule.initial_state)(behind_a_norm(case)), writes, jnp.asarray(case["q"])
    )
    for found, expected in ((answers, "answers"), (last.memory.matrix.swapaxes(1, 2), "final")):
        assert_same(found, case[expected], EXACT)
        assert_same(found, case[f"shipped_{expected}"], SINGLE)


def with_slopes(case, slope):
    """Last states of S <- eta S - 2 theta g k^T, M <- (1 - alpha) M + S, where the slope g at M k is given."""
    found = []
    for sample in range(len(case["k"])):
        state = case["initial_state"][sample].T
        momentum = np.zeros_like(state)
        for token in range(case["k"].shape[1]):
            key, value, *rates = (case[name][sample, token] for name in ("k", "v", "eta", "theta", "alpha"))
            moved = np.outer(np.asarray(slope(jnp.asarray(state @ key), jnp.asarray(value - key))), key)
            momentum = rates[0] * momentum - 2 * rates[1] * moved
            state = (1 - rates[2]) * state + momentum
        found.append(state.T)
    return np.stack(found)


@pytest.mark.slow
def test_the_naive_titans_of_fla_misses_parentheses_in_a_gradient():
    """Its slope behind the normalisation is no gradient: 1 / (D rstd) divides one of three terms and should all."""
    case = FLA["titans"]
    weight, bias = (jnp.asarray(case[name][0]) for name in ("w", "b"))

    def loss(answer, target):
        centred = answer - jnp.mean(answer)
        normed = centred / jnp.sqrt(jnp.mean(centred**2) + 1e-6) * weight + bias
        return 0.5 * jnp.sum((normed - target) ** 2)

    as_it_is = jax.jit(functools.partial(slope_behind_a_norm, weight=weight, bias=bias))
    gradient = jax.jit(jax.grad(loss))
    assert_same(with_slopes(case, as_it_is), case["final"], EXACT)
    answer, target = jnp.asarray(case["v"][0, 0]), jnp.asarray(case["k"][0, 0])
    wrong, right = as_it_is(answer, target), gradient(answer, target)
    spread, size = jnp.sqrt(jnp.var(answer) + 1e-6), len(answer)
    first = size * weight * ((answer - jnp.mean(answer)) / spread * weight + bias - target)
    assert_same(wrong - first + first / (spread * size), right, EXACT)
    # A number that is added to every entry is taken off again by the normalisation: no gradient leads along it.
    assert abs(float(jnp.sum(right))) < 1e-12
    assert abs(float(jnp.sum(wrong) / jnp.linalg.norm(wrong))) > 0.1
    # Which the state shows: the same rule with a gradient ends elsewhere.
    assert np.max(np.abs(with_slopes(case, gradient) - case["final"])) > 0.1


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("matrix, slopes of the first state", None),
        pytest.param("matrix, slopes of every fourth state", 4, marks=pytest.mark.slow),
    ],
)
def test_titans_pytorch_takes_its_slopes_at_the_state_that_a_batch_of_tokens_finds(name, every):
    """By default at the one that the call finds, for all its tokens; equation 8 of Titans has the state before each."""
    case = TITANS[name]
    writes, queries = of_titans(case)
    start = states_of(case, "initial_")
    frozen = functools.partial(states_with_frozen_slopes, every=every or queries.shape[1])
    states = jax.jit(jax.vmap(frozen))(start.matrix, writes)
    assert_same(jnp.einsum("nted,ntd->nte", states, queries), case["answers"], EXACT)
    rule = Titans(max_gradient_norm=None)
    token_by_token = answered(rule, Recurrent(), jax.vmap(rule.initial_state)(start), writes, queries)[1]
    assert np.max(np.abs(token_by_token - case["answers"])) > 0.05


def test_the_clipping_of_titans_pytorch_lengthens_short_gradients():
    """To half of the largest length, however short they are; and a gradient of zero becomes no number."""
    case = TITANS["clipping"]
    before, after = (np.linalg.norm(case[name], axis=1) for name in ("slopes", "clipped"))
    assert_same(jax.jit(jax.vmap(clipped_softly))(jnp.asarray(case["slopes"])), case["clipped"], EXACT)
    assert after[before < 0.4].min() > 0.5
    assert after.max() <= 1
    assert np.all(np.isnan(case["of_zero"]))
    # Ours leaves what is short as it is.
    state = Titans().initial_state(MatrixMemory(jnp.zeros((1, 1))))
    kept = TitansRetention(jnp.ones(()), jnp.zeros(()))
    written = jax.jit(Titans().write)(state, jnp.ones(1), jnp.full(1, 0.01), kept, jnp.ones(()))
    assert_same(written.memory.matrix, [[0.01]], 1e-15)


def test_where_the_arrays_come_from():
    assert FLA_PACKAGES == ["fla-core 0.6.0 (MIT), https://github.com/fla-org/flash-linear-attention"]
    assert TITANS_PACKAGES == ["titans-pytorch 0.5.5 (MIT), https://github.com/lucidrains/titans-pytorch"]
