# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From fast weights to HOPE
#
# A network usually has one kind of memory: weights that training has changed. *Fast weights* are a second kind, a
# matrix that changes with every token that is read. In six steps, each of which mends a fault of the one before, we
# go from the oldest rule for such a matrix to HOPE, a block whose memory decides itself what it writes:
#
# 1. Hebb's rule adds up what it sees;
# 2. the delta rule looks up what it knows first, and corrects it;
# 3. retention forgets what is old;
# 4. Titans takes momentum along, and a network in place of the matrix;
# 5. a self-modifying memory makes its own keys and values;
# 6. HOPE is made of it, and learns to remember.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/from_fast_weights_to_hope.py

# %%
import functools
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)

from ntadyn.nested.memories import (
    AssociativeMemory,
    Delta,
    GatedDelta,
    Hebbian,
    MatrixMemory,
    Recurrent,
    Titans,
    TitansRetention,
    TwoLayerMemory,
    Writes,
)
from ntadyn.nested.sequence_models import MODELS, Guard, Recipe, SelfModifyingMemory, Tokens, assemble

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
rng = np.random.default_rng(0)
SIZE = 16  # entries of a key, and of a value


def unit(rows):
    """Rows of length one."""
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@eqx.filter_jit
def written(rule, keys, values, retentions=None, rates=None):
    """The state after all pairs have been written into an empty memory, one after the other, at a rate of one."""
    writes = Writes(keys, values, jnp.ones(len(keys)) if rates is None else rates, retentions)
    empty = rule.initial_state(keys.shape[1], values.shape[1])
    return AssociativeMemory(rule, Recurrent())(empty, writes, keys)[0]


# %% [markdown]
# ## 1. Hebb: add up
#
# A memory is a matrix $M$ that should answer a key $k$ with its value, $Mk \approx v$. Hebb's rule writes a pair by
# adding $v k^\top$. If all keys are at right angles, nothing is in the way of anything, and every answer is exact.
# Random keys are not: the answer to one contains a little of all others, and the more pairs, the more of it.

# %%
orthogonal = np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
values = unit(rng.normal(size=(SIZE, SIZE)))
exact = np.max(np.abs(orthogonal @ written(Hebbian(), orthogonal, values).T - values))
print(f"keys at right angles: largest error {exact:.1e}")
assert exact < 1e-12


NUMBERS = (2, 4, 8, 12, 16)


@eqx.filter_jit
def errors_of(rule, keys, values):
    """|M k - v|^2 of pairs that were written, with |v| = 1 (answering nothing would give 1), for all of `NUMBERS`."""

    def error(number):
        there = (jnp.arange(1.0 * SIZE) < number).astype(keys.dtype)  # a rate of zero writes nothing
        state = written(rule, keys, values, rates=there)
        return jnp.sum(there * jnp.sum((keys @ state.T - values) ** 2, axis=1)) / number

    return jax.vmap(error)(jnp.asarray(NUMBERS, keys.dtype))


def mean_errors(rule):
    """Over two hundred sets of random pairs."""
    draws = np.random.default_rng(1)
    keys, values = (jnp.asarray(unit(draws.normal(size=(200, SIZE, SIZE)))) for _ in range(2))
    return jax.vmap(functools.partial(errors_of, rule))(keys, values).mean(axis=0)


crosstalk = mean_errors(Hebbian())
for number, error in zip(NUMBERS, crosstalk, strict=True):
    print(f"{number:2d} random pairs: error {error:.2f}, and (pairs - 1) / size is {(number - 1) / SIZE:.2f}")
assert np.allclose(crosstalk, (np.asarray(NUMBERS) - 1) / SIZE, atol=0.05)

# %% [markdown]
# The error is the number of *other* pairs over the size of a key: of random directions, each has a share of $1/16$ in
# each. With 16 pairs the memory is about as good as one that answers nothing.
#
# ## 2. Delta: look up first
#
# The delta rule writes what is *missing*: $M \leftarrow M - \beta\,(Mk - v)\,k^\top$. That is one step down the loss
# $\frac12 |Mk - v|^2$: the memory is a little network that is trained while it is used. With $\beta = 1$ the newest
# pair is stored exactly, whatever was there. Hebb's rule answers a key that has been given two values with their sum.

# %%
corrected = mean_errors(Delta())
key, old, new = unit(rng.normal(size=SIZE)), orthogonal[0], orthogonal[1]
of_both = {}
for rule in (Hebbian(), Delta()):
    answer = written(rule, np.stack([key, key]), np.stack([old, new])) @ key
    of_both[type(rule).__name__] = (answer @ old, answer @ new)
    print(f"{type(rule).__name__}: {abs(answer @ old):.2f} of the old value, {answer @ new:.2f} of the new one")
assert np.allclose(of_both["Hebbian"], (1, 1), atol=1e-12)
assert np.allclose(of_both["Delta"], (0, 1), atol=1e-12)
assert all(delta < hebb for delta, hebb in zip(corrected, crosstalk, strict=True))

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6))
left.plot(NUMBERS, crosstalk, "o-", label="Hebb")
left.plot(NUMBERS, corrected, "s-", label="delta")
left.set(xlabel="pairs written", ylabel="error of an answer", title="random keys of 16 entries", ylim=(0, None))
left.legend()
places = np.arange(2)
right.bar(places - 0.2, [of_both[name][0] for name in of_both], 0.4, label="old value")
right.bar(places + 0.2, [of_both[name][1] for name in of_both], 0.4, label="new value")
right.set(xticks=places, xticklabels=["Hebb", "delta"], ylabel="share in the answer", title="a key with two values")
right.set_ylim(0, 1.35)
right.legend(loc="upper center", ncols=2)
figure.savefig("from_fast_weights_to_hope-1.png")

# %% [markdown]
# ## 3. Retention: forget what is old
#
# Both rules keep everything for ever. A factor $\alpha$ in front, $M \leftarrow \alpha M - \beta\,(Mk - v)\,k^\top$,
# lets a memory fade. With keys at right angles what is left of a pair after $n$ further tokens is $\alpha^n$,
# exactly. In return the memory stays small: Hebb's matrix keeps growing, and one that fades cannot become longer than
# $1 / (1 - \alpha)$ with values of length one.

# %%
ALPHA = 0.9
faded = written(GatedDelta(), orthogonal, values, jnp.full(SIZE, ALPHA))
left_over = np.sum((orthogonal @ faded.T) * values, axis=1)[::-1]  # the newest first
print("what is left after n tokens:", ", ".join(f"{share:.2f}" for share in left_over[:6]), "...")
assert np.allclose(left_over, ALPHA ** np.arange(SIZE), atol=1e-12)

many, those = (unit(rng.normal(size=(400, SIZE))) for _ in range(2))
lengths = {
    "keeps all": np.linalg.norm(written(Hebbian(), many, those)),
    "fades": np.linalg.norm(written(Hebbian(), many, those, jnp.full(400, ALPHA))),
}
print(f"|M| after 400 tokens: {lengths['keeps all']:.1f} if all is kept, {lengths['fades']:.1f} if it fades")
assert lengths["fades"] < 1 / (1 - ALPHA) < lengths["keeps all"]

# %% [markdown]
# ## 4. Titans: momentum and depth
#
# If writing is descent, all that is known about descent can be used. Titans adds two things. *Momentum*, $S
# \leftarrow \theta S - \beta g$ and $M \leftarrow \alpha M + S$ with the gradient $g$: a surprise goes on being
# written for some tokens after it. *Depth*: the memory can be any network. We let keys go round a circle, and values
# go round twice as fast. No matrix can do this, whose answer to $-k$ is minus that to $k$, while here both have the
# same value. A network of two layers can.

# %%
TOKENS, EARLY, LATE = 1000, slice(200), slice(-200, None)
angles = rng.uniform(0, 2 * np.pi, size=TOKENS)
circle, twice = (np.stack([np.cos(turns * angles), np.sin(turns * angles)], axis=1) for turns in (1, 2))


@jax.jit
def surprises(memory, theta):
    """How wrong a memory is about every pair before it is written."""
    rule = Titans(max_gradient_norm=1.0)
    keep = TitansRetention(jnp.ones(TOKENS), jnp.full(TOKENS, theta))
    writes = Writes(jnp.asarray(circle), jnp.asarray(twice), jnp.full(TOKENS, 0.05), keep)
    return AssociativeMemory(rule).with_inner_losses(rule.initial_state(memory), writes, writes.keys)[2].before


deep = TwoLayerMemory.initialise(jax.random.key(0), 2, 32, 2)
losses = {
    "matrix": surprises(MatrixMemory(jnp.zeros((2, 2))), 0.0),
    "two layers": surprises(deep, 0.0),
    "two layers, momentum": surprises(deep, 0.5),
}
early, late = ({name: float(np.mean(loss[part])) for name, loss in losses.items()} for part in (EARLY, LATE))
for name in losses:
    print(f"{name}: loss {early[name]:.3f} over the first 200 tokens, {late[name]:.4f} over the last")
assert late["two layers"] < 0.01 < 0.45 < late["matrix"]
assert early["two layers, momentum"] < early["two layers"]

# %% [markdown]
# Answering nothing would give 0.5, and a matrix does no better. Of momentum the loss shows one thing: all steps that
# follow from one gradient add up to $1 / (1 - \theta)$ of it, so that the memory learns faster.
#
# ## 5. A memory that writes its own keys and values
#
# So far somebody gave us keys, values and rates: in a trained network, maps that are fixed once training is over. A
# *self-modifying* memory makes them from its token $x$ by memories of the same kind, $k = M_k x$ and $v = M_v x$ and,
# squashed to 0 to 1, $\beta = \sigma(M_\beta x)$ and $\alpha = \sigma(M_\alpha x)$. It writes all of these,
# too: into each memory what this memory itself makes of the value, $M v$. What training finds is only where they start.
# Nothing holds such a loop: a longer memory makes longer targets. By default targets are shortened to length one, and
# we look at the memory that answers with this guard and without.

# %%
STREAM = 400
tokens = jnp.asarray(rng.normal(size=(STREAM, SIZE)))


def length_along(guard):
    """|A| of the memory that answers, after every ten tokens of a random stream."""
    memory = SelfModifyingMemory.linear(jax.random.key(1), SIZE, guard=guard, chunk=1)
    read, state, found = eqx.filter_jit(memory), memory.initial_state(), []
    for part in tokens.reshape(-1, 10, SIZE):
        state, _ = read(state, part)
        found.append(float(jnp.linalg.norm(state.memories["memory"].matrix)))
    moved = float(jnp.linalg.norm(state.memories["keys"].matrix - memory.keys.matrix))
    return np.array(found), moved


(guarded, moved), (raw, _) = (length_along(guard) for guard in (Guard.CLIPPED, Guard.RAW))
print(f"with targets of length one at most: |A| up to {guarded.max():.2f}; the map to keys has moved by {moved:.2f}")
print(f"with targets as they come: |A| reaches {raw.max():.1e}")
assert moved > 0.1
assert raw.max() > 5 * guarded.max()

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6))
for (name, loss), style in zip(losses.items(), (":", "--", "-"), strict=True):
    left.plot(np.convolve(loss, np.ones(50) / 50, "valid"), style, label=name)
left.set(xlabel="token", ylabel="loss before the write", title="4. values go round twice as fast as keys")
left.legend()
right.plot(10 * np.arange(1, len(raw) + 1), raw, "--", label="targets as they come")
right.plot(10 * np.arange(1, len(raw) + 1), guarded, label="targets of length one at most")
right.set(xlabel="token", ylabel="length of the memory", title="5. a memory that modifies itself", ylim=(0, None))
right.legend()
figure.savefig("from_fast_weights_to_hope-2.png")

# %% [markdown]
# ## 6. HOPE: learn to remember
#
# A HOPE block is a short convolution, a self-modifying memory, and a feed-forward part of several levels. Its starts
# are trained from outside, through all the writes. The task: four keys are told with random values, then all four again
# with new random values, and then the network is asked for each, and should give the newest value, one of eight.
# Guessing is right in one of eight, and picking blindly one of both values of a key in 9 of 16, or 0.56. Beside it is
# the same block with Hebb's rule as its memory, which is called linear attention; it is cheap and gets more steps.

# %%
KEYS, VALUES, WIDTH = 4, 8, 16


def drawn(rng, number):
    """Sequences of keys (0 to 3) and values (4 to 11), ending with four keys, and the four right answers."""
    told, newest = [], np.zeros((number, KEYS), int)
    for _ in range(2):
        keys = rng.permuted(np.tile(np.arange(KEYS), (number, 1)), axis=1)
        values = rng.integers(KEYS, KEYS + VALUES, size=keys.shape)
        np.put_along_axis(newest, keys, values, axis=1)
        told.append(np.stack([keys, values], axis=2).reshape(number, -1))
    asked = rng.permuted(np.tile(np.arange(KEYS), (number, 1)), axis=1)
    return jnp.asarray(np.concatenate([*told, asked], axis=1)), jnp.asarray(np.take_along_axis(newest, asked, 1))


def trained(recipe, steps, rate=0.01):
    """The share of right answers along training, on sequences that are new at every step."""
    sizes = {"inputs": Tokens(KEYS + VALUES), "outputs": KEYS + VALUES, "width": WIDTH, "hidden": 4 * WIDTH}
    model = assemble(recipe, depth=1, key=jax.random.key(0), **sizes)
    weights, rest = eqx.partition(model, eqx.is_inexact_array)
    optimiser = optax.adam(rate)

    def loss(weights, sequences, right):
        model = eqx.combine(weights, rest)
        answers = jax.vmap(model, in_axes=(None, 0))(model.initial_state(), sequences)[1][:, -KEYS:]
        wrong = optax.softmax_cross_entropy_with_integer_labels(answers, right)
        return wrong.mean(), jnp.mean(answers.argmax(axis=-1) == right)

    @jax.jit
    def step(weights, state, sequences, right):
        slope, share = jax.grad(loss, has_aux=True)(weights, sequences, right)
        change, state = optimiser.update(slope, state)
        return optax.apply_updates(weights, change), state, share

    state, draws, shares = optimiser.init(weights), np.random.default_rng(2), []
    for _ in range(steps):
        weights, state, share = step(weights, state, *drawn(draws, 32))
        shares.append(float(share))
    return np.array(shares)


recipes = {
    "linear attention": (MODELS["linear-attention"], 100 if FAST else 400),
    "HOPE": (Recipe(functools.partial(SelfModifyingMemory.linear, chunk=4), levels=3), 100 if FAST else 260),
}
learned = {name: trained(*recipe) for name, recipe in recipes.items()}
for name, shares in learned.items():
    print(f"{name}: {shares[:10].mean():.2f} right at first, {shares[-20:].mean():.2f} after {len(shares)} steps")
assert learned["HOPE"][-20:].mean() > 2 / VALUES
if not FAST:
    assert learned["HOPE"][-20:].mean() > 0.95
    assert learned["linear attention"][-20:].mean() < 0.75

figure, ax = plt.subplots(figsize=(5, 2.6))
for (name, shares), style in zip(learned.items(), ("--", "-"), strict=True):
    ax.plot(np.convolve(shares, np.ones(10) / 10, "valid"), style, label=name)
ax.axhline(1 / VALUES, color="0.7", linewidth=0.8)
ax.text(0.98 * ax.get_xlim()[1], 1 / VALUES + 0.02, "guessing", ha="right", color="0.5", fontsize=8)
ax.set(xlabel="step of training", ylabel="right answers", ylim=(0, 1.05))
ax.legend(loc="center right")
figure.savefig("from_fast_weights_to_hope-3.png")

# %% [markdown]
# HOPE learns to answer with the newest value. Hebb's sum of old and new, of step 2, keeps linear attention not far
# above picking blindly within these steps. This is no case for HOPE alone: the delta rule corrects what is known as
# well, and the same block with it (`MODELS["delta-net"]`) is worth trying here. Whether a memory that modifies itself
# is worth its price is a question for longer tasks, and for several seeds: this is one. `ntadyn.nested.sequence_models`
# has all of these blocks, and HOPE without one of its ideas at a time.
