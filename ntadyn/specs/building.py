"""What is simulated, built from plain values: systems, curricula, initial states, methods."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ntadyn.dynamics import DeepOrderParameters, GradientFlow, OnlineSGD, OrderParameters, Rows, Wishart
from ntadyn.interface import AbstractGatedLinear
from ntadyn.networks import AbstractGatedNetwork, DeepLinear, GatedLinear, NeuronGatedLinear
from ntadyn.networks.network import check_sizes, gaussian_gates
from ntadyn.regularizers import from_coefficients, from_relative_weights
from ntadyn.regularizers.penalty import AbstractPenalty
from ntadyn.simulation.defaults import default_step
from ntadyn.simulation.fixed_steps import FixedSteps
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.method_choice import method_for
from ntadyn.simulation.whole_steps import GradientDescent
from ntadyn.specs import configuration as config
from ntadyn.specs.extent import DEFAULT_ONLINE_STEP
from ntadyn.tasks import AbstractCurriculum, InputCovariance, Scale, TaskSet, composites, curricula, inputs, teachers
from ntadyn.tasks.named import named


class Keys(eqx.Module):
    """Random keys of one repetition, or batched over repetitions.

    Attributes:
        teachers: the key of the teachers.
        initial: the key of the initial state.
        data: the key of the batches.
    """

    teachers: Key[Array, "*repetition"]
    initial: Key[Array, "*repetition"]
    data: Key[Array, "*repetition"]


def keys(randomness: config.Randomness) -> Keys:
    """The keys of all repetitions, derived from the one recorded seed; leading axis = repetition.

    The first repetitions stay the same when more are asked for.

    Raises:
        ValueError: if there is no repetition, or the seed is negative or does not fit into 32 bits.
    """
    if randomness.num_seeds < 1:
        raise ValueError(f"num_seeds is {randomness.num_seeds}; at least one repetition is needed.")
    repetitions = range(randomness.num_seeds)
    return keys_of(randomness, [(k if randomness.vary_teachers else 0, k, k) for k in repetitions])


def keys_of(seeds: int | config.Randomness, repetitions: Sequence[tuple[int, int, int]]) -> Keys:
    """The keys of repetitions, each given by the teachers, the initial state and the data stream that it uses.

    Args:
        seeds: the one recorded seed, or a `Randomness` with that seed and perhaps one per stream.
        repetitions: (teachers, initial state, data) of every repetition, counted from 0.

    Returns:
        Keys with a leading axis over repetitions; equal numbers give equal keys.

    Raises:
        ValueError: if a seed is negative or does not fit into 32 bits.
    """
    given = config.Randomness(seed=seeds) if isinstance(seeds, int) else seeds
    own = (given.teachers_seed, given.initial_seed, given.data_seed)
    chosen = [given.seed if seed is None else seed for seed in own]
    for seed in chosen:
        # Larger seeds would mean something else, or nothing, when JAX runs in 32 bits.
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed is {seed}; it must be between 0 and {2**32 - 1}.")
    rows = np.asarray(repetitions).T
    numbers = tuple(int(max(row)) + 1 for row in rows)
    # By name: the generator that JAX is set to does not make a compiled function another one.
    generator = jax.config.values["jax_default_prng_impl"]
    return _keys_of(np.asarray(chosen, np.uint32), rows, numbers, generator)


@functools.partial(jax.jit, static_argnames=("numbers", "generator"))  # one program, where each operation would be one
def _keys_of(seeds: Array | np.ndarray, rows: Array | np.ndarray, numbers: tuple[int, ...], generator: str) -> Keys:
    """Every stream has a key of its own, of which that of a repetition is one of as many as are asked for."""
    roots = (jax.random.split(jax.random.key(seeds[stream], impl=generator), 3)[stream] for stream in range(3))
    return Keys(*(jax.random.split(root, n)[row] for root, n, row in zip(roots, numbers, rows, strict=True)))


def build_tasks(spec: config.Teachers, key: PRNGKeyArray) -> TaskSet:
    """The teachers, drawn from a key.

    Raises:
        ValueError: for sizes that cannot hold them.
    """
    scale = Scale[spec.scale.name]
    sizes = (spec.num_tasks, spec.d_out, spec.d_in)
    kind = config.TeacherKind
    if spec.kind is kind.SVD:
        left, right = jax.random.split(key)
        tasks = teachers.svd(left, right, *sizes, scale=scale)
    elif spec.kind is kind.OVERLAPPING:
        tasks = teachers.overlapping(key, *sizes, spec.overlap, scale)
    elif spec.kind is kind.ROW_OVERLAPPING:
        tasks = teachers.row_overlapping(key, *sizes, spec.overlap, scale)
    elif spec.kind is kind.AXIS_ALIGNED:
        tasks = teachers.axis_aligned(*sizes, scale)
    else:
        drawn = {
            kind.ORTHOGONAL: teachers.orthogonal,
            kind.MATCHED_ROWS_ORTHOGONAL: teachers.matched_rows_orthogonal,
            kind.IID: teachers.iid,
        }
        tasks = drawn[spec.kind](key, *sizes, scale)
    if spec.composites is config.Composites.SUM:
        return composites.with_sum_composites(tasks, spec.mixing)
    if spec.composites is config.Composites.INTERLEAVED:
        return composites.with_interleaved_composites(tasks)
    return tasks


def build_inputs(spec: config.Inputs, tasks: TaskSet) -> InputCovariance | None:
    """The covariance of the inputs, along the axes; None for white ones.

    Raises:
        ValueError: for variances that are negative or all zero, or of another number than inputs.
    """
    if spec.white:
        return None
    dtype = tasks.teachers.dtype
    if spec.variances is None:
        return inputs.power_law(tasks.d_in, spec.exponent, dtype)
    return inputs.along_axes(np.asarray(spec.variances, dtype))


def build_curriculum(spec: config.Curriculum, tasks: TaskSet) -> AbstractCurriculum:
    """The curriculum, cut at the total time if there is one.

    Raises:
        ValueError: for an unknown name, tasks that do not exist, or lengths that are not positive and finite.
    """
    total_time = spec.total_time
    if not (0 < spec.block_duration < math.inf and (total_time is None or 0 < total_time < math.inf)):
        raise ValueError(
            f"block duration {spec.block_duration} and total time {total_time} must both be positive and finite."
        )
    if total_time is not None:
        num_blocks = curricula.num_blocks_until(total_time, spec.block_duration)
    else:
        num_blocks = len(spec.tasks or ()) if spec.num_blocks is None else int(spec.num_blocks)
    if spec.tasks is None:
        name = spec.name or config.DEFAULT_CURRICULUM
        whole = named(name, num_blocks, tasks.num_base, tasks.num_composites, spec.block_duration)
    else:
        whole = curricula.sequence(np.resize(spec.tasks, num_blocks), spec.block_duration, tasks.num_tasks)
    return whole if total_time is None else curricula.until(whole, total_time)


_SAMPLERS = {config.Sampler.ROWS: Rows(), config.Sampler.WISHART: Wishart()}


def build(configuration: config.Configuration, key: Keys) -> tuple[AbstractGatedLinear, PyTree]:
    """System and initial state of one repetition; the real numbers of the configuration and the key may be traced.

    Raises:
        ValueError: for any part that cannot be built.
    """
    tasks = build_tasks(configuration.teachers, key.teachers)
    taus = {"gates": configuration.time_constants.gates, "weights": configuration.time_constants.weights}
    penalties = build_penalties(configuration)
    gating, covariance = configuration.network.gating, build_inputs(configuration.inputs, tasks)
    network = build_network(configuration.network, tasks, key.initial)
    if configuration.dynamics is config.Dynamics.ORDER_PARAMETERS:
        if gating is config.Gating.LAYER:
            system: AbstractGatedLinear = DeepOrderParameters(tasks, taus, penalties)
        else:
            by_row, noise = gating is config.Gating.NEURON, configuration.batch_noise
            noise = None if isinstance(noise, int | float) and noise == 0 else noise
            system = OrderParameters(tasks, taus, penalties, by_row, covariance, noise)
    else:
        flow = GradientFlow(tasks, taus, penalties, covariance)
        if configuration.dynamics is config.Dynamics.ONLINE:
            size, sampler = int(configuration.batch_size), _SAMPLERS[configuration.sampler]
            # The type checker takes the abstract fields of the interface for arguments.
            system = OnlineSGD(flow, key.data, size, sampler=sampler)  # pyright: ignore[reportCallIssue]
        else:
            system = flow
    return system, system.initial_state(network)


def build_penalties(configuration: config.Configuration) -> dict[str, AbstractPenalty]:
    """The penalties by parameter group, from the coefficients if any are given, else from the relative weights.

    Raises:
        ValueError: for coefficients or weights that are negative or not finite.
    """
    if configuration.coefficients.listed:
        return from_coefficients(configuration.coefficients.listed)
    return relative_penalties(configuration.penalties)


def relative_penalties(given: config.RelativePenalties) -> dict[str, AbstractPenalty]:
    """The penalties by parameter group; none if no term is listed.

    Raises:
        ValueError: for weights that are negative or not finite.
    """
    return from_relative_weights(given.strength, **given.listed) if given.listed else {}


def build_network(spec: config.Network, tasks: TaskSet, key: PRNGKeyArray) -> AbstractGatedNetwork:
    """The student in its initial state.

    Raises:
        ValueError: for sizes that are not positive, or values that are not finite.
    """
    kinds = {
        config.Gating.PATH: GatedLinear,
        config.Gating.NEURON: NeuronGatedLinear,
        config.Gating.LAYER: DeepLinear,
    }
    dtype, of_gates = tasks.teachers.dtype, gate_shape(spec, tasks.d_out)
    shape = (of_gates[0], tasks.d_out, tasks.d_in)
    check_sizes(shape)
    gates = gaussian_gates(key, of_gates, tasks.d_in, (spec.initial_gate, spec.initial_gate_scale), dtype)
    return kinds[spec.gating].initialise(key, shape, spec.initial_scale, gates, dtype)


def gate_shape(spec: config.Network, d_out: int) -> tuple[int, ...]:
    """The shape of the gates: (paths,), (paths, d_out), or (hidden units, d_out)."""
    return {
        config.Gating.PATH: (spec.num_paths,),
        config.Gating.NEURON: (spec.num_paths, d_out),
        config.Gating.LAYER: (spec.num_paths * d_out, d_out),
    }[spec.gating]


def build_method(configuration: config.Configuration, system: AbstractGatedLinear, state: PyTree) -> AbstractMethod:
    """The method that fits the system.

    Args:
        configuration: its `max_step` is the largest step, or None.
        system: the system of one repetition, with known numbers.
        state: its initial state.

    Returns:
        The method; the step of a `FixedSteps` is always a number.
    """
    step: Any = configuration.max_step
    if configuration.dynamics is config.Dynamics.ONLINE and step is None:
        step = DEFAULT_ONLINE_STEP
    method = method_for(system, state, step)
    if isinstance(method, FixedSteps) and method.max_step is None:
        return FixedSteps(method.solver, default_step(system, state))
    return method


def explicit_euler(max_step: float = 1e-3) -> GradientDescent:
    """The published integrator of the population flow: whole explicit steps of at most `max_step`."""
    return GradientDescent(max_step)


def first(batched: PyTree) -> PyTree:
    """The first repetition of batched keys or results."""
    return jax.tree.map(lambda leaf: leaf[0], batched, is_leaf=lambda leaf: isinstance(leaf, Array))
