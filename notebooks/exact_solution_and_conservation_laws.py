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
# # The exact solution and the conservation laws
#
# A gated linear network learns by a nonlinear dynamics, and yet some things about it are known exactly. This lesson
# derives them, checks them against the simulator, and uses them to say *when* a network can specialise.
#
# 1. Along a switch, the specialisation of the weights is a known function of the gates.
# 2. Without a penalty each path conserves a quantity, and so does each pair of paths.
# 3. With the penalty the quantity of the pair still stands still, except while a gate is shut.
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do; what is left is mostly compiling:
#
#     NTADYN_FAST=1 python notebooks/exact_solution_and_conservation_laws.py

# %%
import os

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

import ntadyn
from ntadyn import metrics
from ntadyn.dynamics import exact_weight_difference, toy_flow
from ntadyn.plotting.specialisation import specialisation_curves
from ntadyn.plotting.style import shade_blocks
from ntadyn.regularizers import Nonnegativity, UnitL1Norm, from_relative_weights
from ntadyn.simulation import Adaptive, FixedSteps, observables
from ntadyn.tasks import curricula, teachers

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run

# %% [markdown]
# ## One switch
#
# If all modes of the teachers are equally strong and learned together, the network moves as if it had two outputs and
# one input: path $p$ has a number $w_p^A$ for what it knows of task A and $w_p^B$ for task B. What matters is the
# difference of the gates and the specialisation of the paths,
#
# $$\bar c = c_1 - c_2, \qquad \bar w = \tfrac12 \left[ (w_1^A - w_2^A) + (w_2^B - w_1^B) \right] .$$
#
# Both are driven by the same error, $\tau_c \dot{\bar c} = \bar w D$ and $\tau_W \dot{\bar w} = \tfrac12 \bar c D$.
# Divide one by the other, and time and error drop out:
#
# $$\tau_W\, \bar w\, \mathrm d \bar w = \tfrac12 \tau_c\, \bar c\, \mathrm d \bar c
#   \qquad \Rightarrow \qquad
#   \bar w(\bar c) = \sqrt{\bar w_0^2 + \frac{\tau_c}{2 \tau_W} \left( \bar c^2 - \bar c_0^2 \right)} .$$
#
# So let a network be perfectly specialised, with path 2 open, and let task A begin, for which path 1 is the right one.
# The gates have to travel from $\bar c = -1$ to $1$. On the way the weights are pulled towards the wrong task, and the
# formula says how much specialisation that costs: the slower the gates, the more.

# %%
ratios = np.logspace(-1, 0, 3 if FAST else 5)  # tau_c / tau_W
specialised = ntadyn.GatedLinear(gates=jnp.asarray([0.0, 1.0]), weights=jnp.eye(2)[:, :, None])
one_block = curricula.sequence([0], 5.0, num_tasks=2)
penalty = {"gates": Nonnegativity(0.05) + UnitL1Norm(0.05)}


def switch(max_step):
    """Gates and weights along one switch, for every ratio of time constants."""

    def one(ratio):
        toy = toy_flow({"gates": ratio, "weights": 1.0}, penalty)
        run = ntadyn.simulate(
            toy,
            one_block,
            specialised,
            method=FixedSteps(max_step=max_step),
            observables={"state": observables.full_state},
            records_per_block=99,
            times=[k / 100 for k in range(50) if k % 5],  # more of them at first, when fast gates cross
        )
        return run.values["state"]

    return jax.vmap(one)(jnp.asarray(ratios))


step = 0.01
state = switch(step)
gates, weights = np.asarray(state.gates), np.asarray(state.weights)[..., 0]  # weights: ratio, record, path, task
cbar = gates[..., 0] - gates[..., 1]
wbar_a = weights[..., 0, 0] - weights[..., 1, 0]
wbar_b = weights[..., 1, 1] - weights[..., 0, 1]
wbar = 0.5 * (wbar_a + wbar_b)
exact = np.asarray(exact_weight_difference(cbar, ratios[:, None]))

figure, ax = plt.subplots(figsize=(5.0, 3.4))
lines = specialisation_curves(ax, cbar, wbar, exact, ratios)

# %% [markdown]
# Coloured lines are simulated and start at the left, dashed ones are the formula. With gates ten times faster than the
# weights the switch is nearly free; with equal time constants 30 % of the specialisation is lost half way.
#
# ## How exact is exact?
#
# The derivation took both tasks for symmetric, which the run is not quite. There is a form that needs no such
# assumption, with the root mean square of the two differences in place of their mean. If it is exact, all that is left
# is the error of the solver, which is of second order: four times smaller with steps half as long.

# %%
rms = np.sqrt(0.5 * (wbar_a**2 + wbar_b**2))
finer = switch(step / 2)
finer_weights, finer_cbar = np.asarray(finer.weights)[..., 0], np.asarray(finer.gates[..., 0] - finer.gates[..., 1])
finer_rms = np.linalg.norm(finer_weights[..., 0, :] - finer_weights[..., 1, :], axis=-1) / np.sqrt(2)
finer_exact = np.asarray(exact_weight_difference(finer_cbar, ratios[:, None]))

mean_distance = np.abs(wbar - exact).max()
rms_distance = np.abs(rms - exact).max()
finer_distance = np.abs(finer_rms - finer_exact).max()
print(f"mean:             {mean_distance:.1e}")
print(f"root mean square: {rms_distance:.1e}")
print(f"  steps halved:   {finer_distance:.1e}, smaller by {rms_distance / finer_distance:.1f}")

# %% [markdown]
# ## Where it comes from
#
# With the error $D = \sum_p c_p W^p - W^*$ of the whole map, the gradients of the loss are
#
# $$\frac{\partial \mathcal L}{\partial c_p} = \langle D, W^p \rangle, \qquad
#   \frac{\partial \mathcal L}{\partial W^p} = c_p D .$$
#
# The same matrix $D$ appears in both. Multiply the first by $c_p$, take the product of the second with $W^p$: they are
# equal. So without a penalty, for any teachers, any inputs and any curriculum,
#
# $$\frac{\mathrm d}{\mathrm dt} \left( \tau_c c_p^2 - \tau_W \lVert W^p \rVert^2 \right) = 0
#   \qquad \text{for every path, and} \qquad
#   \frac{\mathrm d}{\mathrm dt} \left( \tau_W \lVert W^1 - W^2 \rVert^2 - \tau_c (c_1 - c_2)^2 \right) = 0 .$$
#
# The second one is the exact solution in disguise: $\lVert W^1 - W^2 \rVert$ is the specialisation. Let us look at
# the first, with teachers that have nothing special about them. Everything is smooth here, so an adaptive solver with a
# tight tolerance may be used.

# %%
tau_c, tau_w = 0.3, 1.3
shape = (2, 10, 20)
random_tasks = teachers.iid(jax.random.key(0), 2, *shape[1:])
network = ntadyn.GatedLinear.initialise(jax.random.key(1), shape=shape, scale=0.5)
free = ntadyn.GradientFlow(random_tasks, {"gates": tau_c, "weights": tau_w})
curriculum = curricula.alternating(2, num_blocks=4, duration=2.0)
run = ntadyn.simulate(free, curriculum, network, method=Adaptive(), records_per_block=19)

of_gates = tau_c * run.values["gates"] ** 2
of_weights = tau_w * jnp.diagonal(run.values["student_overlaps"], axis1=1, axis2=2)
invariants = np.asarray(of_gates - of_weights)
drift = np.abs(invariants - invariants[0])

figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.6))
for path in range(2):
    left.plot(run.times, of_gates[:, path], color=f"C{path}", label=rf"$\tau_c c_{path + 1}^2$")
    left.plot(run.times, of_weights[:, path], "--", color=f"C{path}", label=rf"$\tau_W \Vert W^{path + 1}\Vert^2$")
    right.semilogy(run.times[1:], drift[1:, path], color=f"C{path}", label=f"path {path + 1}")
for ax in (left, right):
    shade_blocks(ax, np.asarray(curriculum.edges), np.asarray(curriculum.tasks))
    ax.set_xlabel("time")
left.legend(fontsize=7)
right.set(ylabel="drift of the difference", ylim=(1e-11, 1e-6))
right.legend()
print(f"largest drift: {drift.max():.1e}, while the parts move by {float(jnp.ptp(of_gates)):.2f}")

# %% [markdown]
# Gates and weights move up and down together and the difference stays put. This is bad news for such a network: a path
# cannot become strong and its gate weak, and the two paths cannot grow apart any further than their gates do. When the
# gates come back, so do the weights. It has to be forgetful.
#
# ## What the penalty does
#
# A penalty on $|c_1| + |c_2|$ pulls at both gates alike while both are positive, and drops out of the law of the pair.
# So
#
# $$Q = \tau_W \lVert W^1 - W^2 \rVert^2 - \tau_c (c_1 - c_2)^2$$
#
# stands still as before... until a gate reaches zero and is held there. Then the balance is broken, and $Q$ can grow.
# Here is the flexible network of the first lesson.

# %%
tasks = teachers.orthogonal(jax.random.key(0), num_tasks=2, d_out=10, d_in=20)
taus = {"gates": 0.03, "weights": 1.3}
flexible = ntadyn.OrderParameters(tasks, taus, from_relative_weights(0.1, nonnegative=1, unit_l1=10))
start = flexible.initial_state(ntadyn.GatedLinear.initialise(jax.random.key(1), shape=(2, 10, 20)))
blocks = curricula.alternating(2, num_blocks=12 if FAST else 20, duration=1.0)


def invariant(system, state, task):
    """Q, recorded along the run like any other observable."""
    students = observables.student_overlaps(system, state, task)
    return metrics.difference_invariant(system.gates(state), students, taus["gates"], taus["weights"])


recorded = {"gates": observables.gates, "Q": invariant}
run = ntadyn.simulate(flexible, blocks, start, observables=recorded, records_per_block=99)
times, open_gates, q = (np.asarray(values) for values in (run.times, run.values["gates"], run.values["Q"]))
share = metrics.growth_while_sliding(run.times, run.values["Q"], run.values["gates"])

# %%
shut = np.any(open_gates <= 0, axis=1)
figure, axes = plt.subplots(2, 1, figsize=(6.5, 4.2), sharex=True)
axes[0].plot(times, open_gates, label=["path 1", "path 2"])
axes[0].set(ylabel="gate")
axes[0].legend()
axes[1].plot(times, q, color="0.6", label="both gates open")
axes[1].plot(times, np.where(shut, q, np.nan), color="C5", linewidth=2.5, label="a gate is shut")
axes[1].set(ylabel="$Q$", xlabel="time")
axes[1].legend()
for ax in axes:
    shade_blocks(ax, np.asarray(blocks.edges), np.asarray(blocks.tasks))

print(f"a gate is shut for {100 * float(share.time_share):.0f} % of the time,")
print(f"and {100 * float(share.growth_share):.2f} % of the growth of Q falls into that time")

# %% [markdown]
# The grey stretches are flat: while both gates are open nothing is won that is not given back. All lasting
# specialisation is acquired while a gate is held shut by the penalty. That is why fast gates, long blocks and a strong
# penalty go together: each of them makes sure that a gate gets to zero before the block ends.
#
# **Try:** take the L1 norm out of the penalty (`unit_l1=None`): no gate is ever pushed to zero, and $Q$ stays where it
# is. Or put `unit_l2=10` in its place, which does not pull at both gates alike: then $Q$ drifts with both of them open.

# %%
for number in plt.get_fignums():  # all figures of a script; none in a notebook, which has drawn and closed them
    plt.figure(number).savefig(f"exact_solution_and_conservation_laws-{number}.png")
