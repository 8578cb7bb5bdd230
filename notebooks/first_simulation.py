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
# # A first simulation
#
# A gated linear network answers an input $x$ with
#
# $$y(x) = \sum_{p=1}^{P} c_p W^p x .$$
#
# Each *path* $p$ has a weight matrix $W^p$ and one *gate* $c_p$ that scales all it says. The network meets two tasks in
# turn, in blocks, and is never told which one is in force: all it has is the error. Gates and weights both descend
# the same energy, but the gates are faster.
#
# In this lesson we build such a network, watch it learn, and see two things happen: each path becomes responsible for
# one task, and the network stops relearning and starts to *switch*.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do; what is left is mostly compiling:
#
#     NTADYN_FAST=1 python notebooks/first_simulation.py

# %%
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)  # double precision is your choice; ntadyn follows

import ntadyn
from ntadyn import metrics
from ntadyn.plotting.style import FLEXIBLE, FORGETFUL, band, shade_blocks
from ntadyn.regularizers import from_relative_weights
from ntadyn.tasks import curricula, teachers

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
D_OUT, D_IN = 10, 20
SEEDS = 3 if FAST else 20

# %% [markdown]
# ## Two tasks, one network
#
# A task is a *teacher* $W^*$: the network should answer $W^* x$. These two teachers have orthogonal rows, so what is
# learned about one is of no use for the other. The network starts small, with both gates half open.

# %%
tasks = teachers.orthogonal(jax.random.key(0), num_tasks=2, d_out=D_OUT, d_in=D_IN)
network = ntadyn.GatedLinear.initialise(jax.random.key(1), shape=(2, D_OUT, D_IN))

print("tasks:", tasks.names)
print("gates at the start:", network.gates)
print("largest weight at the start:", float(jnp.abs(network.weights).max()))

# %% [markdown]
# ## A rule and a clock
#
# `GradientFlow` is the population gradient flow: no batches, no noise, the expectation over inputs is exact,
#
# $$\tau_c \dot c_p = -\frac{\partial \mathcal L}{\partial c_p}, \qquad
#   \tau_W \dot W^p = -\frac{\partial \mathcal L}{\partial W^p}, \qquad
#   \mathcal L = \tfrac12 \mathbb E_x \lVert W^* x - y(x) \rVert^2 + R(c) .$$
#
# $R$ keeps the gates from becoming negative and the sum of their magnitudes near one. Here the gates are about forty
# times faster than the weights. The curriculum is A, B, A, B, ... in blocks of one unit of time.

# %%
penalties = from_relative_weights(0.1, nonnegative=1, unit_l1=10)
flow = ntadyn.GradientFlow(tasks, {"gates": 0.03, "weights": 1.3}, penalties)
curriculum = curricula.alternating(2, num_blocks=20, duration=1.0)

trajectory = ntadyn.simulate(flow, curriculum, flow.initial_state(network), records_per_block=24, estimate_error=True)

# %% [markdown]
# ## How far can this be trusted?
#
# Every trajectory carries a result code, because a run that went wrong should say so instead of returning numbers. And
# since we asked for it, everything was run once more with all steps halved: three times as far as the gates then move
# is what is reported as their error.

# %%
succeeded = bool(trajectory.result == ntadyn.RESULTS.successful)
largest_error = float(trajectory.error["gates"].max())
print("ended well:", succeeded)
print(f"estimated error of the gates: at most {largest_error:.1e}")

# %% [markdown]
# ## What happened
#
# The background shows the task in force. At first every switch throws the loss up and the weights have to climb down
# again. From about the tenth block on, the loss still jumps but falls within a moment: the gates have learned to do it.


# %%
blocks = np.asarray(curriculum.edges), np.asarray(curriculum.tasks)


def draw_run(trajectory):
    """Loss, gates, and the similarity of every path with every teacher: the mean cosine of their rows."""
    values = trajectory.values
    _, axes = plt.subplots(3, 1, figsize=(6.5, 5.5), sharex=True)
    for ax in axes:
        shade_blocks(ax, *blocks)
    axes[0].plot(trajectory.times, values["loss"], color="black")
    axes[0].set(ylabel="loss", ylim=(0, None))
    for path in range(2):
        axes[1].plot(trajectory.times, values["gates"][:, path], label=f"path {path + 1}")
        for task, style in enumerate(("-", "--")):
            cosine = values["similarity"][:, task, path]
            label = f"path {path + 1}, task {tasks.names[task]}"
            axes[2].plot(trajectory.times, cosine, style, color=f"C{path}", label=label)
    axes[1].set(ylabel="gate")
    axes[2].set(ylabel="similarity", xlabel="time")
    for ax in axes[1:]:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


draw_run(trajectory)

# %% [markdown]
# Look at the gates: in the second block one of them touches zero for the first time. A path whose gate is shut has no
# part in the error and hence does not learn, so what it knows about its task is safe. Only while a gate is shut can the
# two paths grow apart for good. (The lesson on conservation laws shows that this is not a manner of speaking but a
# theorem.)
#
# What do the paths look like in the end? `final_state` is the network, and the paths should look like the teachers.

# %%
learned = trajectory.final_state.weights
similarity = trajectory.values["similarity"][-1]  # shape (tasks, paths)
own_path = np.asarray(jnp.argmax(similarity, axis=1))

figure, axes = plt.subplots(2, 2, figsize=(6.5, 3.6))
limit = float(jnp.abs(tasks.teachers).max())
for task, path in enumerate(own_path):
    pair = {f"teacher {tasks.names[task]}": tasks.teachers[task], f"path {path + 1}": learned[path]}
    for ax, (title, matrix) in zip(axes[task], pair.items(), strict=True):
        ax.imshow(matrix, vmin=-limit, vmax=limit, cmap="RdBu_r")
        ax.set_title(title)
        ax.set_axis_off()

print("similarity of every teacher (row) with every path (column):")
print(np.round(similarity, 3))

# %% [markdown]
# ## The same, without the matrices
#
# For inputs with unit covariance the loss depends on the weights through a few numbers only: the overlaps
# $K_{pq} = \langle W^p, W^q \rangle$ between paths and $S_{pm} = \langle W^p, W^{*m} \rangle$ with the teachers. Their
# flow is closed, so it can be simulated by itself. `OrderParameters` does that: it stands behind the same interface,
# takes the same call, and costs the same for 20 inputs and for 20,000.

# %%
reduced = ntadyn.OrderParameters(tasks, {"gates": 0.03, "weights": 1.3}, penalties)
check = ntadyn.simulate(reduced, curriculum, reduced.initial_state(network), records_per_block=24)
difference = float(jnp.abs(check.values["gates"] - trajectory.values["gates"]).max())
print(f"largest difference of any gate from the run with matrices: {difference:.1e}")

# %% [markdown]
# ## Many networks, and a forgetful one
#
# One run is an anecdote. A batch is `jax.vmap` over `simulate`, here over initial weights. For comparison we take the
# penalty away and make the gates as slow as the weights; nothing else changes.

# %%
keys = jax.random.split(jax.random.key(2), SEEDS)
step = 0.004  # inside vmap the step has to be a number that is known beforehand


@eqx.filter_jit
def repeat(system, keys):
    """Loss and gates for one network per key, and how long each block took to bring the loss below 0.1."""

    def one(key):
        start = system.initial_state(ntadyn.GatedLinear.initialise(key, shape=(2, D_OUT, D_IN)))
        run = ntadyn.simulate(
            system,
            curriculum,
            start,
            method=ntadyn.FixedSteps(max_step=step),
            records_per_block=24,
        )
        reached = metrics.time_to_threshold(run.times, run.values["loss"], run.blocks, curriculum.num_blocks, 0.1)
        # A block in which the threshold was never reached counts with its full length.
        return run.values["loss"], run.values["gates"], jnp.minimum(reached.time, 1.0)

    return jax.vmap(one)(keys)


def system(gates, strength):
    # A strength that is an array is data: one compiled program serves all of them.
    penalties = from_relative_weights(jnp.asarray(strength), nonnegative=1, unit_l1=10)
    return ntadyn.OrderParameters(tasks, {"gates": gates, "weights": 1.3}, penalties)


flexible = repeat(system(gates=0.03, strength=0.1), keys)
forgetful = repeat(system(gates=1.3, strength=0.0), keys)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.6))
shade_blocks(left, *blocks)
centres = np.arange(curriculum.num_blocks) + 1
for (loss, _, adaptation), color, name in ((forgetful, FORGETFUL, "forgetful"), (flexible, FLEXIBLE, "flexible")):
    band(left, np.asarray(trajectory.times), np.asarray(loss), color, name)
    band(right, centres, np.asarray(adaptation), color, name)
left.set(xlabel="time", ylabel="loss", ylim=(0, None))
right.set(xlabel="block", ylabel="time to loss 0.1", ylim=(0, 1.02), xticks=[1, 5, 10, 15, 20])
right.legend()

first, last = (float(jnp.median(flexible[2][:, block])) for block in (1, -1))
print(f"flexible networks: median time to loss 0.1 is {first:.2f} in block 2 and {last:.3f} in block 20")

# %% [markdown]
# The forgetful network overwrites its weights in every block, and is no faster at the twentieth switch than at the
# fifth. The flexible one learns *how to switch*: it is more than ten times faster in the end, though nothing told it
# that there are two tasks, or when they change.
#
# **Try:** make the blocks shorter (`duration=0.2`), or the gates slower (`"gates": 0.3`). When does the flexible
# network become forgetful? The lesson `your_own_phase_diagram.py` answers that for many of them at once.

# %%
for number in plt.get_fignums():  # all figures of a script; none in a notebook, which has drawn and closed them
    plt.figure(number).savefig(f"first_simulation-{number}.png")
