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
# # Degeneracy while a network specialises
#
# A direction of parameter space is *degenerate* if moving along it changes nothing that the network does. Networks that
# have learned are full of such directions, and the hope is that they say something about what was learned. In this
# lesson we
#
# 1. move along a degenerate direction, and along one that only looks like it;
# 2. take a network of figure 2 apart into directions that matter, and see whose they are;
# 3. keep a ledger of why its other directions do not matter;
# 4. ask whether degeneracy tells which networks will specialise, before they do.
#
# To open this as a notebook: `pip install ".[notebooks,degeneracy]"`, then `jupyter lab notebooks`, and in its list of
# files "Open With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it
# does less of the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/degeneracy_while_a_network_specialises.py

# %%
import os

import ntadyn

ntadyn.compile_whole_loops()  # before the first array is made: simulations run several times faster

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

from ntadyn.degeneracy.closed_form import hessian_counts, laplace_dimension
from ntadyn.metrics import areas_under_roc, similarity_matrix
from ntadyn.plotting.interaction import draw_graph, draw_ledger, draw_spectra
from ntadyn.specs import presets
from ntadyn.specs.degeneracy import simulated
from ntadyn.specs.interaction import interaction
from ntadyn.specs.paths import replaced
from ntadyn.specs.places import Places

FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
SEEDS = 20 if FAST else 100
plt.style.use("ntadyn.plotting.ntadyn")

# %% [markdown]
# ## 1. A degenerate direction
#
# A gated linear network in two tasks computes $F = C W$: row $m$ of the *gate table* $C$ holds the gates of task $m$,
# row $p$ of $W$ the weights of path $p$. Whoever scales a path by $1 + s$ and its gates by $1 / (1 + s)$ changes
# nothing. Scaling the gates by $1 - s$ is the same to first order: the loss then rises with $s^4$, which no Hessian
# sees. Almost any other direction is curved.

# %%
draw = np.random.default_rng(0)
gates, weights = np.array([[0.9, 0.1], [0.2, 0.8]]), draw.normal(size=(2, 6))
step = np.linspace(0, 0.3, 31)[1:]
elsewhere = draw.normal(size=(2, 6))


def changed(table, paths):
    """1/(2M) |C W - C_0 W_0|^2: how differently both tasks are done."""
    return np.sum((table @ paths - gates @ weights) ** 2) / 4


def scaled(first, second):
    """The table and the paths with the first path's gates and weights multiplied."""
    return gates * np.array([first, 1.0]), weights * np.array([[second], [1.0]])


rises = {
    "gates / (1 + s), path (1 + s)": [changed(*scaled(1 / (1 + s), 1 + s)) for s in step],
    "gates (1 - s), path (1 + s)": [changed(*scaled(1 - s, 1 + s)) for s in step],
    "weights elsewhere": [changed(gates, weights + s * elsewhere) for s in step],
}
figure, ax = plt.subplots(figsize=(5.0, 3.2), layout="constrained")
for name, values in rises.items():
    ax.plot(step, np.maximum(values, 1e-17), label=name)
ax.set(xscale="log", yscale="log", xlabel="step s", ylabel="change of the function", ylim=(1e-18, 10))
ax.legend()
figure.savefig("degeneracy_while_a_network_specialises-1.png")

orders = {
    name: float(np.polyfit(np.log(step[:10]), np.log(np.maximum(v[:10], 1e-300)), 1)[0]) for name, v in rises.items()
}
counts = hessian_counts(gates, weights)
print({name: round(order, 2) for name, order in orders.items()})
print(f"of {gates.size + weights.size} parameters {counts.rank} are seen to second order, {counts.nullity} are not")

# %% [markdown]
# Four directions are degenerate, all of one kind: for any invertible $G$, $C G^{-1}$ and $G W$ do the same. Two of
# them scale paths, two mix them. Parameters are therefore a poor way of speaking about a network. Coordinates that no
# such change can move are a better one.
#
# ## 2. Whose directions are they?
#
# The *Interaction Basis* keeps those directions of a layer that are active on the data and act on what follows, and
# gives each a strength: how much it varies times how much it matters. The *interaction graph* says how much of every
# output comes from which direction. A network of figure 2 is seen in both tasks at once: a direction has the colour of
# the task that it acts on most.

# %%
blocks = {"teachers.d_in": 12, "teachers.d_out": 5, "curriculum.total_time": 12.0 if FAST else 20.0}
places = Places(seeds=1, blocks=(1, 12) if FAST else (1, 2, 4, 8, 20))
networks = {"flexible": presets.figure_2_flexible, "forgetful": presets.figure_2_forgetful}
chosen = ["flexible"] if FAST else list(networks)
parts = {name: interaction(replaced(networks[name](), blocks), places) for name in chosen}
figure, axes = plt.subplots(len(parts), 3, figsize=(9.6, 2.7 * len(parts)), squeeze=False, layout="constrained")
for row, (name, found) in zip(axes, parts.items(), strict=True):
    one = found.isel(seed=0)
    draw_graph(row[0], one.isel(block=0).edge.values)
    draw_graph(row[1], one.isel(block=-1).edge.values)
    draw_spectra(row[2], one.isel(block=-1))
    row[0].set_title(f"{name}, block 1")
    row[1].set_title(f"{name}, block {int(one.block[-1])}")
figure.savefig("degeneracy_while_a_network_specialises-2.png")


def last(name, variable):
    """A number of the last block."""
    return float(parts[name][variable].isel(seed=0, block=-1))


for name, found in parts.items():
    strengths = found.strength.isel(seed=0, block=-1).values
    print(f"{name}: strengths {strengths.round(3)}, separation {last(name, 'separation'):.2f}")

# %% [markdown]
# After one block neither network has anything to tell apart. At the end the flexible network has twice as many strong
# directions as outputs, and tasks read different inputs (a *separation* near 1); in the forgetful one both tasks use
# the same directions, and the others are there, but thousands of times weaker.
#
# Do not read too much into colours, though: the graph of the flexible network has edges that cross. All rows of the
# teachers are equally strong, and among directions of equal strength a basis is arbitrary: what little tasks share is
# enough to mix them.
#
# ## 3. The ledger
#
# Every parameter is either seen by the Hessian of the behavioural loss or has a reason not to be.

# %%
figure, axes = plt.subplots(1, len(parts), figsize=(4.2 * len(parts), 3.4), squeeze=False, layout="constrained")
for ax, (name, found) in zip(axes[0], parts.items(), strict=True):
    draw_ledger(ax, found.isel(seed=0))
    ax.set(title=name, xlabel="end of block")
figure.savefig("degeneracy_while_a_network_specialises-3.png")

unexplained = {name: int(found.unexplained.max()) for name, found in parts.items()}
print("null directions without a reason:", unexplained)

# %% [markdown]
# All null directions are explained, and all by the changes $G$ of the first part. And the ledger is the same for all
# networks, at all times: a count knows zero and not zero, and after training nothing is exactly zero. The spectra above
# have what it misses. A number that does not count but weighs, with a cutoff that it names, is the *learning
# coefficient*; it is near $D$ where two functions of $D$ numbers are stored, and near $D / 2$ where it is one. So the
# specialised network is the less degenerate one: it does more.
#
# ## 4. Can it be foretold who will specialise?
#
# Where gates are nearly too slow about half of all networks specialise within seven units of time, and nothing but
# the initial weights tells them apart. We take the coefficient at the end of every early block, as curvature has it
# ($\lambda \approx \frac12 \sum_i \frac{t \kappa_i}{t \kappa_i + \gamma}$), and the contrast of the paths beside it.
# The area under the ROC curve is the chance that a network which will specialise has the higher score than one which
# will not: 0.5 is guessing.

# %%
border = {"curriculum.block_duration": 1.0, "time_constants.gates": 0.03, "randomness.num_seeds": SEEDS}
_, points = simulated(replaced(presets.figure_5_published(), border), Places(seeds=SEEDS, blocks=tuple(range(1, 8))))
tables, paths = np.asarray(points.table.gates), np.asarray(points.table.weights)
teachers = points.flow.tasks.teachers[0, 0]
similar = np.asarray(jax.vmap(jax.vmap(lambda each: similarity_matrix(teachers, each)))(points.table.weights))
similar = (similar + np.concatenate([similar[:, :1], similar[:, :-1]], axis=1)) / 2  # of the last two blocks
contrast = np.abs(similar[..., 0, 0] + similar[..., 1, 1] - similar[..., 0, 1] - similar[..., 1, 0]) / 2
coefficient = np.empty(contrast.shape)
for at in np.ndindex(*contrast.shape):
    coefficient[at] = laplace_dimension(tables[at], paths[at], 1e4, 100.0)
specialised = contrast[:, -1] >= 0.5
both = np.stack([coefficient, contrast]).transpose(2, 0, 1)  # by blocks
areas = [areas_under_roc(jnp.asarray(each), jnp.asarray(specialised)) for each in both]
area = np.array([each.area for each in areas])
error = np.array([np.sqrt(np.diagonal(each.covariance)) for each in areas])

figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
for at, (name, color) in enumerate((("coefficient, by curvature", "C1"), ("contrast", "black"))):
    left.plot(range(1, 8), area[:, at], "o-", color=color, label=name)
    low, high = (np.clip(area[:, at] + side * error[:, at], 0, 1) for side in (-1.96, 1.96))
    left.fill_between(range(1, 8), low, high, color=color, alpha=0.2, linewidth=0)
for who, line, name in ((specialised, "-", "will specialise"), (~specialised, ":", "will not")):
    right.plot(range(1, 8), coefficient[who].mean(axis=0), line, color="C1", label=name)
left.axhline(0.5, color="grey", linestyle=":")
left.set(xlabel="end of block", ylabel="area under the ROC curve", ylim=(0, 1.05))
right.set(xlabel="end of block", ylabel="coefficient, by curvature")
left.legend()
right.legend()
figure.savefig("degeneracy_while_a_network_specialises-4.png")

print(
    f"{specialised.mean():.0%} specialise; areas after block 1: {area[0].round(2)}, after block 4: {area[3].round(2)}"
)

# %% [markdown]
# After the first block the contrast knows nothing: both paths have just learned the same task, and their cosines with
# its teacher are both near one. Curvature knows already, since it sees how far the gates of the two tasks are apart.
# Three blocks later the same number points the *other* way: networks that are about to specialise pass through a state
# in which one path leads in both tasks. So this is a clue, and no law, and it is one that two gates give as well.
#
# Two more warnings, with numbers in `python -m experiments run foresight`. Curvature is not the coefficient: drawn from
# its law, with the weights integrated out, the coefficient of these tables is some 60 lower, and after block 1 it is at
# 0.5, too. And at another border of the same map, where the penalty on gates is weak, all tables have rank two, and
# those networks specialise that are *more* degenerate.
#
# ## 5. Your turn
#
# - Does the sign turn at other borders? `border` is a place in the phase diagram; `ntadyn phase-diagram` draws it.
# - A network of your own: `ntadyn.degeneracy.interaction.chain(...)` takes any Equinox modules as sections.
# - Rectified paths and a mixture of experts on handwritten digits: `python -m experiments run experts`.
