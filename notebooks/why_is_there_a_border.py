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
# # Why is there a border?
#
# Two paths learn two tasks in turn. With fast gates each path takes a task for itself; with slow gates both forget. On
# a map of many such networks there is a border between the two. What is it made of?
#
# The first guess is stability: on one side some state attracts, on the other side it does not. That guess is wrong. In
# this lesson we find out why, and what is right: it is a matter of time.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do:
#
#     NTADYN_FAST=1 python notebooks/why_is_there_a_border.py

# %%
import os

import ntadyn

ntadyn.compile_whole_loops()  # before the first array is made

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

from ntadyn import stability
from ntadyn.regularizers import Nonnegativity, UnitL1Norm
from ntadyn.simulation import FixedSteps, observables
from ntadyn.solvers import LorentzBoost
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.specs.teacher_plane import cell_of, spread_of
from ntadyn.sweeps import sweep
from ntadyn.tasks import from_matrices
from ntadyn.tasks.curricula import alternating

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
SEEDS, CELLS = (10, 8) if FAST else (40, 16)
BLOCK = 0.5  # length of a block, in units of tau_W

# %% [markdown]
# ## 1. What is seen
#
# We take one row of the map of figure 5: blocks of 0.5, and gates from fast to slow. Every cell has many networks,
# which differ in their small initial weights. They learn for seven units of time. A network counts as specialised if
# its alignment with the teachers is more than 0.9.

# %%
configuration = replaced(figure_5_published(), {"curriculum.block_duration": BLOCK, "randomness.num_seeds": SEEDS})
gates = np.geomspace(0.01, 0.05, CELLS)


def specialised_share(training_time):
    """The share of networks that are specialised at the end, in every cell of the row."""
    longer = replaced(configuration, {"curriculum.total_time": training_time})
    seen = sweep(longer, {"time_constants.gates": tuple(gates.tolist())})
    return (seen.alignment > 0.9).mean("seed").values


simulated = {7.0: specialised_share(7.0)}
print("gate time constants:", gates.round(4))
print("share specialised:  ", simulated[7.0])

# %% [markdown]
# All of the fast ones, none of the slow ones, and a border at a gate time constant of about 0.02.
#
# ## 2. It is not stability
#
# The state to leave is the one in which both paths do the same, $c_1 = c_2$ and $W^1 = W^2$: it learns and forgets with
# the blocks. Is it stable for slow gates? Look at it once per block. A small difference between the paths is multiplied
# by a matrix, and its eigenvalues, the *multipliers*, tell whether it grows. They are $\mu$, $1/\mu$ and $-1$: if one
# direction shrinks, another one grows by just as much. Such a state attracts in no cell of the map.

# %%
cell = cell_of(configuration)  # the numbers of the theory: block, time constants, penalties, size of teachers
row = dataclasses.replace(cell, gates=gates)
orbit = stability.unspecialised_orbit(row)
mu, inverse, flip = orbit.antisymmetric.T
blocks_per_e = 1 / np.log(mu)  # in how many blocks the difference grows by a factor of e
for tau, factor, blocks in zip(gates, mu, blocks_per_e, strict=True):
    print(f"tau_c = {tau:.4f}: mu = {factor:.6f}, a factor of e in {blocks:.0f} blocks")

# %% [markdown]
# So the state of equal paths is unstable on both sides of the border. And $\mu$ is so close to one that a difference
# needs thousands of blocks to grow by a factor of e, whereas the networks above had 14. Neither the border nor the
# growth can come from here.
#
# ## 3. The first blocks
#
# What grows, then? Take the difference of the paths, $D = W^1 - W^2$ and $\delta = c_1 - c_2$. With the error $E$ of
# the task in force, and while both gates are positive,
#
# $$\tau_W \dot D = \delta E, \qquad \tau_c \dot \delta = \langle D, E \rangle .$$
#
# Physicists know this pair: so do space and time change for somebody who accelerates along $E$. Learning is a Lorentz
# boost, and like every boost it keeps the square of an interval,
#
# $$Q = |D|^2 - \frac{\tau_c}{\tau_W} \delta^2 .$$
#
# Boosts multiply. At first, when nothing is learnt, the error is large in every block, and it has a part that both
# tasks share. Boosts along it add up from block to block. Once the paths together know what the tasks have in common,
# that part is gone: one block then undoes what the other has done, and growth is over.
#
# `growth` makes the product of boosts, block by block: by how much $\delta / (c_1 + c_2)$ exceeds the initial $|D|$ at
# most. Beside it we simulate two networks with a difference of $10^{-9}$, one along each teacher; the root of the sum
# of squares of their $\delta / (c_1 + c_2)$, over $10^{-9}$, is the same number, measured.

# %%
GATES = 0.015
here = dataclasses.replace(cell, gates=GATES)
tasks = from_matrices(cell.teacher_norm * jnp.eye(2)[:, None, :])  # two teachers, and the plane that they span
penalty = {"gates": UnitL1Norm(jnp.asarray(cell.unit_l1)) + Nonnegativity(jnp.asarray(cell.nonnegative))}
flow = ntadyn.GradientFlow(tasks, {"gates": GATES, "weights": cell.weights}, penalty)
recorded = {"gates": observables.gates, "students": observables.student_overlaps}
BLOCKS, RECORDS = 40, 48
curriculum = alternating(2, BLOCKS, jnp.asarray(BLOCK))


@eqx.filter_jit
@jax.vmap
def run(difference):
    """A network that starts with W^1 - W^2 = difference, and no more."""
    weights = 0.5 * jnp.stack([difference, -difference])
    start = ntadyn.GatedLinear(jnp.full(2, 0.5), weights[:, None, :])
    method = FixedSteps(LorentzBoost(), BLOCK / 240)  # keeps Q to rounding, over any number of blocks
    return ntadyn.simulate(flow, curriculum, start, method=method, observables=recorded, records_per_block=RECORDS)


TINY = 1e-9
spread = spread_of(configuration)
starts = jnp.array([[TINY, 0.0], [0.0, TINY], [spread, -spread]])
runs = run(starts)
times, c = np.asarray(runs.times[0]), np.asarray(runs.values["gates"])
gain = np.linalg.norm((c[:2, :, 0] - c[:2, :, 1]) / c[:2].sum(-1), axis=0) / TINY
peaks = stability.growth(here, BLOCKS)
measured = np.array([gain[(times > k * BLOCK) & (times <= (k + 1) * BLOCK + 1e-9)].max() for k in range(BLOCKS)])

figure, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
ax.semilogy(times, np.maximum(gain, 1e-1), color="0.6", lw=1, label="simulation")
ax.semilogy(BLOCK * (np.arange(BLOCKS) + 1), peaks, "o", ms=3, label="product of boosts")
for sigma, style in ((spread, "--"), (spread / 10, ":")):
    ax.axhline(1 / sigma, color="black", ls=style, lw=1, label=f"enough, if $|D|$ is {sigma:.0e} at first")
ax.set(xlabel="time", ylabel="difference of gates / initial $|D|$", ylim=(1, 1e7))
ax.legend(fontsize=7, loc="upper left")
figure.savefig("why_is_there_a_border-1.png")
print(f"largest deviation of the simulation from the product of boosts: {np.max(np.abs(measured / peaks - 1)):.1%}")
print(f"growth in blocks 1, 10, 20, 40: {peaks[[0, 9, 19, 39]].round()}")

# %% [markdown]
# Read on a scale of logarithms, nine tenths of the growth is done after ten blocks. What two blocks gain in the end is
# next to nothing.
#
# ## 4. Contact
#
# Something new happens only when a gate reaches zero, that is, when $\delta$ is as large as $c_1 + c_2$. Everything
# before is linear, so the initial weights have to be large enough, by one over the growth. They are random, with a
# standard deviation $\sigma_0$; hence contact has a probability, and it needs no training to compute it.

# %%
until = np.linspace(0.5, 14.0, 28)
at_once = dataclasses.replace(cell, gates=np.full(until.size, GATES))  # the same cell, asked at many times
contact = {sigma: stability.contact_probability(at_once, until, sigma) for sigma in (spread, spread / 10)}

figure, ax = plt.subplots(figsize=(4.6, 2.8), layout="constrained")
for (sigma, probability), style in zip(contact.items(), ("o-", "s--"), strict=True):
    ax.plot(until, probability, style, ms=3, label=f"$\\sigma_0$ = {sigma:.0e}")
ax.set(xlabel="time", ylabel="probability of contact", ylim=(-0.03, 1.03))
ax.legend()
figure.savefig("why_is_there_a_border-2.png")
print("probability of contact by times 2, 4, 7 and 14:")
for sigma, probability in contact.items():
    print(f"  sigma_0 = {sigma:.0e}:", np.interp([2, 4, 7, 14], until, probability).round(3))

# %% [markdown]
# Ten times smaller weights do not take ten times as long. Growth is a product, so what counts is the logarithm of
# $\sigma_0$. And since growth comes to an end, networks that have not met zero by then hardly ever will.
#
# ## 5. After contact: a staircase
#
# A shut gate breaks the symmetry of the boost: it is held at zero while its partner moves on. This changes $Q$, and it
# can only raise it. Theory knows which orbits touch zero: a band of values of $Q$, from a low end to a high one. A
# network that enters it climbs, a step in every block with contact, and stays where contact ends. That is the
# *specialised orbit*, and the distance of its paths is known, too.
#
# The third network of our simulation started with a difference of the usual size. Its first contact takes it nearly to
# the band, and the next ones into it:

# %%
kappa2 = here.gates / here.weights
students = np.asarray(runs.values["students"][2]).reshape(-1, 2, 2)
squared = students[:, 0, 0] + students[:, 1, 1] - 2 * students[:, 0, 1]  # |D|^2
q = squared / kappa2 - (c[2, :, 0] - c[2, :, 1]) ** 2
contact_band, arrived = stability.contact_band(here), stability.specialised_distance(here)
largest_fall = float(np.max(-np.diff(q)))

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), layout="constrained")
left.semilogy(times, q, color="C0")
left.axhspan(contact_band.low, contact_band.high, color="0.9", label="contact band")
left.set(xlabel="time", ylabel=r"$Q\,\tau_W/\tau_c$", ylim=(1e-5, 200))
left.legend(loc="lower right")
right.plot(times, np.sqrt(squared), color="C0")
right.axhline(arrived, color="black", ls="--", lw=1, label="specialised orbit")
right.set(xlabel="time", ylabel="distance of the paths", ylim=(0, None))
right.legend(loc="lower right")
figure.savefig("why_is_there_a_border-3.png")
print(f"contact band: {contact_band.low:.3f} to {contact_band.high:.2f}; Q ends at {q[-1]:.2f}")
print(f"distance at the end: {math.sqrt(squared[-1]):.4f}; in the specialised orbit: {arrived:.4f}")

# %% [markdown]
# ## 6. The border
#
# A network is specialised at the end of training if it has met zero early enough to climb. The time to climb is here a
# fit to simulations, good within a factor of about two; the rest is computed. The border is where the probability is
# one half. Now we ask for it after 7, 14 and 70 units of time.

# %%
TIMES = (7.0, 14.0, 70.0)
fine = dataclasses.replace(cell, gates=np.geomspace(0.012, 0.08, 11 if FAST else 25))
shares = {total: stability.specialised_probability(fine, total, spread) for total in TIMES}
borders = {
    total: float(stability.predicted_border(cell, total, spread, between=(0.012, 0.08)))
    for total in (TIMES[:2] if FAST else TIMES)
}
if FAST:  # the last of them read from the row, which is less exact and much cheaper
    borders[70.0] = float(np.interp(-0.5, -shares[70.0], fine.gates))
simulated[14.0] = specialised_share(14.0)
fold = stability.band_fold(cell)

figure, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
for color, (total, style, marker) in enumerate(zip(TIMES, ("-", "--", ":"), "os^", strict=True)):
    ax.semilogx(fine.gates, shares[total], style, color=f"C{color}", label=f"predicted, T = {total:g}")
    if total in simulated:
        ax.plot(gates, simulated[total], marker, color=f"C{color}", ms=4, label=f"simulated, T = {total:g}")
ax.axvline(fold.gates, color="black", ls="-.", lw=1, label="the band closes")
ax.set(xlabel="gate time constant", ylabel="share specialised", ylim=(-0.03, 1.03))
ticks = (0.01, 0.02, 0.04, 0.08)
ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
ax.set_xticks([], minor=True)
ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
figure.savefig("why_is_there_a_border-4.png")
measured_borders = {total: float(np.interp(-0.5, -share, gates)) for total, share in simulated.items()}
for total, at in borders.items():
    seen = f"; simulated {measured_borders[total]:.4f}" if total in measured_borders else ""
    print(f"T = {total:g}: predicted border {at:.4f}{seen}")

# %% [markdown]
# Train for twice as long, and the border moves: networks that were forgetful at 7 are specialised at 14. They were not
# in another phase. They were late. From 14 to 70 it moves less, although that is much longer, because growth is over by
# then: who has not met zero in the first blocks has missed the time when it was easy.
#
# ## 7. What does not move
#
# One line stays where it is. With ever slower gates the two ends of the contact band approach each other and meet in a
# *fold*. Beyond it no orbit touches zero, there is nothing to climb and no specialised orbit to arrive at, however long
# one trains.

# %%
print(f"the band closes at tau_c = {fold.gates:.4f}, where both its ends are {fold.q:.2f}")
for share in (0.9, 0.99, 1.01):
    band = stability.contact_band(dataclasses.replace(cell, gates=share * fold.gates))
    print(f"gates at {share:g} of that: {band.low:.2f} to {band.high:.2f}")

# %% [markdown]
# And is it for good? The specialised orbit attracts from one side only: contact brings $Q$ up to it, and nothing brings
# $Q$ down. What makes the paths unequal in turn grows, slowly, and after thousands of blocks networks leave the
# orbit again. So even the specialised state is a matter of time. How this was found, and in how many networks, is told
# in `experiments/stability/half_stable/verdict.md` and its neighbour `long_runs`.
#
# ## Your turn
#
# - `ntadyn stability orbits --preset figure-2-flexible` prints the multipliers and the contact band of another network.
# - `ntadyn phase-diagram --preset small --predict` draws the predicted border over both maps of figure 5.
# - Make the blocks longer (`BLOCK = 1.0`). Which of the borders moves, and does the fold?
