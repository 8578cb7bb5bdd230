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
# # Your own phase diagram
#
# When does a gated network learn to switch, and when does it relearn every task in every block? The answer is a map:
# run the network for many combinations of parameters, many times each, and colour each cell by what became of it. In
# this lesson we
#
# 1. draw the map of block length against the speed of the gates,
# 2. find the border between the regimes, and ask how far it can be trusted,
# 3. ask a question of our own, with an axis and a score that the paper does not have.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do; what is left is mostly compiling:
#
#     NTADYN_FAST=1 python notebooks/your_own_phase_diagram.py

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

from ntadyn.maps.border import border
from ntadyn.maps.summary import summarise
from ntadyn.plotting.border import draw_band, draw_border
from ntadyn.plotting.slices import draw_slices
from ntadyn.plotting.summary_maps import draw_average, draw_error, draw_regimes, mark_separatrix
from ntadyn.specs import presets
from ntadyn.specs.configuration import TeacherKind
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import OUTCOME, Sweep, as_axes, run_sweep, sweep

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
SIZE, SEEDS = (8, 4) if FAST else (24, 10)

# %% [markdown]
# ## A sweep
#
# A `Configuration` holds every parameter of a simulation as a plain value; presets name some. An axis is the dotted
# path of a parameter and the values it takes. A `Sweep` is the plan to run the product of all axes, `num_seeds` times
# with other initial weights, and `run_sweep` does it, as one compiled program. This preset counts time in units of
# $\tau_W$. With `check` a share of the cells is run again to see how far the numbers can be trusted; of that below.

# %%
configuration = presets.figure_5_published()
axes = {
    "curriculum.block_duration": tuple(np.linspace(0.1, 1.0, SIZE)),
    "time_constants.gates": tuple(np.linspace(0.005, 0.05, SIZE)),
}
plan = Sweep(replaced(configuration, {"randomness.num_seeds": SEEDS}), as_axes(axes), check=1.0 if FAST else 0.3)
dataset = run_sweep(plan)

print(dict(dataset.sizes))
print(f"{dataset.result.size} trajectories, {int((dataset.result != 0).sum())} of them failed")

# %% [markdown]
# The result is an `xarray.Dataset` with one dimension per axis and one for the repetitions, so that any question about
# it is a line. How well are students aligned with teachers in the end, for the longest blocks?

# %%
print(dataset.alignment.sel(block_duration=1.0, method="nearest").mean("seed").round(2).to_series())

# %% [markdown]
# ## The map
#
# `summarise` says for every cell what its repetitions did: averages, spread, and the share of each regime. A trajectory
# counts as *specialised* if each path is much more like its own teacher than like the other one, and as *forgetful* if
# it makes no difference which path one looks at. The border is where the mean alignment crosses 0.9, and its band is
# where it could as well run, judged by resampling the repetitions.

# %%
summary = summarise(dataset)
edge = border(dataset, level=0.9)

figure, (left, right) = plt.subplots(1, 2, figsize=(8.0, 3.2))
mesh = draw_average(left, summary)
draw_band(left, dataset, edge)
draw_border(left, dataset, edge)
figure.colorbar(mesh, ax=left, label="mean total alignment")
handles = draw_regimes(right, summary)
right.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=7)
draw_border(right, dataset, edge, color="black")

# %% [markdown]
# Fast gates and long blocks: specialised. Slow gates or short blocks: forgetful. In the corridor between the two the
# outcome depends on the initial weights. The slower the gates, the longer the blocks must be, up to a speed below which
# no block is long enough (in a run of seven units of time, into which fewer long blocks fit).
#
# ## How far to trust it
#
# Close to a border a small error can decide. That is what the check is for: its share of the cells was run again with
# all steps halved, and from starts that are moved by one part in a million.

# %%
figure, ax = plt.subplots(figsize=(4.4, 3.2))
mesh = draw_error(ax, summary)
draw_border(ax, dataset, edge)
mark_separatrix(ax, summary)
figure.colorbar(mesh, ax=ax, label="largest change of a gate\nwhen all steps are halved")

print(f"halved steps: median change of a gate {float(dataset.gate_error.median()):.1e}")
print(f"              largest change of a total alignment {float(dataset.alignment_error.max()):.1e}")
print(f"moved start:  largest change of a gate {float(dataset.perturbation.max()):.1e}")

# %% [markdown]
# Rings mark cells on a *separatrix*: a gate of some repetition moved by more than 0.1 when its start was moved by a
# millionth. Where they are, little decides how the paths share the tasks between them: growth from small weights
# amplifies everything, most of all where gates are fast. But the alignments, and with them the map, stay what they are.
#
# (`ntadyn show FILE` prints and draws all this and more for a result file; `ntadyn phase-diagram` writes one, and so
# does `ntadyn.results.storage.write_dataset`.)
#
# ## A question of our own
#
# In the paper the two tasks are orthogonal. What if they are alike? Then less has to be relearned, but there is also
# less to tell the paths apart. Let us vary the cosine between the rows of the teachers, at three speeds of the gates.
#
# Alignment is a poor score for this, since with similar teachers any path is aligned with both. What we want to know is
# what a switch costs: the loss right after the last switch, and what is left of it at the end of the block. A score is
# a function of what was recorded, which is everything in `observables.STANDARD` at both ends of every block; the
# first line of its docstring becomes the name of the variable.


# %%
def switch_loss(record):
    """Loss right after the last switch."""
    last_block = record.real & (record.blocks == record.blocks[-1])
    loss = record.values["loss"]
    # Within a block the loss can only fall.
    return jnp.max(jnp.where(last_block, loss, jnp.zeros_like(loss)))


similar = replaced(configuration, {"teachers.kind": TeacherKind.ROW_OVERLAPPING})
own_axes = {
    "time_constants.gates": (0.0025, 0.02, 0.08),
    "teachers.overlap": tuple(np.linspace(0.0, 0.9, 4 if FAST else 19)),
}
# `sweep` is the short form, for a plan without further choices.
own = sweep(similar, own_axes, seeds=SEEDS, measures=OUTCOME.and_also(scores={"switch_loss": switch_loss}))

# %%
figure, panels = plt.subplots(1, 3, figsize=(9.5, 2.8))
labels = {"contrast": "contrast", "switch_loss": "loss after a switch", "loss": "loss at the end"}
for ax, (score, label) in zip(panels, labels.items(), strict=True):
    draw_slices(ax, own, "overlap", places=range(3), score=score)
    ax.set(xlabel="cosine between teachers", ylabel=label, ylim=(-0.002, None))
panels[0].legend(title=r"$\tau_c/\tau_W$")

# %% [markdown]
# Lines are medians, bands the middle half, dots the repetitions. The loss after a switch falls as the tasks become
# alike, as expected. But look at what is left of it at the end of the block. Networks with fast gates solve both tasks
# when these are very different, and come close when they are nearly the same; in between they do *not*: the tasks are
# too alike for the gates to tell the paths apart, and too different for one path to do for both. Forgetful networks
# know no such thing: for them, more alike is always better.
#
# **Try:** any other parameter is an axis as well, also whole numbers and names (`network.num_paths`, `dynamics`), and a
# tuple of paths zips several along one axis. Does a third path help with half-alike tasks? For long sweeps pass
# `folder=...`: what is finished is kept, and a run that was stopped goes on from there.

# %%
for number in plt.get_fignums():  # all figures of a script; none in a notebook, which has drawn and closed them
    plt.figure(number).savefig(f"your_own_phase_diagram-{number}.png")
