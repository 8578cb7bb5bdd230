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
# # Noise and irregular blocks
#
# The article shows tasks in blocks of equal length, on white inputs and large batches. Life is less tidy. Here we
#
# 1. let tasks switch at random times, and find networks specialising that would not in regular blocks of the same mean;
# 2. ask which blocks did it;
# 3. learn from single samples, and find a number that says whether that matters;
# 4. give inputs a spectrum, and see alignment miss what the network can do.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/noise_and_irregular_blocks.py

# %%
import os

import ntadyn

ntadyn.compile_whole_loops()  # before the first array is made

import jax
import matplotlib.pyplot as plt

jax.config.update("jax_enable_x64", True)

from ntadyn.specs.configuration import Dynamics
from ntadyn.specs.extent import batch_noise
from ntadyn.specs.irregular_presets import irregular_gamma
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps import sweep

FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
SEEDS = 4 if FAST else 24
plt.style.use("ntadyn.plotting.ntadyn")

# %% [markdown]
# ## 1. Irregular blocks
#
# A preset `irregular-gamma` draws the lengths of blocks from a gamma distribution: a mean, and a coefficient of
# variation. Every repetition has a sequence of its own. Sequences are data, so that all cells below share one program.

# %%
lengths = irregular_gamma()
axes = {"sequence.mean": (0.1, 0.2, 0.4), "sequence.cv": (0.0, 0.5, 1.0)}
irregular = sweep(replaced(lengths, {"randomness.num_seeds": SEEDS}), axes)
aligned = (irregular.last_alignment > 0.9).mean("seed")

figure, ax = plt.subplots(figsize=(4.2, 3.0), layout="constrained")
for mean in aligned.sequence_mean.values:
    ax.plot(aligned.sequence_cv, aligned.sel(sequence_mean=mean), "o-", label=f"mean length {mean:g}")
ax.set(xlabel="coefficient of variation of block lengths", ylabel="share specialised", ylim=(-0.05, 1.05))
ax.legend()
figure.savefig("noise_and_irregular_blocks-1.png")
regular_share, irregular_share = (float(aligned.sel(sequence_mean=0.2, sequence_cv=cv)) for cv in (0.0, 1.0))
print(f"blocks of .2: {regular_share:.0%} specialise if they are regular, {irregular_share:.0%} at a variation of 1")

# %% [markdown]
# The mean length of a block is not what decides. Any study of task switching that reports only the mean has left out
# the number that matters here.
#
# ## 2. What did it?
#
# An obvious guess: a few long blocks suffice, and short ones do not undo what they did. The first half is right, and it
# is not all: `python -m experiments run irregular` cuts the long blocks, pairs them, and puts them into regular runs.
# Networks also specialise where no block is long, as long as one task has more than its share for a while. What a
# regular stream lacks is imbalance.
#
# ## 3. Single samples
#
# Batches enter learning by one number, $\kappa = (h / \tau_W)(d_{in} + 1) / B$. Below 0.02 they are as good as the
# population. At the published step even batches of one are there.

# %%
online = replaced(
    figure_5_published(),
    {
        "dynamics": Dynamics.ONLINE,
        "curriculum.block_duration": 0.4,
        "time_constants.gates": 0.02,
        "max_step": 0.005,
        "randomness.num_seeds": SEEDS,
    },
)
for step in (1e-3, 5e-3):
    kappa = batch_noise(replaced(online, {"max_step": step, "batch_size": 1}))
    print(f"steps of {step:g}, batches of one: kappa = {kappa:.3f}")
noisy = sweep(online, {"batch_size": (1, 200)})
for size in noisy.batch_size.values:
    at = noisy.sel(batch_size=size)
    print(f"batches of {size}: kappa {float(at.kappa):.2g}, alignment {float(at.alignment.mean()):.3f}")

# %% [markdown]
# What noise does change, even where it costs nothing on average, is *who* takes which task: the mirror image is as good
# a solution, and a start near the middle can be pushed to either side. Compare distributions over seeds, never one run
# on batches with one run of the population.
#
# ## 4. Inputs with a spectrum
#
# Natural inputs are not white. Give the $i$-th input the variance $i^{-\alpha}$, at the same power. The flow still
# closes on overlaps, now one set for every distinct variance, exactly:

# %%
coloured = replaced(figure_5_published(), {"inputs.exponent": 1.0, "time_constants.gates": 0.01})
seen = sweep(
    replaced(coloured, {"randomness.num_seeds": SEEDS, "randomness.vary_teachers": True}),
    {"inputs.exponent": (0.0, 1.0, 2.0)},
)
plain, through = seen.alignment.mean("seed").values, seen.seen_alignment.mean("seed").values
ratio = (seen.other_loss / seen.loss).mean("seed").values

figure, ax = plt.subplots(figsize=(4.2, 3.0), layout="constrained")
ax.plot(seen.inputs_exponent, plain, "o-", label="alignment")
ax.plot(seen.inputs_exponent, through, "s--", label="alignment through the inputs")
ax.set(xlabel="exponent of the spectrum", ylabel="alignment", ylim=(0.5, 1.02))
ax.legend()
figure.savefig("noise_and_irregular_blocks-2.png")
print("loss on the other task over loss:", ratio.round(0))

# %% [markdown]
# At an exponent of 2 the plain alignment says that the network is a half-hearted generalist. It is not: its loss on the
# task in force is tens of times smaller than that on the other one, and its gates are shut and open. Directions with
# next to no variance were never learned, and alignment counts them all the same. Score what inputs can see.
#
# ## Your turn
#
# - `ntadyn sweep --preset irregular-hazard --axis sequence.rate=log:0.01:0.2:8 --seeds 24` gives adaptation times.
# - A spectrum of your own data: `ntadyn.tasks.inputs.from_data(x)`, which any of the systems takes as
#   `input_covariance`.
# - The limit of many inputs as a flow: `--axis batch_noise=0.01,0.1,1` on any preset of order parameters.
