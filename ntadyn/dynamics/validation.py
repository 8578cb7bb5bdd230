"""Checks of what systems are made of, before anything is compiled."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.regularizers import AbstractPenalty
from ntadyn.regularizers.coefficients import known_reals
from ntadyn.tasks.inputs import InputCovariance
from ntadyn.tasks.task_set import TaskSet


def as_time_constants(
    time_constants: dict[str, Any], groups: tuple[str, ...], dtype: jnp.dtype
) -> dict[str, Float[Array, ""]]:
    """Time constants as arrays, checked: one positive number for every parameter group.

    Args:
        time_constants: name of a parameter group -> time constant, in the caller's unit of time.
        groups: the names that the system has.
        dtype: the floating dtype of the system.

    Returns:
        The same mapping with floating-point arrays as values.

    Raises:
        ValueError: for missing or unknown names, or values that are not positive and finite.
    """
    if set(time_constants) != set(groups):
        raise ValueError(
            f"time constants are named {sorted(time_constants)}; this system has the parameter groups "
            f"{sorted(groups)} and needs exactly one for each."
        )
    for name, value in time_constants.items():
        numbers = known_reals(f"time constant of {name!r}", value)
        if numbers is not None and not np.all(np.isfinite(numbers) & (numbers > 0)):
            raise ValueError(
                f"time constant of {name!r} is {value}; it must be positive and finite "
                f"(make it large, not zero or negative, to freeze a group)."
            )
    return {name: jnp.asarray(value, dtype) for name, value in time_constants.items()}


def check_penalties(
    penalties: dict[str, AbstractPenalty], groups: tuple[str, ...], closed_on_weights: bool = True
) -> None:
    """Refuse penalties that the system cannot carry.

    Args:
        penalties: penalty by group name, as given.
        groups: the names that the system has.
        closed_on_weights: False for reductions, in whose variables a penalty on the weights cannot be written.

    Raises:
        ValueError: for a group that does not exist, or a weight penalty on a reduction.
    """
    unknown = set(penalties) - set(groups)
    if unknown:
        raise ValueError(
            f"penalties on {sorted(unknown)}, but this system has the parameter groups {sorted(groups)}; "
            f"rename or drop them."
        )
    if not closed_on_weights and "weights" in penalties:
        raise ValueError(
            "a penalty on the weights cannot be written in reduced variables; use GradientFlow with it, or drop it."
        )


def check_network(network: Any, tasks: TaskSet) -> None:
    """Refuse a network that does not fit the teachers.

    Args:
        network: any network with `total_map` and `weights`.
        tasks: the teachers.

    Raises:
        ValueError: if sizes or dtypes differ.
    """
    size = jax.eval_shape(network.total_map).shape
    if size != tasks.teachers.shape[1:]:
        raise ValueError(
            f"the network has (d_out, d_in) = {size}, the teachers {tasks.teachers.shape[1:]}; make them equal."
        )
    if network.weights.dtype != tasks.teachers.dtype:
        raise ValueError(
            f"the network is {network.weights.dtype} and the teachers are {tasks.teachers.dtype}; "
            f"make both in the same dtype."
        )


def as_covariance(given: InputCovariance | Float[Array, "i i"] | None, tasks: TaskSet) -> InputCovariance | None:
    """The covariance of inputs, diagonalised; None for white inputs.

    Args:
        given: Sigma as a matrix or as an `InputCovariance`, or None.
        tasks: the teachers.

    Raises:
        ValueError: for a matrix that is no covariance, or another number of inputs than that of the teachers.
    """
    if given is None:
        return None
    covariance = given if isinstance(given, InputCovariance) else InputCovariance.from_matrix(given)
    if covariance.variances.shape != (tasks.d_in,):
        raise ValueError(
            f"the input covariance has {covariance.variances.shape[0]} inputs, but the teachers have {tasks.d_in}; "
            f"make them equal."
        )
    return covariance
