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
# # Who forgets, who switches, and at what price
#
# Two tasks ask for different answers to the same inputs, in turn. What can a network do about forgetting the one while
# it learns the other? In this lesson we put four answers on one stream:
#
# 1. **nothing** (fine-tuning): a single linear map follows the task in force;
# 2. **protection** (EWC): weights that the old task needs are held;
# 3. **practice** (replay): old tasks are practised beside the new one;
# 4. **structure**: several paths, with gates that switch between them, or that are added when they are needed.
#
# Then we write a strategy of our own. To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab
# notebooks`, and in its list of files "Open With > Notebook". Run as a script, it writes its figures into the working
# folder. With `NTADYN_FAST=1` it does less of the same, as the tests do; what is left is mostly compiling:
#
#     NTADYN_FAST=1 python notebooks/who_forgets_and_at_what_price.py

# %%
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

import ntadyn
from ntadyn import continual, metrics
from ntadyn.continual import readings
from ntadyn.regularizers import from_relative_weights
from ntadyn.tasks import Scale, curricula, teachers

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
TAU = {"gates": 0.03, "weights": 1.3}
BLOCKS = 6 if FAST else 12

# %% [markdown]
# ## A stream, and a learner
#
# The tasks are two teachers $W^{*A}$ and $W^{*B}$ whose rows are orthogonal, output by output. A *learner* is made of a
# plain flow and a *strategy*: `GatedContinualFlow` for gated paths, in closed form part by part. A single path whose
# gate stands still is an ordinary linear network.

# %%
tasks = teachers.matched_rows_orthogonal(jax.random.key(0), num_tasks=2, d_out=4, d_in=8, scale=Scale.UNIT)
curriculum = curricula.alternating(2, BLOCKS, 1.0)
one_path = ntadyn.GatedLinear.initialise(jax.random.key(1), shape=(1, 4, 8), gate=1.0)
three_paths = ntadyn.GatedLinear.initialise(jax.random.key(1), shape=(3, 4, 8))

frozen = ntadyn.GradientFlow(tasks, {"gates": 1e9, "weights": 1.3})
switching = ntadyn.GradientFlow(tasks, TAU, from_relative_weights(1.8, nonnegative=5, unit_l1=10 / 11))


def run(flow, strategy, network):
    """Losses on both tasks, as they are and with gates that have adapted for a tenth of a block."""
    learner = continual.GatedContinualFlow(flow, strategy)
    recorded = {"behavioural": readings.behavioural, "adapted": readings.Adapted(0.1)}
    return ntadyn.simulate(
        learner, curriculum, learner.initial_state(network), observables=recorded, records_per_block=4
    )


runs = {
    "fine-tuning": run(frozen, continual.FineTuning(), one_path),
    "EWC": run(frozen, continual.ElasticWeightConsolidation(1.0), one_path),
    "replay": run(frozen, continual.TaskReplay(0.5), one_path),
    "fast gates": run(switching, continual.FineTuning(), three_paths),
    "growing": run(frozen, continual.DynamicallyExpandable(), three_paths),
}
print({name: bool(found.result == ntadyn.RESULTS.successful) for name, found in runs.items()})

# %% [markdown]
# The matrix $R$ holds the loss on every task at the end of every block. We read it twice: as the network *is*, and
# after its gates alone have *adapted* to the task for a moment. Networks without gates cannot adapt without learning,
# so both readings are the same for them.

# %%
figure, axes = plt.subplots(1, len(runs), figsize=(10.0, 2.2), sharey=True)
for ax, (name, found) in zip(axes, runs.items(), strict=True):
    for task, color in enumerate(("C0", "C1")):
        ax.plot(found.times, found.values["behavioural"][:, task], color=color, linewidth=1, alpha=0.4)
        ax.plot(found.times, found.values["adapted"][:, task], color=color)
    ax.set(title=name, xlabel="time")
axes[0].set_ylabel("loss on A (blue), B (orange)")

# %% [markdown]
# Pale lines: as it is. Strong lines: gates adapted. A single map trades one task against the other; the networks with
# several paths *behave* as if they forgot, because their gates are on the task in force, but have lost nothing.
#
# ## The line that EWC cannot leave
#
# For one path and white inputs, EWC with strength $\mu$ ends its second block on
#
# $$\sqrt{L_A} + \sqrt{L_B} = \lVert W^{*A} - W^{*B} \rVert_F / \sqrt 2 .$$
#
# Protection chooses a place on that line. No strength leaves it, because a single map that is near both tasks does not
# exist. Blocks have to be long enough for the weights to settle.

# %%
long_blocks = curricula.alternating(2, 2, 40.0)
strengths = np.geomspace(0.05, 20, 4 if FAST else 12)


@eqx.filter_jit
def ends_of(strengths):
    def one(strength):
        learner = continual.GatedContinualFlow(frozen, continual.ElasticWeightConsolidation(strength))
        found = ntadyn.simulate(
            learner,
            long_blocks,
            learner.initial_state(one_path),
            method=ntadyn.FixedSteps(max_step=20.0),
            observables={"losses": readings.behavioural},
        )
        return found.values["losses"][-1]

    return jax.vmap(one)(strengths)


ends = np.asarray(ends_of(jnp.asarray(strengths)))
line = float(jnp.sqrt(jnp.sum((tasks.teachers[0] - tasks.teachers[1]) ** 2) / 2))
off_the_line = float(np.abs(np.sqrt(ends).sum(axis=1) / line - 1).max())
print(f"furthest from the line: {off_the_line:.1e} of its length")

figure, ax = plt.subplots(figsize=(3.2, 2.8))
ax.plot([0, line], [line, 0], color="0.8", linewidth=4, zorder=0)
ax.scatter(*np.sqrt(ends).T, c=np.log10(strengths), cmap="viridis")
adapted = np.sqrt(np.maximum(runs["fast gates"].values["adapted"][-1], 0))
ax.plot(*adapted, "k*", markersize=9)
ax.set(xlabel=r"$\sqrt{L_A}$", ylabel=r"$\sqrt{L_B}$", aspect="equal")
ax.annotate("fast gates, adapted", adapted, xytext=(8, 6), textcoords="offset points", fontsize=7)

# %% [markdown]
# ## The price
#
# What does each method have to be told, and what does it carry along?

# %%
print(f"{'':12} {'boundaries':>10} {'task ids':>8} {'numbers kept':>12} {'forgetting, adapted':>20}")
for name, found in runs.items():
    strategy = {
        "EWC": continual.ElasticWeightConsolidation(),
        "replay": continual.TaskReplay(),
        "growing": continual.DynamicallyExpandable(),
    }.get(name, continual.FineTuning())
    kept = sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(found.final_state.memory, eqx.is_inexact_array)))
    lost = metrics.forgetting(found.at_block_ends(found.values["adapted"]))
    row = (strategy.needs_boundaries, strategy.needs_task_ids, kept, float(jnp.mean(lost)))
    print(f"{name:12} {row[0]!s:>10} {row[1]!s:>8} {row[2]:12} {row[3]:20.4f}")

# %% [markdown]
# Fast gates are told nothing. Growing paths have to know where blocks begin, and keep a snapshot; replay keeps the
# tasks themselves, which the numbers of its memory do not show. `ntadyn arena` prints this table for all methods that
# ship, with hyper-parameters from a grid.
#
# ## A strategy of your own
#
# How much of forgetting is only drift? Let us pull the weights back to the *mean* of where earlier blocks ended, with
# one strength for all of them: EWC without Fisher information. A strategy says what is remembered (`begin`, `at_end`)
# and what is added to the loss (`added`); everything else has a default.


# %%
class PullToTheMean(continual.AbstractStrategy):
    """mu/2 |W - mean of W at earlier block ends|^2."""

    strength: jax.Array
    needs_boundaries = True

    def begin(self, problem, network):
        return network, (jnp.zeros_like(network.weights), jnp.zeros(()))

    def added(self, problem, network, memory, batch):
        total, number = memory
        pull = 0.5 * self.strength * jnp.sum((network.weights - total / jnp.maximum(number, 1)) ** 2)
        return jnp.where(number > 0, pull, 0.0)

    def at_end(self, problem, network, memory, batch):
        total, number = memory
        return network, (total + network.weights, number + 1)


own = continual.ContinualFlow(
    continual.TeacherProblem(tasks), PullToTheMean(jnp.asarray(1.0)), {"gates": 1e9, "weights": 1.3}
)
found = ntadyn.simulate(own, curriculum, own.initial_state(one_path), observables={"losses": readings.behavioural})
at_the_end = {name: runs[name].values["behavioural"] for name in ("fine-tuning", "EWC", "replay")}
at_the_end["pull to the mean"] = found.values["losses"]
for name, losses in at_the_end.items():
    print(f"{name:17} mean loss on both tasks at the end {float(losses[-1].mean()):.3f}")

# %% [markdown]
# It settles near the mean of both tasks, as EWC does, and for the same reason: all that protection can do for a single
# map is to choose its place between the tasks.
#
# **Try:** give `PullToTheMean` three paths and the gates of `switching` (it needs no closed form in `ContinualFlow`,
# but the gate penalty has kinks: pass `method=ntadyn.FixedSteps(max_step=0.002)`). Does protection help or harm a
# network that can switch?

# %%
for number in plt.get_fignums():  # all figures of a script; none in a notebook, which has drawn and closed them
    plt.figure(number).savefig(f"who_forgets_and_at_what_price-{number}.png")
