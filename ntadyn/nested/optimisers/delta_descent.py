"""Delta descent: gradient descent on linear maps that forgets along their inputs."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.nested.optimisers.per_matrix import check_rate, check_share
from ntadyn.networks import AbstractPathNetwork

Real = float | Float[Array, ""]


def delta_descent(
    weights: Float[Array, "o i"],
    inputs: Float[Array, "b i"],
    output_gradients: Float[Array, "b o"],
    learning_rate: Real,
    forgetting: Real = 1.0,
) -> Float[Array, "o i"]:
    """W (1 - delta eta' <x x^T>) - eta' <g x^T>, eta' = eta / (1 + eta <|x|^2>), with means over the examples.

    For one example and delta = 1, the exact minimiser of 1/2 |W' x + g|^2 + 1/(2 eta) |W' - W|^2.

    On a least-squares loss this is descent on L + delta/2 E|W x|^2, a ridge that inputs weigh: it comes to rest at
    W* / (1 + delta), with the default at half of the solution. That suits memories that have to make room. To learn a
    task, use zero.

    Args:
        weights: W, of a linear map y = W x.
        inputs: x of every example.
        output_gradients: g, the derivative of the loss of every example by its y.
        learning_rate: eta.
        forgetting: delta in [0, 1].

    Returns:
        The new weights.

    Raises:
        ValueError: for a rate that is not positive, or a delta outside [0, 1].

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equations 28 and 29; the step size on the first term is that
    of the exact minimiser, by which equation 28 as it is printed is not multiplied.
    """
    check_rate("delta_descent: learning_rate", learning_rate)
    check_share("delta_descent: forgetting", forgetting)
    number, dtype = inputs.shape[0], weights.dtype
    rate, share = jnp.asarray(learning_rate, dtype), jnp.asarray(forgetting, dtype)
    step = rate / (1 + rate * jnp.sum(inputs**2) / number)
    answers = inputs @ weights.T
    return weights - step * (share * answers + output_gradients).T @ inputs / number


def delta_descent_of_paths(
    network: AbstractPathNetwork,
    inputs: Float[Array, "b i"],
    output_gradients: Float[Array, "b o"],
    learning_rate: Real,
    forgetting: Real = 0.0,
) -> AbstractPathNetwork:
    """The paths of y = sum_p c_p W^p x after a step, each a linear map W^p whose output is c_p times as steep.

    Args:
        network: with a weight matrix per path; its gates stay.
        inputs: x of every example.
        output_gradients: the derivative of the loss of every example by y.
        learning_rate: eta.
        forgetting: delta in [0, 1]; zero if omitted, because paths are to learn tasks.
    """
    rows: Any = network.row_gates()
    moved = [
        delta_descent(weights, inputs, output_gradients * gates[None], learning_rate, forgetting)
        for weights, gates in zip(network.weights, rows, strict=True)
    ]
    return eqx.tree_at(lambda network: network.weights, network, jnp.stack(moved))
