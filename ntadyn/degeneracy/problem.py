"""A loss, seen from one of its points."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PyTree

from ntadyn.interface import AbstractFlow

Loss = Callable[[PyTree], Array]


class LossProblem(eqx.Module):
    """L(w* + v) - L(w*), for offsets v of the parameters that may move, as one vector.

    Attributes:
        loss: L, from a pytree like the centre to a number: the average over examples of the negative log-likelihood.
            For squared errors of unit variance that is half the squared error, summed over outputs.
        centre: w*, a pytree; its floating-point arrays are the parameters.
        loss_at_centre: L(w*).
        moving: which numbers of the flattened parameters may move, one byte each.

    Raises:
        ValueError: if nothing can move, for parameters that are not in double precision (coefficients are differences
            of losses times a large number), or for a loss that is not one such number, or not finite at the centre.
    """

    loss: Loss
    centre: PyTree
    loss_at_centre: Float[Array, ""]
    moving: bytes = eqx.field(static=True)

    def __init__(self, loss: Loss, centre: PyTree, sampled: PyTree = True):
        """A problem.

        Args:
            loss: L.
            centre: w*.
            sampled: what may move: a pytree like the centre, or a prefix of one, of booleans or arrays of them.
        """
        self.loss, self.centre, self.moving = loss, centre, _chosen(centre, sampled)
        _check(self)
        self.loss_at_centre = loss(centre)
        if not isinstance(self.loss_at_centre, Tracer) and not np.isfinite(self.loss_at_centre):
            raise ValueError(f"the loss is {self.loss_at_centre} at the centre; choose a point where it is finite.")

    def _mask(self) -> np.ndarray:
        return np.frombuffer(self.moving, bool)

    @property
    def dimension(self) -> int:
        """d: how many numbers move."""
        return int(self._mask().sum())

    @property
    def dtype(self) -> np.dtype:
        """That of the parameters."""
        return jnp.result_type(*_parameters(self.centre))

    def at(self, offset: Float[Array, " d"]) -> PyTree:
        """w* + v, a pytree like the centre."""
        leaves, structure = jax.tree.flatten(self.centre)
        mask, moved, used = self._mask(), [], 0
        for leaf in leaves:
            if not eqx.is_inexact_array(leaf):
                moved.append(leaf)
                continue
            chosen, mask = mask[: leaf.size], mask[leaf.size :]
            part = offset[used : used + int(chosen.sum())]
            used += part.size
            if not chosen.all():  # a product rather than a scatter, several of which XLA cannot fuse (jaxlib 0.10.2)
                part = jnp.eye(leaf.size, dtype=leaf.dtype)[:, chosen] @ part
            moved.append(leaf + part.reshape(leaf.shape))
        return jax.tree.unflatten(structure, moved)

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


class BehaviouralAt(eqx.Module):
    """From a point to the problem of its behavioural loss, for many points in one program.

    Attributes:
        outputs: from parameters to the outputs on n inputs, shape (n, ...).
    """

    outputs: Callable[[PyTree], Array]

    def __call__(self, point: PyTree) -> LossProblem:
        """The problem."""
        return LossProblem(Behavioural.of(self.outputs, point), point)


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


class SquaredError(eqx.Module):
    """l(w, (x, y)) = |f(w, x) - y|^2 / 2, summed over outputs: the negative log-likelihood of errors of unit variance.

    Attributes:
        network: f, from parameters and one input to its output.
    """

    network: Callable[[PyTree, Array], Array]

    def __call__(self, parameters: PyTree, example: tuple[Array, Array]) -> Float[Array, ""]:
        """l(w, (x, y)).

        Raises:
            ValueError: if outputs and targets differ in shape.
        """
        given, wanted = example
        output = self.network(parameters, given)
        if output.shape != wanted.shape:
            raise ValueError(f"outputs have shape {output.shape} and targets {wanted.shape}; make them equal.")
        return 0.5 * jnp.sum((output - wanted) ** 2)


def squared_error(network: Callable[[PyTree, Array], Array], inputs: Array, targets: Array) -> ExampleLoss:
    """Half the squared error of a network over a data set.

    Args:
        network: f, from parameters and one input to its output.
        inputs: x, first axis n.
        targets: y, first axis n.

    Returns:
        The loss; compare a loss of your own with it by `check_scale`.

    Raises:
        ValueError: if inputs and targets differ in number.
    """
    if inputs.shape[0] != targets.shape[0]:
        raise ValueError(f"{inputs.shape[0]} inputs and {targets.shape[0]} targets; give one target for every input.")
    return ExampleLoss(SquaredError(network), (inputs, targets))


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
            f"{expected / given:g}, or divide the inverse temperature by that."
        )


def _parameters(centre: PyTree) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(centre) if eqx.is_inexact_array(leaf)]


def _chosen(centre: PyTree, sampled: PyTree) -> bytes:
    """Which numbers of the flattened parameters may move."""

    def below(keep: bool | np.ndarray, branch: PyTree) -> list[np.ndarray]:
        wanted = np.asarray(keep)
        if wanted.dtype != bool:
            raise ValueError(f"`sampled` says {keep!r} of some parameters; say True, False, or an array of these.")
        return [np.broadcast_to(wanted, leaf.shape).ravel() for leaf in _parameters(branch)]

    try:
        parts = jax.tree.leaves(jax.tree.map(below, sampled, centre))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`sampled` does not fit the centre, of which it must be a prefix: {error}") from error
    return np.concatenate([np.zeros(0, bool), *parts]).tobytes()


def _check(problem: LossProblem) -> None:
    found = sorted({str(leaf.dtype) for leaf in jax.tree.leaves(problem.centre) if eqx.is_array(leaf)})
    if problem.dimension == 0:
        raise ValueError(
            f"nothing can move: the centre has arrays of {', '.join(found) or 'no kind'}, where float64 is needed, or "
            "`sampled` is False for all of them."
        )
    low = sorted({str(leaf.dtype) for leaf in _parameters(problem.centre) if leaf.dtype != jnp.float64})
    if low:
        raise ValueError(
            f"parameters are {', '.join(low)}, but coefficients are differences of losses times a large number, and "
            'need float64: call jax.config.update("jax_enable_x64", True) first, and give arrays of that dtype.'
        )
    shape = eqx.filter_eval_shape(problem.loss, problem.centre)
    if getattr(shape, "shape", None) != ():
        raise ValueError(f"a loss returns one number; this one returns {shape}. Take its mean over examples.")
    if shape.dtype != problem.dtype:
        raise ValueError(f"the loss is {shape.dtype} for parameters that are {problem.dtype}: compute it in these.")
