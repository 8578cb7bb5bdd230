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
# # Counting directions is not enough
#
# How many parameters does a trained network really use? The usual answer counts the directions in which its loss is
# curved. The *learning coefficient* $\lambda$ is what such counting aims at: the volume of parameters whose loss is
# less than $\epsilon$ above that of the network shrinks as $\epsilon^\lambda$. In this lesson we
#
# 1. measure it where counting is right;
# 2. see counting fail, and an estimate say that it might be wrong;
# 3. find one loss whose zeros are degenerate in different ways;
# 4. ask what the coefficient knows about a network that has specialised, and what it does not;
# 5. let go of the wish for one number.
#
# To open this as a notebook: `pip install ".[notebooks,degeneracy]"`, then `jupyter lab notebooks`, and in its list of
# files "Open With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it
# does less of the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/counting_directions_is_not_enough.py

# %%
import os

import ntadyn

ntadyn.compile_whole_loops()  # before the first array is made: samplers run several times faster

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

from ntadyn.degeneracy import (
    MALA,
    NUTS,
    AllMove,
    Behavioural,
    BehaviouralAt,
    Box,
    LossProblem,
    NestedSlices,
    Settings,
    closed_form,
    learning_coefficient,
    learning_coefficients,
    learning_curve,
    volume_curve,
)

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
LANGEVIN = MALA(num_draws=2000 if FAST else 8000)
HAMILTON = NUTS(num_warm_up=300, num_draws=500 if FAST else 2000)
SLICES = NestedSlices(num_live=400 if FAST else 2000, num_delete=40 if FAST else 200)

# %% [markdown]
# ## Where counting is right
#
# A loss of five parameters that is curved in three directions and flat in two. Its coefficient is $3/2$: half a unit
# per curved direction. `learning_coefficient` samples $e^{-t L - \gamma |v|^2 / 2}$ around the point, with
# $t = 10^4$ and $\gamma = 100$ unless told otherwise, and returns $t$ times the mean rise of the loss. Directions of
# curvature below $\gamma / t$ are flat to it.

# %%


def valley(w):
    return 0.5 * (3.0 * w[0] ** 2 + w[1] ** 2 + 0.3 * (w[0] - w[2]) ** 2)


found = learning_coefficient(valley, jnp.zeros(5), Settings(sampler=LANGEVIN))
print(found)

# %% [markdown]
# ## Where counting fails
#
# $w_1^2 w_2^2$ is flat along both axes, and its Hessian at the crossing is zero: counting says 0. But next to the
# crossing both directions cost something, and the coefficient is $1/2$. At a finite temperature it is less, because it
# grows to its limit as slowly as $1 / \log t$; what the law has at this temperature is known by quadrature.


# %%
def crossing(w):
    return w[0] ** 2 * w[1] ** 2


alone = learning_coefficient(crossing, jnp.zeros(2), Settings(100.0, 1.0, LANGEVIN))
exact = closed_form.localised_monomial(1, 1, 100.0, 1.0)
print(f"exact, at this temperature: {exact:.4f}\n{alone}")

# %% [markdown]
# The estimate refuses to be trusted, although its chains agree with each other. It is right to: the mass lies in four
# arms that are long and thin, and a sampler that makes local moves rarely finds its way into them. Twelve runs with
# other random numbers show it. Most are too low, some by many of their own errors.
#
# Nested sampling moves otherwise: it starts all over the neighbourhood and goes down from there. As a second opinion it
# either certifies an estimate or contradicts it.

# %%
seeds = learning_coefficients(AllMove(crossing), jnp.zeros((12, 2)), Settings(100.0, 1.0, LANGEVIN))
too_low = sum(each.value < exact for each in seeds)
checked = learning_coefficient(crossing, jnp.zeros(2), Settings(100.0, 1.0, LANGEVIN, check=SLICES))
nested = checked.second_opinion
print(f"{too_low} of 12 are too low; nested slices: {nested.value:.3f} ± {nested.error:.3f}; {checked.status}")

figure, ax = plt.subplots(figsize=(5.5, 2.6), layout="constrained")
values, errors = np.array([(each.value, each.error) for each in seeds]).T
ax.errorbar(np.arange(12), values, 2 * errors, fmt="o", markerfacecolor="white", label="MALA, refused")
ax.errorbar([12.5], [nested.value], 2 * nested.error, fmt="o", label="nested slices")
ax.axhline(exact, color="black", linewidth=0.8, label="exact")
ax.set(xlabel="run", ylabel="learning coefficient", title="$w_1^2 w_2^2$, two errors each")
ax.set_ylim(top=1.15 * ax.get_ylim()[1])
ax.legend(loc="upper center", ncols=3)
figure.savefig("counting_directions_is_not_enough-1.png")

# %% [markdown]
# ## One loss, many coefficients
#
# Two layers, $|W_2 W_1|^2 / 2$, of three inputs, two hidden units and two outputs. Every pair whose product is zero has
# loss zero, but how degenerate it is depends on the ranks of its parts. Counting is right at three of these six kinds
# of points, and wrong at three, where the ranks of both leave room for more.

# %%


def two_layers(parts):
    second, first = parts
    return 0.5 * jnp.sum((second @ first) ** 2)


def point(rank_of_first, rank_of_second):
    first = jnp.zeros((2, 3)).at[jnp.arange(rank_of_first), jnp.arange(rank_of_first)].set(1.0)
    second = jnp.zeros((2, 2)).at[jnp.arange(rank_of_second), 1 - jnp.arange(rank_of_second)].set(1.0)
    return second, first


ranks = [(1, 1), (0, 1), (2, 0), (0, 2), (1, 0), (0, 0)]
stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *(point(*pair) for pair in ranks))
zeros = learning_coefficients(AllMove(two_layers), stacked, Settings(1e6, 100.0, HAMILTON))
print("ranks    counted  exact  measured")
for pair, each in zip(ranks, zeros, strict=True):
    known = closed_form.two_layer_at(3, 2, 2, *pair, 0)
    print(
        f"{pair}  {each.half_rank:7}  {str(known.coefficient):>5}  {each.value:.2f} ± {each.error:.2f}, {each.status}"
    )

# %% [markdown]
# Where the exact coefficient has a multiplicity of two, as at the last two points, what is measured at a finite
# temperature is lower, as at the crossing, and it is refused for want of a second opinion.
#
# ## What it knows about specialisation
#
# A gated network that has learnt two tasks is a linear network of two layers, from paths to tasks: $F = C W$ with the
# gates $C$ that each task had last. We put three of them side by side. In the *specialised* network every path does one
# task; in the *mixed* one both tasks use both paths, and both tasks are done as well; the *forgetful* one has one set
# of gates, and does only the last task. All are measured by their *behavioural loss*, how differently tasks are done
# than by the network itself, which makes every point a minimum.

# %%
teachers = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (6, 2)))[0].T
gates = {
    "specialised": jnp.eye(2),
    "mixed": jnp.array([[0.7, 0.3], [0.3, 0.7]]),
    "forgetful": jnp.full((2, 2), 0.5),
}
tables = {name: (table, jnp.linalg.solve(table, teachers)) for name, table in gates.items() if name != "forgetful"}
tables["forgetful"] = (gates["forgetful"], jnp.stack([teachers[1], teachers[1]]))


def maps(parts):
    table, weights = parts
    return table @ weights


stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *tables.values())
networks = dict(
    zip(tables, learning_coefficients(BehaviouralAt(maps), stacked, Settings(1e6, 100.0, HAMILTON)), strict=True)
)
for name, each in networks.items():
    known = closed_form.gated_linear(*(np.asarray(part) for part in tables[name])).exact.coefficient
    print(f"{name:12} exact {known}, measured {each.value:.2f} ± {each.error:.2f}, counted {each.half_rank:g}")

# %% [markdown]
# The coefficient counts *how many different maps are stored*, half a unit per entry of each: six for two maps of six
# entries. It does not tell the specialised network from the mixed one. And the network that can do both tasks has the
# *higher* coefficient, because it stores more. That networks of specialists are simpler is not what is found here.
#
# ## No single number
#
# What counts as flat is a choice. The same networks over temperature: the mixed one has smaller singular values, looks
# more degenerate at high temperatures, and has the same limit.

# %%
temperatures = (1e2, 1e3, 1e4, 1e5, 1e6)
curves = {
    name: learning_curve(Behavioural.of(maps, parts), parts, temperatures, Settings(sampler=HAMILTON))
    for name, parts in tables.items()
}
figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.8), layout="constrained")
for index, (name, curve) in enumerate(curves.items()):
    look = {"color": f"C{index}", "label": name}
    left.errorbar(temperatures, [each.value for each in curve], [2 * each.error for each in curve], fmt="o-", **look)
left.set(xscale="log", xlabel="inverse temperature $t$", ylabel="learning coefficient")
left.legend()


def bowl(w):
    return 0.5 * jnp.sum(w**2)


volumes = {}
for name, loss in {"$(w_1^2 + w_2^2) / 2$": bowl, "$w_1^2 w_2^2$": crossing}.items():
    run = SLICES.run(LossProblem(loss, jnp.zeros(2)), Box(jnp.asarray(1.0)), jax.random.key(0))
    volumes[name] = volume_curve(run)
    right.errorbar(volumes[name].cutoffs, volumes[name].coefficients, 2 * volumes[name].errors, fmt=".-", label=name)
    print(f"{name}: {volumes[name].plateau or 'no scale-free coefficient in this range'}")
right.set(
    xscale="log", xlabel=r"cutoff $\epsilon$ of the loss", ylabel=r"$\mathrm{d} \log V / \mathrm{d} \log \epsilon$"
)
right.invert_xaxis()
right.legend()
figure.savefig("counting_directions_is_not_enough-2.png")

# %% [markdown]
# On the right the slope of the volume itself. The bowl keeps one coefficient over all cutoffs. At the crossing it keeps
# rising, by a tenth in thirteen decades, so slowly that the search for a plateau lets it pass and prints the drift
# beside it: a number without its cutoff says little there.
#
# `ntadyn degeneracy PRESET` does all this for the blocks of a simulation.
