"""What a user writes: type-checked and run against the installed wheel, far from the checkout."""

from typing import assert_type

import jax
from jaxtyping import Array

import ntadyn
from ntadyn.specs import presets
from ntadyn.tasks import curricula, teachers

jax.config.update("jax_enable_x64", True)

tasks = teachers.orthogonal(jax.random.key(0), num_tasks=2, d_out=3, d_in=6)
flow = ntadyn.OrderParameters(tasks, {"gates": 0.03, "weights": 1.3})
state = flow.initial_state(ntadyn.GatedLinear.initialise(jax.random.key(1), shape=(2, 3, 6)))
trajectory = ntadyn.simulate(flow, curricula.alternating(2, num_blocks=2, duration=0.5), state)

assert_type(trajectory, ntadyn.Trajectory)
assert_type(tasks.teachers, Array)
assert_type(ntadyn.__version__, str)
assert bool(trajectory.result == ntadyn.RESULTS.successful)
assert presets.figure_2_flexible().time_constants.gates == 0.03
print(f"ntadyn {ntadyn.__version__} runs from its wheel")
