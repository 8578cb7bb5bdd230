"""A loss, seen from one of its points."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from ntadyn.interface import AbstractFlow

Loss = Callable[[PyTree], Array]


class LossProblem(eqx.Module):
    """L(w* + v) - L(w*), for offsets v of the parameters that may move, as one vector.

    Attributes:
        loss: L, from a pytree like the centre to a number: the average over examples of the negative log-likelihood.
            For squared errors of unit variance that is half the squared error, summed over outputs.
        centre: w*, a pytree; its floating-point arrays are the parameters.
        sampled: which of them may move: a pytree like the centre, or a prefix of one, of booleans or arrays of them.
        loss_at_centre: L(w*).
        single_precision: whether float32 parameters are wanted; they are refused otherwise, because coefficients are
            differences of losses times a large number.

    Raises:
        ValueError: if nothing can move, for parameters in lower precision, or for a loss that is not one number.
    """

    loss: Loss
    centre: PyTree
    sampled: PyTree
    loss_at_centre: Float[Array, ""]
    single_precision: bool = eqx.field(static=True)

    def __init__(self, loss: Loss, centre: PyTree, sampled: PyTree = True, single_precision: bool = False):
        self.loss, self.centre, self.sampled, self.single_precision = loss, centre, sampled, single_precision
        _check(self)
        self.loss_at_centre = loss(centre)

    def _leaves(self) -> list[Array]:
        return [leaf for leaf in jax.tree.leaves(self.centre) if eqx.is_inexact_array(leaf)]

    def _moving(self) -> np.ndarray:
        """Which numbers of the flattened parameters move."""

        def below(keep: bool | np.ndarray, branch: PyTree) -> list[np.ndarray]:
            leaves = [leaf for leaf in jax.tree.leaves(branch) if eqx.is_inexact_array(leaf)]
            return [np.broadcast_to(np.asarray(keep, bool), leaf.shape).ravel() for leaf in leaves]

        chosen = jax.tree.map(below, self.sampled, self.centre)
        return np.concatenate([np.zeros(0, bool), *jax.tree.leaves(chosen)])

    @property
    def dimension(self) -> int:
        """d: how many numbers move."""
        return int(self._moving().sum())

    @property
    def dtype(self) -> np.dtype:
        """That of the parameters."""
        return jnp.result_type(*self._leaves())

    def at(self, offset: Float[Array, " d"]) -> PyTree:
        """w* + v, a pytree like the centre."""
        parameters, rest = eqx.partition(self.centre, eqx.is_inexact_array)
        flat, unravel = ravel_pytree(parameters)
        moving = self._moving()
        moved = flat + offset if moving.all() else flat.at[np.flatnonzero(moving)].add(offset)
        return eqx.combine(unravel(moved), rest)

    def excess(self, offset: Float[Array, " d"]) -> Float[Array, ""]:
        """L(w* + v) - L(w*), negative where the centre is no minimum."""
        return self.loss(self.at(offset)) - self.loss_at_centre


class Behavioural(eqx.Module):
    """L_B(w) = 1/(2n) sum_x |f(x; w) - f(x; w*)|^2: how differently a network behaves than at w*.

    It is zero at w* and never negative, so that a learning coefficient is defined at any point, trained or not. Its
    Hessian at w* is J^T J / n, with J the derivative of all outputs.

    Attributes:
        outputs: from parameters to the outputs on n inputs, shape (n, ...).
        reference: the outputs at w*.

    Source: Bushnaq et al. 2024, arXiv 2405.10927, "behavioural loss".
    """

    outputs: Callable[[PyTree], Array]
    reference: Float[Array, "n ..."]

    @classmethod
    def of(cls, outputs: Callable[[PyTree], Array], centre: PyTree) -> "Behavioural":
        """The behavioural loss around a centre w*."""
        return cls(outputs, outputs(centre))

    def __call__(self, parameters: PyTree) -> Float[Array, ""]:
        """L_B(w)."""
        return jnp.sum((self.outputs(parameters) - self.reference) ** 2) / (2 * self.reference.shape[0])


class MeanEnergy(eqx.Module):
    """1/M sum_m E(state, task m): what a system descends, over several tasks, as a function of its state.

    Attributes:
        system: any flow.
        tasks: stacked along the first axis.
    """

    system: AbstractFlow
    tasks: PyTree

    def __call__(self, state: PyTree) -> Float[Array, ""]:
        """The mean energy."""
        return jnp.mean(jax.vmap(lambda task: self.system.energy(state, task))(self.tasks))


class ExampleLoss(eqx.Module):
    """L(w) = 1/n sum_i l(w, z_i) over a data set.

    Attributes:
        per_example: l, from parameters and one example to a number: its negative log-likelihood.
        examples: z, a pytree of arrays whose first axis counts the n examples.
    """

    per_example: Callable[[PyTree, PyTree], Array]
    examples: PyTree

    @property
    def num_examples(self) -> int:
        """The size n of the data set."""
        return jax.tree.leaves(self.examples)[0].shape[0]

    def __call__(self, parameters: PyTree) -> Float[Array, ""]:
        """L(w)."""
        return self.mean_over(parameters, self.examples)

    def on_batch(self, parameters: PyTree, indices: Array) -> Float[Array, ""]:
        """The mean over a batch of examples."""
        return self.mean_over(parameters, jax.tree.map(lambda part: part[indices], self.examples))

    def mean_over(self, parameters: PyTree, examples: PyTree) -> Float[Array, ""]:
        """The mean over given examples."""
        return jnp.mean(jax.vmap(lambda example: self.per_example(parameters, example))(examples))


def squared_error(
    network: Callable[[PyTree, Array], Array],
    inputs: Array,
    targets: Array,
    loss: Loss | None = None,
    point: Any = None,
) -> ExampleLoss:
    """l(w, (x, y)) = |f(w, x) - y|^2 / 2, summed over outputs: the negative log-likelihood of errors of unit variance.

    Args:
        network: f, from parameters and one input to its output.
        inputs: x, first axis n.
        targets: y, first axis n.
        loss: a loss of your own that should be the same; it is compared at `point`.
        point: parameters at which to compare.

    Returns:
        The loss over the data set.

    Raises:
        ValueError: if inputs and targets differ in number, or if a loss of your own has another scale.
    """
    if inputs.shape[0] != targets.shape[0]:
        raise ValueError(f"{inputs.shape[0]} inputs and {targets.shape[0]} targets; give one target for every input.")

    def per_example(parameters: PyTree, example: tuple[Array, Array]) -> Array:
        given, wanted = example
        return 0.5 * jnp.sum((network(parameters, given) - wanted) ** 2)

    ours = ExampleLoss(per_example, (inputs, targets))
    if loss is not None:
        check_scale(loss, ours, point)
    return ours


def check_scale(loss: Loss, reference: Loss, point: PyTree) -> None:
    """Refuse a loss that is not half the squared error summed over outputs.

    A factor in the loss is a factor in the inverse temperature: an average over outputs, say, makes every coefficient
    that of another temperature.

    Raises:
        ValueError: with the factor by which the losses differ.
    """
    given, expected = float(loss(point)), float(reference(point))
    if not np.isclose(given, expected, rtol=1e-6):
        raise ValueError(
            f"the loss is {given:g} where half the squared error, summed over outputs, is {expected:g}: multiply it by "
            f"{expected / given:g}, or give an inverse temperature in its own units and leave out the comparison."
        )


def _check(problem: LossProblem) -> None:
    if problem.dimension == 0:
        raise ValueError(
            "nothing can move: the centre has no floating-point arrays, or `sampled` is False for all of them."
        )
    low = sorted({str(leaf.dtype) for leaf in problem._leaves() if leaf.dtype != jnp.float64})
    if low and not problem.single_precision:
        raise ValueError(
            f"parameters are {', '.join(low)}, but coefficients are differences of losses times a large number: call "
            'jax.config.update("jax_enable_x64", True) first and give float64 arrays, or say single_precision=True.'
        )
    shape = jax.eval_shape(problem.loss, problem.centre)
    if getattr(shape, "shape", None) != ():
        raise ValueError(f"a loss returns one number; this one returns {shape}. Take its mean over examples.")
