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
# # Your own network and learning rule
#
# Everything in ntadyn that simulates, sweeps and records talks to a learning rule through one small interface,
# `AbstractSystem`, and the capabilities that a system may have. Whatever implements it takes part. In this lesson we
# add two things of our own, on the same stream of tasks as the gated linear network of the paper:
#
# 1. a **learning rule**: the gate of a path decides how much that path learns, but not in proportion;
# 2. a **network**: gates that are bounded by construction, by a softmax, and need no penalty.
#
# We write each down, check that it keeps the promises of the interface, and compare: who learns to switch?
#
# To open this as a notebook: `pip install ".[notebooks]"`, then `jupyter lab notebooks`, and in its list of files "Open
# With > Notebook". Run as a script, it writes its figures into the working folder. With `NTADYN_FAST=1` it does less of
# the same, as the tests do; what is left is mostly compiling:
#
#     NTADYN_FAST=1 python notebooks/your_own_network_and_learning_rule.py

# %%
import os

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

jax.config.update("jax_enable_x64", True)

import ntadyn
from ntadyn import metrics
from ntadyn.interface import AbstractFlow, AbstractGatedLinear, Overlaps
from ntadyn.regularizers import AbstractPenalty, from_relative_weights
from ntadyn.simulation import FixedSteps
from ntadyn.tasks import TaskSet, curricula, teachers
from ntadyn.testing import check_system

plt.style.use("ntadyn.plotting.ntadyn")
FAST = os.environ.get("NTADYN_FAST") == "1"  # less of everything, for a test run
D_OUT, D_IN = 10, 20

# %% [markdown]
# ## A learning rule
#
# Gradient descent changes path $p$ along $c_p D$, where $D = W^* - \sum_p c_p W^p$ is what the network still gets
# wrong. The gate appears because a path that is not heard is not to blame. In a brain that is not obvious: the gate may
# scale the output of a path and leave its plasticity alone, or act on plasticity more sharply than on the output. So
# let us keep the gates as they are and take, with an exponent $n$,
#
# $$\tau_W \dot W^p = \lvert c_p \rvert^n D .$$
#
# $n = 1$ is gradient descent for gates that are not negative, which gives us a check for free. With $n = 0$ all paths
# learn alike, whoever is heard.
#
# A system is an `equinox.Module`. Ours has two capabilities: it moves by a `vector_field` (`AbstractFlow`), and it is a
# gated linear network with teachers (`AbstractGatedLinear`), so that gates and overlaps can be recorded. Its state is
# any pytree of arrays, here the network itself. `task` is a vector of weights over the teachers, one-hot in a block.


# %%
class GatedPlasticity(AbstractGatedLinear, AbstractFlow):
    """tau_W dW^p/dt = |c_p|^n D, and gates that descend the energy as in `GradientFlow`."""

    tasks: TaskSet
    time_constants: dict[str, jax.Array]
    penalties: dict[str, AbstractPenalty]
    exponent: jax.Array

    @property
    def flow(self):
        """The gradient flow of the same network, from which we take all that we do not change."""
        return ntadyn.GradientFlow(self.tasks, self.time_constants, self.penalties)

    def initial_state(self, network):
        return self.flow.initial_state(network)

    def vector_field(self, t, state, task):
        wrong = jnp.tensordot(task, self.tasks.teachers, axes=1) - state.total_map()
        plasticity = jnp.abs(state.gates) ** self.exponent
        rate = jnp.einsum("p,oi->poi", plasticity, wrong) / self.time_constants["weights"]
        return eqx.tree_at(lambda network: network.weights, self.flow.vector_field(t, state, task), rate)

    def loss(self, state, task):
        return self.flow.loss(state, task)

    def energy(self, state, task):
        return self.flow.energy(state, task)

    def gates(self, state):
        return self.flow.gates(state)

    def overlaps(self, state):
        return self.flow.overlaps(state)


# %% [markdown]
# ## What a system promises
#
# The interface is more than a list of names: a field shaped like the state, numbers that are the same under `jit` and
# `vmap`, and so on. `ntadyn.testing.check_system` holds any system to it, and says what to mend. Two more promises
# belong to white inputs and to rules that descend an energy: we check them ourselves.

# %%
tasks = teachers.orthogonal(jax.random.key(0), num_tasks=2, d_out=D_OUT, d_in=D_IN)
taus = {"gates": jnp.asarray(0.03), "weights": jnp.asarray(1.3)}
penalties = from_relative_weights(0.1, nonnegative=1, unit_l1=10)
network = ntadyn.GatedLinear.initialise(jax.random.key(1), shape=(2, D_OUT, D_IN))


@eqx.filter_jit
def promises(system, state, task):
    """Field, loss, the loss as it follows from gates and overlaps, and the rate of the energy along the field."""
    field = system.vector_field(0.0, state, task)
    gates, overlaps = system.gates(state), system.overlaps(state)
    students, cross, between = (jnp.sum(x, axis=0) for x in (overlaps.students, overlaps.cross, overlaps.teachers))
    from_overlaps = 0.5 * (gates @ students @ gates + task @ between @ task) - gates @ cross @ task
    energy_rate = jax.jvp(lambda moving: system.energy(moving, task), (state,), (field,))[1]
    return field, system.loss(state, task), from_overlaps, energy_rate


def check(system, network):
    """Raise AssertionError if one of the promises is broken."""
    field, loss, from_overlaps, energy_rate = promises(system, system.initial_state(network), jnp.asarray([0.3, 0.7]))
    assert abs(float(loss - from_overlaps)) < 1e-12, "the loss is not the one of these gates and overlaps"
    assert float(energy_rate) <= 0, "the energy rises; fine for some rules, but know it"
    kept = check_system(system, network)
    print(f"{type(system).__name__} keeps {len(kept) + 2} promises")


check(GatedPlasticity(tasks, taus, penalties, jnp.asarray(3.0)), network)

# %% [markdown]
# ## Run it
#
# `simulate` takes the new system as it takes any other. It knows no special solver for it: equal steps of any Diffrax
# solver will do. (The penalty has a kink at zero, where solvers that choose their own steps get lost; ntadyn refuses
# them there.) The exponent is an array, so all exponents run as one batch.

# %%
curriculum = curricula.alternating(2, num_blocks=20, duration=1.0)
method = FixedSteps(diffrax.Heun(), max_step=0.004 if FAST else 0.002)
exponents = jnp.asarray([0.0, 0.5, 1.0, 2.0, 4.0])


@eqx.filter_jit
def measures(run):
    """Loss, gates and similarities; and per block, how long it took to bring the loss below 0.1, at most the block."""
    reached = metrics.time_to_threshold(run.times, run.values["loss"], run.blocks, curriculum.num_blocks, 0.1)
    return {**run.values, "adaptation": jnp.minimum(reached.time, 1.0)}


@eqx.filter_jit
def run_exponents(exponents):
    """One run per exponent, from the same network."""

    def one(exponent):
        system = GatedPlasticity(tasks, taus, penalties, exponent)
        return measures(ntadyn.simulate(system, curriculum, network, method=method, records_per_block=24))

    return jax.vmap(one)(exponents)


rules = run_exponents(exponents)

# %% [markdown]
# With $n = 1$ this is the gradient flow, except in the moments in which a step overshoots zero, where $|c|$ and $c$
# differ. Let us see, and also ask what the common solver costs: for the gradient flow with this penalty ntadyn has one
# of its own, which is exact at the kink and is taken when none is named.

# %%
flow = ntadyn.GradientFlow(tasks, taus, penalties)
reference = ntadyn.simulate(flow, curriculum, network, method=method, records_per_block=24)
precise = ntadyn.simulate(flow, curriculum, network, records_per_block=24)
distance = float(jnp.abs(rules["gates"][2] - reference.values["gates"]).max())
solver_error = float(jnp.abs(reference.values["gates"] - precise.values["gates"]).max())
print(f"largest difference of any gate between n = 1 and the gradient flow: {distance:.1e}")
print(f"largest error of any gate by the common solver: {solver_error:.1e}")

# %% [markdown]
# The first steps decide which path takes which task, so errors made there grow for a while. That is good enough for a
# comparison of rules that differ as much as these do, but not for a phase diagram.

# %%
blocks = np.arange(curriculum.num_blocks) + 1
colors = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(exponents)))


@jax.jit
def total_alignment(similarity):
    """Mean similarity of the teachers with the paths that are assigned to them, over time."""
    assigned = metrics.optimal_assignment(similarity[-1])
    return jax.vmap(lambda one: metrics.total_alignment(one, assigned))(similarity)


figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.7))
for index, (exponent, color) in enumerate(zip(exponents, colors, strict=True)):
    left.plot(blocks, rules["adaptation"][index], ".-", color=color)
    right.plot(reference.times, total_alignment(rules["similarity"][index]), color=color, label=f"{float(exponent):g}")
left.set(xlabel="block", ylabel="time to loss 0.1", ylim=(0, 1.05), xticks=[1, 5, 10, 15, 20])
right.set(xlabel="time", ylabel="total alignment", ylim=(0, 1.05))
right.legend(title="exponent $n$")

# %% [markdown]
# Without gated plasticity ($n = 0$) nothing is ever gained: both paths learn the same, no gate can be better than
# another, and the network relearns in every block. But *some* gating is enough, and it need not be the gradient: with
# $n = 1/2$ specialisation is only slower. Sharper gating protects what a shut path knows, and specialises in fewer
# blocks, at a price early on, when both gates are half open and hence hardly anything is learned.
#
# ## A network
#
# Now the other half. The penalty that keeps gates nonnegative and near norm one looks like a detail. Why not build it
# in: gates $c = \mathrm{softmax}(z)$, with $z$ in the place of the gates? They compete, they sum to one, they never
# become negative, and the field is smooth.
#
# A network of our own is a module with parameters. The system descends the loss in them, by automatic differentiation.


# %%
class SoftmaxGated(eqx.Module):
    """y = sum_p softmax(z)_p W^p x."""

    logits: jax.Array
    weights: jax.Array

    @property
    def gates(self):
        return jax.nn.softmax(self.logits)

    def total_map(self):
        return jnp.einsum("p,poi->oi", self.gates, self.weights)


class SoftmaxFlow(AbstractGatedLinear, AbstractFlow):
    """Gradient flow in logits and weights."""

    tasks: TaskSet
    time_constants: dict[str, jax.Array]
    penalties: dict[str, AbstractPenalty]

    def initial_state(self, network):
        """Any gated network can be the start: its gates become logits."""
        return SoftmaxGated(jnp.log(network.gates), network.weights)

    def vector_field(self, t, state, task):
        gradient = jax.grad(self.energy)(state, task)
        tau = self.time_constants
        return SoftmaxGated(-gradient.logits / tau["gates"], -gradient.weights / tau["weights"])

    def loss(self, state, task):
        return 0.5 * jnp.sum((state.total_map() - jnp.tensordot(task, self.tasks.teachers, axes=1)) ** 2)

    def energy(self, state, task):
        return self.loss(state, task)  # no penalty

    def gates(self, state):
        return state.gates

    def overlaps(self, state):
        weights, targets = state.weights, self.tasks.teachers
        return Overlaps(
            students=jnp.einsum("poi,qoi->opq", weights, weights),
            cross=jnp.einsum("poi,moi->opm", weights, targets),
            teachers=jnp.einsum("moi,noi->omn", targets, targets),
        )


check(SoftmaxFlow(tasks, taus, {}), network)

# %% [markdown]
# A softmax moves its gates more slowly, by a factor of the gates themselves. To give it a fair chance we also run it
# with logits three and ten times faster.

# %%
speeds = jnp.asarray([1.0, 3.0, 10.0])


@eqx.filter_jit
def run_speeds(speeds):
    """One run per speed of the logits, from the same network."""

    def one(speed):
        system = SoftmaxFlow(tasks, {"gates": taus["gates"] / speed, "weights": taus["weights"]}, {})
        start = system.initial_state(network)
        return measures(ntadyn.simulate(system, curriculum, start, method=method, records_per_block=24))

    return jax.vmap(one)(speeds)


softmax = run_speeds(speeds)

# %%
figure, axes = plt.subplots(1, 3, figsize=(9.0, 2.7))
axes[0].plot(blocks, measures(reference)["adaptation"], ".-", color="black", label="penalty")
for index, speed in enumerate(speeds):
    color = plt.get_cmap("plasma")(0.15 + 0.3 * index)
    axes[0].plot(blocks, softmax["adaptation"][index], ".-", color=color, label=f"softmax, {float(speed):g}x")
axes[0].set(xlabel="block", ylabel="time to loss 0.1", ylim=(0, 1.05), xticks=[1, 5, 10, 15, 20])
axes[0].legend(fontsize=7, loc=(0.42, 0.13))
for ax, gates, name in (
    (axes[1], reference.values["gates"], "penalty"),
    (axes[2], softmax["gates"][-1], "softmax, 10x"),
):
    ax.plot(reference.times, gates)
    ax.set(xlabel="time", ylabel="gate", ylim=(-0.05, 1.15), title=name)

# %% [markdown]
# The softmax network does not learn to switch, however fast its logits are. Slow ones never leave the middle, so both
# paths learn everything. Fast ones saturate: one path wins, and since the gradient of a logit is proportional to its
# gate, the loser has no force left that could bring it back. With a penalty a shut gate feels the full force of the
# error and opens within a moment.
#
# So it is not enough that gates are fast, compete and are bounded. They must be able to shut *and* to come back.
#
# **Try:** let the logits leak, by an energy $\tfrac{k}{2} \lVert z \rVert^2$ in `energy`: a leak keeps them from
# saturating. Is there a $k$ with which the softmax network switches? To look for it in a map instead of by hand, put
# another `jax.vmap` over $k$ around the one over time constants.

# %%
for number in plt.get_fignums():  # all figures of a script; none in a notebook, which has drawn and closed them
    plt.figure(number).savefig(f"your_own_network_and_learning_rule-{number}.png")
