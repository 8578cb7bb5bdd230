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
# # Digits under two names
#
# Networks with hidden units, real images, and two tasks that contradict each other: the same digits, named in two ways.
# In this lesson we
#
# 1. look at the tasks;
# 2. train paths of rectified units end to end, with gates on a clock of their own, and see who switches;
# 3. replace the gates by a softmax, see it collapse, and cure it;
# 4. say how to bring images and networks of your own.
#
# To open this as a notebook: `pip install ".[notebooks,images]"`, then `jupyter lab notebooks`, and in its list of
# files "Open With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it
# does less of the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/digits_under_two_names.py

# %%
import os

import ntadyn

ntadyn.compile_whole_loops()  # before the first array is made

import jax
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

from ntadyn.specs.nonlinear_presets import digits_flexible, digits_forgetful, nonlinear_softmax
from ntadyn.specs.paths import replaced
from ntadyn.tasks import digits, images

FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
SEEDS = 1 if FAST else 4
plt.style.use("ntadyn.plotting.ntadyn")

# %% [markdown]
# ## 1. The tasks
#
# Scikit-learn brings 1797 digits of 8 x 8 pixels along. Task A calls them by their names. Task B gives 0 to 4 to the
# even ones and 5 to 9 to the odd ones. Only 0 and 9 keep their names: whoever answers by the wrong task is right in
# about a fifth of all cases, which is where accuracy stands right after a switch.

# %%
tasks = digits.relabelled({"own labels": images.IDENTITY, "even first": images.PARITY})
shared = images.fixed_classes(images.PARITY)
print("names that stay:", shared)

figure, axes = plt.subplots(1, 10, figsize=(7.0, 1.1), layout="constrained")
for digit, ax in enumerate(axes):
    place = int(np.argmax(np.asarray(tasks.held_out.targets[0]) == digit))
    ax.imshow(np.asarray(tasks.held_out.inputs[0][place]).reshape(8, 8), cmap="gray_r")
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"{digit} / {images.PARITY[digit]}", fontsize=8)
figure.savefig("digits_under_two_names-1.png")

# %% [markdown]
# ## 2. Two clocks
#
# Two paths $y = \sum_p c_p V^p \mathrm{relu}(U^p x)$, trained by cross-entropy on batches. The flexible network's gates
# learn twenty times as fast as its weights and are held to a norm of one; the forgetful network's are as slow as its
# weights, and free.

# %%
blocks = {"curriculum.num_blocks": 4 if FAST else 8}
runs = {
    "flexible": ntadyn.run(replaced(digits_flexible(), blocks), seeds=SEEDS, records_per_block=39),
    "forgetful": ntadyn.run(replaced(digits_forgetful(), blocks), seeds=SEEDS, records_per_block=39),
}


def in_force(run):
    """Accuracy on the task in force, over (seed, record)."""
    return np.take_along_axis(run.accuracy.values, run.task.values[None, :, None], axis=2)[..., 0]


figure, (above, below) = plt.subplots(2, 1, figsize=(6.0, 4.2), sharex=True, layout="constrained")
for name, run in runs.items():
    above.plot(run.time, in_force(run).mean(0), label=name)
for path, line in enumerate(("-", "--")):
    below.plot(
        runs["flexible"].time, runs["flexible"].gates.values[0, :, path], line, color="C0", label=f"path {path + 1}"
    )
above.set(ylabel="accuracy", ylim=(0, 1), title="held-out digits, task in force")
below.set(xlabel="steps", ylabel="gate", title="gates of one flexible network")
above.legend()
below.legend()
figure.savefig("digits_under_two_names-2.png")

first = runs["flexible"].block.values == runs["flexible"].block.values.max()
soon = np.flatnonzero(first)[2]  # 40 steps after the last switch
back = {name: float(in_force(run)[:, soon].mean()) for name, run in runs.items()}
print("accuracy 40 steps after the last switch:", {name: round(value, 2) for name, value in back.items()})

# %% [markdown]
# The weights hold both tasks, and the gates choose. Do not conclude that fast gates always pay: where weights learn ten
# times as fast, the forgetful network is back as soon (`python -m experiments run switches` maps where).
#
# ## 3. Softmax gates collapse
#
# A mixture of experts gates by a softmax. Early on one path gets ahead, its gate grows to one, and the other one gets
# no gradient any more: the same path serves both tasks. A temperature is no cure. From equal gates it is the same as
# another learning rate. What does help is a floor under the entropy of the gates.

# %%
short = {"curriculum.num_blocks": 4 if FAST else 10}
collapsed = ntadyn.run(replaced(nonlinear_softmax(), short), seeds=SEEDS, records_per_block=9)
floor = short | {"gating.entropy_floor": 0.2, "gating.floor_strength": 1.0}
cured = ntadyn.run(replaced(nonlinear_softmax(), floor), seeds=SEEDS, records_per_block=9)


def swings(run):
    """How far the first path's gate is apart at the ends of the last two blocks, averaged over seeds."""
    ends = [np.flatnonzero(run.block.values == block)[-1] for block in run.block.values.max() - np.arange(2)]
    return float(np.abs(np.diff(run.gates.values[:, ends, 0], axis=1)).mean())


print(f"a gate moves by {swings(collapsed):.2f} at a switch without a floor, by {swings(cured):.2f} with one")

# %% [markdown]
# ## 4. Your turn
#
# - MNIST or Fashion-MNIST: `ntadyn.tasks.idx.folder("path")` reads a folder in IDX form, and `python -m experiments run
#   figure_7 --images path` draws the article's figure on it. Nothing is downloaded.
# - Paths of your own: `ntadyn.networks.GatedNetwork.of(...)` gates any Equinox modules, convolutions for example
#   (`ntadyn sweep --preset digits-convolutional`).
# - A sweep over both clocks: `ntadyn sweep --preset digits-flexible --axis learning_rates.gates=log:0.005:0.2:6`.
