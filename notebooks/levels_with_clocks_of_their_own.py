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
# # Levels with clocks of their own
#
# A learner is made of *levels*: parameters, each with something to descend, a rule, and a clock. Gates and weights are
# two of them. In this lesson we
#
# 1. look at which levels our learners have, how often they move and how fast, which are two things;
# 2. put gates of contexts above gates of paths, and see who takes the tasks and who the contexts;
# 3. measure what a context finds when it returns;
# 4. build three levels of our own, and see what several clocks cannot buy.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/levels_with_clocks_of_their_own.py

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

from ntadyn.continual import TeacherProblem
from ntadyn.nested import PATH_GATES, Flow, Level, LevelFlow, level_table, levels_of
from ntadyn.nested.continuum import SumOfLevels, flowing_continuum
from ntadyn.simulation import FixedSteps, simulate
from ntadyn.specs import building
from ntadyn.specs.ensemble import run_ensemble
from ntadyn.specs.hierarchy_presets import contexts
from ntadyn.specs.paths import replaced
from ntadyn.tasks import Scale, curricula, teachers

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
BLOCKS = 32 if FAST else 64

# %% [markdown]
# ## How often, and how fast
#
# The preset `contexts` is a network with two gates of contexts, each above two paths. Everything in it flows, that is,
# moves all the time; ranks go by rates. `ntadyn levels NAME` prints the same for any preset.

# %%
spec = contexts()
system, state = spec.build(building.first(building.keys_of(0, [(0, 0, 0)])))
print("\n".join(level_table(levels_of(system, state))))

# %% [markdown]
# ## Who takes the tasks?
#
# Four tasks come in blocks of length one, and their two contexts in blocks of four blocks: A B A B, C D C D, and so on.
# Nobody says which context is in force. We run the same stream with gates of contexts that are slower than those of
# paths, a little faster, and much faster.

# %%
# Records are dense after the start of a block, where the loss falls at once.
INSIDE = np.geomspace(1e-4, 1.0, 60)[:-1]
TIMES = (np.arange(BLOCKS)[:, None] + INSIDE[None]).ravel()
CLOCKS = {"slower": (4.0, 0.03), "a little faster": (0.6, 0.07), "much faster": (0.2, 0.03)}


def run(of_contexts, of_gates, resumes=False, branches=(2, 2)):
    """Losses, gates, and how well contexts have paths of their own, over records."""
    changes = {
        "clocks.contexts_to_gates": of_contexts,
        "clocks.gates_to_weights": of_gates,
        "stream.resumes": resumes,
        "network.branches": branches,
        "stream.num_blocks": BLOCKS,
        "max_step": 0.003,
    }
    trajectory, curriculum = run_ensemble(replaced(spec, changes), times=TIMES)
    values = {name: np.asarray(value)[0] for name, value in trajectory.values.items()}
    return np.asarray(trajectory.times), values, curriculum


runs = {name: run(*clocks) for name, clocks in CLOCKS.items()}
own = {name: float(np.max(values["context_similarity"][-1], axis=0).mean()) for name, (_, values, _) in runs.items()}
for name, value in own.items():
    print(f"gates of contexts {name} than those of paths: contexts have paths of their own to {value:.2f}")

figure, axes = plt.subplots(1, 3, figsize=(10, 2.6), sharey=True)
for ax, (name, (times, values, _)) in zip(axes, runs.items(), strict=True):
    late = times >= BLOCKS - 8
    ax.plot(times[late], values["contexts"][late], color="black", linewidth=1.5)
    ax.plot(times[late], values[PATH_GATES][late], linewidth=0.9)
    ax.set(title=f"contexts {name}", xlabel="time")
axes[0].set_ylabel("gates (black: contexts)")
figure.savefig("levels_with_clocks_of_their_own-1.png")

# %% [markdown]
# With slower gates of contexts, each of them closes for four blocks and belongs to one context (1.00). With much faster
# ones it switches with every task, and each has one task of either context (0.50): the faster level takes what switches
# often. The border lies where both are equally fast.
#
# ## What a context finds on its return
#
# We let a context go on with the task that it was left with, or with the next one, and compare the area under the loss
# in the first block of a visit, in the later half of the run; for the hierarchy, and for a flat network of four paths.


# %%
def first_blocks(branches, resumes):
    """Mean area under the loss in the first block of a visit."""
    times, values, curriculum = run(*CLOCKS["a little faster"], resumes=resumes, branches=branches)
    shape = (curriculum.num_blocks, -1)
    area = np.trapezoid(values["loss"].reshape(shape), times.reshape(shape), axis=1)
    return area[BLOCKS // 2 :: 4].mean()


saved = {
    name: 1 - first_blocks(branches, True) / first_blocks(branches, False)
    for name, branches in (("hierarchy", (2, 2)), ("flat network", (4,)))
}
for name, value in saved.items():
    print(f"{name}: {value:.2f} of the cost is saved where a context resumes its last task")

# %% [markdown]
# The gate of a context, a little faster than those of its paths, closes before they have moved: they stay as they were,
# and more than half of the cost is saved on the return. A flat network has no place where it could remember this. There
# is a price: with every other task, two levels have to move where the flat network moves one.
#
# ## Levels of our own
#
# Any part of a network can be a level. Here two maps add up, a fast one and a slow one, and both descend the same loss.

# %%
tasks = teachers.matched_rows_orthogonal(jax.random.key(0), 2, 4, 8, Scale.UNIT)
problem = TeacherProblem(tasks=tasks)
stream = curricula.alternating(2, 8, 1.0)


def loss_along(taus):
    """The loss of a sum of maps, one for each time constant."""
    learner = LevelFlow(problem=problem, levels=flowing_continuum(taus))
    zero = SumOfLevels(tuple(jnp.zeros((4, 8)) for _ in taus), jnp.ones(len(taus)))
    found = simulate(
        learner,
        stream,
        learner.initial_state(zero),
        method=FixedSteps(max_step=0.01),
        observables={"loss": lambda system, state, task: system.loss(state, task)},
        records_per_block=20,
    )
    return found.times, found.values["loss"]


times, two = loss_along((0.1, 2.0))
_, one = loss_along((1 / (1 / 0.1 + 1 / 2.0),))
print(f"largest difference of two clocks from one: {float(jnp.max(jnp.abs(two - one))):.1e}")

figure, ax = plt.subplots(figsize=(5, 2.6))
ax.plot(times, two, linewidth=3, color="0.8", label="two maps, time constants 0.1 and 2")
ax.plot(times, one, linewidth=1, label="one map, at the sum of their rates")
ax.set(xlabel="time", ylabel="loss")
ax.legend()
figure.savefig("levels_with_clocks_of_their_own-2.png")

# %% [markdown]
# They are one map: where blocks add up and see the same gradient, no number of clocks buys anything. What breaks the
# law is something that tells blocks apart, such as gates on a clock of their own. That takes one level more:

# %%
gates = Level("gates", lambda network: network.gates, Flow(0.03))
learner = LevelFlow(problem=problem, levels=(*flowing_continuum((0.1, 2.0)), gates))
start = SumOfLevels.initialise(jax.random.key(1), 2, (4, 8))
print("\n".join(level_table(levels_of(learner, learner.initial_state(start)))))
