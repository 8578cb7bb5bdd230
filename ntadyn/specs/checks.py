"""Whether all of a configuration makes sense, used or not, before anything is built. Nothing here imports JAX."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from ntadyn import limits
from ntadyn.specs.configuration import (
    Composites,
    Configuration,
    Curriculum,
    Dynamics,
    Gating,
    Sampler,
    TeacherKind,
    Teachers,
    TeacherScale,
)
from ntadyn.specs.extent import default_step_for, end_as_given, num_blocks, num_composites, order_of_tasks
from ntadyn.specs.kinds import allows, as_index, described, is_choice, is_number, members
from ntadyn.tasks import sizes

_WHOLE = {
    "teachers.num_tasks": (1, limits.MOST_OF_A_SIZE),
    "teachers.d_in": (1, limits.MOST_OF_A_SIZE),
    "teachers.d_out": (1, limits.MOST_OF_A_SIZE),
    "network.num_paths": (1, limits.MOST_OF_A_SIZE),
    "batch_size": (1, limits.MOST_OF_A_SIZE),
    "curriculum.num_blocks": (1, limits.MOST_BLOCKS),
    "randomness.seed": (0, 2**32 - 1),
    "randomness.teachers_seed": (0, 2**32 - 1),
    "randomness.initial_seed": (0, 2**32 - 1),
    "randomness.data_seed": (0, 2**32 - 1),
    "randomness.num_seeds": (1, limits.MOST_REPETITIONS),
}
_POSITIVE = ("curriculum.block_duration", "curriculum.total_time", "time_constants.gates", "time_constants.weights")
_SHARES = ("teachers.overlap", "teachers.mixing")
_OF_WEIGHTS = ("column_l1", "column_l2", "frobenius")
_OF_COLUMNS = ("column_l1", "column_l2")


def check_configuration(configuration: Configuration) -> None:
    """Refuse what cannot be built, or would be too large.

    Values other than Python's own numbers, for example traced ones, are left to the code that builds with them.

    Args:
        configuration: any configuration, also one made by hand.

    Raises:
        ValueError: for a value of the wrong type or out of range, for sizes beyond `limits`, and for parameters that
            exclude each other; the message names the parameters.
    """
    for path, kind, value in _leaves(configuration):
        _check_value(path, kind, value)
    _check_penalties(configuration)
    _check_sizes(configuration)
    _check_ways(configuration.curriculum)
    _check_inputs(configuration)


def check_parts(configuration: Configuration) -> None:
    """Refuse teachers and curricula that cannot be made, with the messages of the code that makes them.

    Args:
        configuration: one that has passed `check_configuration`.

    Raises:
        ValueError: for teachers that do not fit into the sizes, an unknown curriculum, or tasks that do not exist.
    """
    _check_teachers(configuration.teachers)
    _check_curriculum(configuration)


def check_simulation(configuration: Configuration, records_per_block: int = 0, estimate_error: bool = False) -> None:
    """Refuse what `check_configuration` refuses, and runs that would not end or have no room for their records.

    The default step is estimated from the norm of one row of a teacher: before teachers are drawn, all that is known is
    that they are not smaller than that.

    Args:
        configuration: any configuration.
        records_per_block: number of records inside every block.
        estimate_error: whether errors will be estimated.

    Raises:
        ValueError: see `check_configuration`; for more steps or records than `limits` allow (the message names the
            parameters), a negative number of records, or error estimates of online dynamics.
    """
    configuration.check()
    check_parts(configuration)
    if records_per_block < 0:
        raise ValueError(f"records_per_block is {records_per_block}; it must be a whole number, zero or more.")
    if estimate_error and configuration.dynamics is Dynamics.ONLINE:
        raise ValueError(
            "estimate_error halves the steps of the population flow, but the steps of dynamics online are part of its "
            "rule. Leave it out, or choose dynamics gradient_flow or order_parameters."
        )
    taus, given, curriculum = configuration.time_constants, configuration.max_step, configuration.curriculum
    if not all(is_number(value) for value in (taus.gates, taus.weights, curriculum.block_duration, given or 0.0)):
        return
    if not is_number(total := curriculum.end):
        return
    if records_per_block > 0:
        number = num_blocks(curriculum)
        what = f"records_per_block {records_per_block} in {number} blocks"
        limits.check_count(what, records_per_block * number, limits.MOST_RECORDS)
    if given is not None:
        what = f"steps of max_step {given:g} in {end_as_given(curriculum)}"
        limits.check_count(what, total / given, limits.MOST_STEPS)
    elif configuration.dynamics is not Dynamics.ONLINE:
        size = 1.0 if configuration.teachers.scale is not TeacherScale.D_IN else configuration.teachers.d_in**-0.5
        what = (
            f"the default step for time_constants.gates {taus.gates:g} and weights {taus.weights:g} in "
            f"{end_as_given(curriculum)}"
        )
        limits.check_count(what, total / default_step_for(configuration, size), limits.MOST_STEPS)


def _leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, declared type and value of every parameter; refuses a group that is of another type."""
    for item in dataclasses.fields(node):
        path, value = prefix + item.name, getattr(node, item.name)
        if isinstance(item.type, type) and dataclasses.is_dataclass(item.type):
            if not isinstance(value, item.type):
                raise ValueError(f"{path} is {_shown(value)}; it must be a {item.type.__name__} of ntadyn.specs.")
            yield from _leaves(value, f"{path}.")
        else:
            yield path, item.type, value


def _check_value(path: str, kind: Any, value: Any) -> None:
    kinds = members(kind)
    if (value is None and type(None) in kinds) or kind is Any:  # of a kind left open, which checks itself
        return
    if is_choice(kinds[0]) or kinds[0] in (bool, str):
        if not allows(kinds[0], value):
            raise ValueError(f"{path} is {_shown(value)}; it must be {described(kinds[0])}.")
    elif path == "curriculum.tasks":
        if not isinstance(value, tuple) or not value or not all(map(_counts, value)):
            raise ValueError(f"{path} is {_shown(value)}; it must be a tuple of whole numbers from 0, one or more.")
    elif path == "inputs.variances":
        if not isinstance(value, tuple) or not value or not all(map(is_number, value)):
            raise ValueError(f"{path} is {_shown(value)}; it must be a tuple of numbers, one per input.")
        for number in value:
            _check_real(path, number)
        if min(value) < 0 or max(value) == 0:
            raise ValueError(f"{path} is {_shown(value)}; none may be negative, and one must be positive.")
    elif path in _WHOLE:
        low, high = _WHOLE[path]
        number = as_index(value)
        if number is None or not low <= number <= high:
            raise ValueError(f"{path} is {_shown(value)}; it must be a whole number from {low} to {high:,}.")
    elif is_number(value) or (
        type(value).__module__ == "numpy" and hasattr(value, "dtype")
    ):  # importing it would be slow
        for number in _as_floats(path, value):
            _check_real(path, number)
    elif not hasattr(value, "dtype"):  # arrays of JAX, traced ones included, have one
        raise ValueError(f"{path} is {_shown(value)}; it must be a real number.")


def _counts(value: Any) -> bool:
    number = as_index(value)
    return number is not None and number >= 0


def _as_floats(path: str, value: Any) -> tuple[float, ...]:
    """One number, or those of an array; only the step may not be an array with axes."""
    if is_number(value):
        try:
            return (float(value),)
        except OverflowError:  # of a whole number
            return (math.inf if value > 0 else -math.inf,)
    if value.dtype.kind not in "iuf" or (path == "max_step" and value.ndim):
        raise ValueError(f"{path} is {_shown(value)}; it must be a real number.")
    return tuple(map(float, value.flat))


def _check_real(path: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{path} is {value}; it must be finite.")
    if value != 0 and not limits.SMALLEST <= abs(value) <= limits.LARGEST:
        raise ValueError(
            f"{path} is {value}; sizes other than zero must lie between {limits.SMALLEST:g} and {limits.LARGEST:g}, "
            f"because they are squared."
        )
    if path in _POSITIVE or path == "max_step":
        if value <= 0:
            raise ValueError(f"{path} is {value}; it must be positive.")
    elif path in _SHARES:
        if not 0 <= value <= 1:
            raise ValueError(f"{path} is {value}; it must lie between 0 and 1.")
    elif (path.startswith(("penalties.", "coefficients.")) or path.endswith(("_scale", "_noise"))) and value < 0:
        raise ValueError(f"{path} is {value}; it must not be negative.")


def _check_penalties(configuration: Configuration) -> None:
    relative, coefficients = configuration.penalties, configuration.coefficients
    given = [f"penalties.{name}" for name in relative.listed]
    if coefficients.listed and (given or not _is_zero(relative.strength)):
        given = given or ["penalties.strength"]
        raise ValueError(
            f"coefficients.{next(iter(coefficients.listed))} and {', '.join(given)} exclude each other: penalties are "
            f"given as coefficients or as shares of one strength. Leave out the former (None) or the latter (None, "
            f"and penalties.strength 0: NO_PENALTIES of ntadyn.specs)."
        )
    listed = [*given, *(f"coefficients.{name}" for name in coefficients.listed)]
    _check_acted_on(configuration, listed)
    if relative.listed and all(_is_zero(value) for value in relative.listed.values()):
        raise ValueError(
            f"penalties {', '.join(relative.listed)} are all zero, which leaves their shares of penalties.strength "
            f"undefined; switch the penalty off with penalties.strength 0, or leave the terms out (None)."
        )


def _is_zero(value: Any) -> bool:
    return is_number(value) and value == 0


def _check_acted_on(configuration: Configuration, penalties: list[str]) -> None:
    """Refuse a penalty on something that the system does not hold."""
    on_weights = [path for path in penalties if path.rpartition(".")[2] in _OF_WEIGHTS]
    if on_weights and configuration.dynamics is Dynamics.ORDER_PARAMETERS:
        raise ValueError(
            f"{on_weights[0]} acts on the weights, which dynamics order_parameters does not hold; choose dynamics "
            f"gradient_flow or online (--dynamics gradient_flow), or leave the penalty out (None)."
        )
    on_columns = [path for path in penalties if path.rpartition(".")[2] in _OF_COLUMNS]
    if on_columns and configuration.network.gating is Gating.LAYER:
        raise ValueError(
            f"{on_columns[0]} acts on the input columns of the matrix of a path, which network.gating layer does not "
            f"have; choose another gating, or leave the penalty out (None)."
        )


def _check_sizes(configuration: Configuration) -> None:
    teachers, network = configuration.teachers, configuration.network
    tasks, d_in, d_out = int(teachers.num_tasks), int(teachers.d_in), int(teachers.d_out)
    tasks += num_composites(configuration)
    repetitions = int(configuration.randomness.num_seeds)
    limits.check_bytes("teachers.num_tasks, d_out and d_in", tasks, d_out, d_in)
    if configuration.dynamics is Dynamics.ONLINE:
        rows = d_in if configuration.sampler is Sampler.WISHART else int(configuration.batch_size)
        limits.check_bytes("batch_size, teachers.d_in and num_seeds", rows, d_in, repetitions)
    paths = int(network.num_paths)
    limits.check_bytes("network.num_paths, teachers.d_out, d_in and num_seeds", paths, d_out, d_in, repetitions)
    if network.gating is Gating.LAYER:
        units = paths * d_out
        limits.check_bytes("network.num_paths, teachers.d_out and num_seeds", units, d_out, repetitions)
        if configuration.dynamics is Dynamics.ORDER_PARAMETERS:
            limits.check_bytes("network.num_paths, teachers.d_out and num_seeds", units, units, repetitions)
            limits.check_bytes("teachers.num_tasks and d_out", tasks * d_out, tasks * d_out)


def _check_teachers(spec: Teachers) -> None:
    shape = int(spec.num_tasks), int(spec.d_out), int(spec.d_in)
    if spec.kind in (TeacherKind.ORTHOGONAL, TeacherKind.AXIS_ALIGNED, TeacherKind.ROW_OVERLAPPING):
        sizes.check_rows_fit(spec.kind.value, *shape)
    elif spec.kind is TeacherKind.MATCHED_ROWS_ORTHOGONAL:
        sizes.check_rows_fit(spec.kind.value, shape[0], 1, shape[2])
    elif spec.kind is TeacherKind.SVD:
        sizes.check_vectors_suffice(min(shape[1:]) // shape[0], *shape)
    elif spec.kind is TeacherKind.OVERLAPPING and is_number(spec.overlap):
        sizes.check_overlap(spec.overlap)
    if spec.scale is TeacherScale.NUM_SV:
        sizes.singular_values_per_task(*shape)
    if spec.composites is not Composites.NONE:
        sizes.check_composable(shape[0])
    if spec.composites is Composites.INTERLEAVED:
        sizes.check_interleaving(shape[1])


def _check_ways(curriculum: Curriculum) -> None:
    """Refuse tasks, or an end, that are given in two ways or in none, and more blocks than the limit."""
    for one, other, what in (("tasks", "name", "the tasks"), ("num_blocks", "total_time", "the end of the run")):
        values = getattr(curriculum, one), getattr(curriculum, other)
        if None not in values:
            raise ValueError(
                f"curriculum.{one} {_shown(values[0])} and curriculum.{other} {_shown(values[1])} both say {what}; "
                f"leave out one (None)."
            )
    if curriculum.tasks is None and curriculum.name is None:
        raise ValueError("curriculum.name and curriculum.tasks are both None; give one of them.")
    if curriculum.tasks is None and curriculum.num_blocks is None and curriculum.total_time is None:
        raise ValueError("curriculum.total_time and curriculum.num_blocks are both None; give one of them.")
    if is_number(curriculum.block_duration) and is_number(total := curriculum.end):
        duration = curriculum.block_duration
        what = f"blocks of curriculum.block_duration {duration:g} in curriculum.total_time {total:g}"
        limits.check_count(what, total / duration, limits.MOST_BLOCKS)


def _check_inputs(configuration: Configuration) -> None:
    """Refuse spectra, samplers and noise that the dynamics do not know, or that do not fit the sizes."""
    inputs, dynamics, noise = configuration.inputs, configuration.dynamics, configuration.batch_noise
    size, d_in = int(configuration.batch_size), int(configuration.teachers.d_in)
    if dynamics is Dynamics.ONLINE and configuration.sampler is Sampler.WISHART and size < d_in:
        raise ValueError(
            f"sampler wishart draws batches of at least as many inputs as there are numbers in each: batch_size is "
            f"{size}, teachers.d_in {d_in}. Choose sampler rows, which costs less there, too."
        )
    if inputs.variances is not None:
        if len(inputs.variances) != int(configuration.teachers.d_in):
            raise ValueError(
                f"inputs.variances has {len(inputs.variances)} numbers, and teachers.d_in is "
                f"{configuration.teachers.d_in}; give one per input."
            )
        if not _is_zero(inputs.exponent):
            raise ValueError("inputs.variances and inputs.exponent both say the spectrum; leave the exponent at 0.")
    closed = dynamics is Dynamics.ORDER_PARAMETERS
    if closed and configuration.network.gating is Gating.LAYER and not inputs.white:
        raise ValueError(
            "inputs with a spectrum do not close on the order parameters of two layers (network.gating layer); choose "
            "dynamics gradient_flow or online, or leave inputs white."
        )
    if _is_zero(noise):
        return
    if not closed or configuration.network.gating is Gating.LAYER:
        raise ValueError(
            f"batch_noise {_shown(noise)} is for dynamics order_parameters with gates of paths or neurons; dynamics "
            f"online draws its batches (batch_size), and the others have none. Leave it at 0."
        )
    if not inputs.white:
        raise ValueError(
            "batch_noise and a spectrum of inputs are given together, but noise mixes the eigenspaces of inputs. Leave "
            "one of them out, or choose dynamics online, which draws batches."
        )


def _check_curriculum(configuration: Configuration) -> None:
    curriculum = configuration.curriculum
    num_tasks = int(configuration.teachers.num_tasks) + num_composites(configuration)
    if curriculum.tasks is not None and max(curriculum.tasks) >= num_tasks:
        raise ValueError(
            f"curriculum.tasks asks for task {max(curriculum.tasks)}, and there are {num_tasks}, composites included, "
            f"counted from 0; raise teachers.num_tasks, or choose other tasks."
        )
    if is_number(curriculum.block_duration) and is_number(curriculum.end):
        order_of_tasks(configuration)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
