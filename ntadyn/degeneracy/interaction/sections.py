"""A network as a chain of sections, whose biases are weights of a unit that is always one."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike, NDArray

from ntadyn.degeneracy.closed_form.ranks import as_table

Section = Callable[[Array], Array]


def linear(values: Array) -> Array:
    """Values themselves: the activation of a linear section."""
    return values


class Dense(eqx.Module):
    """g(f) = act(W f + b).

    Attributes:
        weight: W, shape (outputs, inputs).
        bias: b, shape (outputs,), or None.
        activation: act, unit by unit.

    Raises:
        ValueError: for shapes that do not fit.
    """

    weight: Float[Array, "..."]
    bias: Float[Array, "..."] | None = None
    activation: Callable[[Array], Array] = eqx.field(static=True, default=linear)

    def __check_init__(self):
        if self.weight.ndim != 2 or (self.bias is not None and self.bias.shape != self.weight.shape[:1]):
            bias = None if self.bias is None else self.bias.shape
            raise ValueError(
                f"Dense: weights are (outputs, inputs), biases (outputs,); got {self.weight.shape}, {bias}."
            )

    @property
    def is_linear(self) -> bool:
        """Whether the activation is `linear`."""
        return self.activation is linear

    @property
    def is_rectified(self) -> bool:
        """Whether the activation is `jax.nn.relu`."""
        return self.activation is jax.nn.relu

    def before(self, values: Float[Array, " i"]) -> Float[Array, " o"]:
        """W f + b, what the activation is applied to."""
        before = self.weight @ values
        return before if self.bias is None else before + self.bias

    def __call__(self, values: Float[Array, " i"]) -> Float[Array, " o"]:
        """The units for one example."""
        return self.activation(self.before(values))


class Sections(eqx.Module):
    """f^(l+1) = g_l(f^l) with f^0 = x: any Equinox modules or functions, one after the other.

    With a constant, activations f^l of all layers but the last have a one as their last coordinate, and what modules
    call `bias` is multiplied by it: biases are then weights like others, and moving the constant moves them.

    Attributes:
        sections: g_0, ..., g_(L-1), each from the units of a layer to those of the next, for one example.
        constant: whether activations have a constant; always where there are biases, see `chain`.
    """

    sections: tuple[Section, ...]
    constant: bool = eqx.field(static=True, default=False)

    @property
    def depth(self) -> int:
        """L: the number of sections; layers are counted from 0, the inputs, to L, the outputs."""
        return len(self.sections)

    def with_constant(self) -> "Sections":
        """The same, with a constant in every layer but the last."""
        return Sections(self.sections, constant=True)

    def step(self, layer: int, activation: Float[Array, " d"]) -> Float[Array, " e"]:
        """f^(l+1) from f^l, constants included.

        Args:
            layer: l.
            activation: f^l.
        """
        section = self.sections[layer]
        if not self.constant:
            return section(activation)
        constant = activation[-1]
        after = _with_biases_times(section, constant)(activation[:-1])
        return after if layer == self.depth - 1 else jnp.append(after, constant)

    def onward(self, layer: int, activation: Float[Array, " d"]) -> Float[Array, " o"]:
        """The outputs, from the activation f^l of a layer."""
        for place in range(layer, self.depth):
            activation = self.step(place, activation)
        return activation

    def enter(self, x: Float[Array, " i"]) -> Float[Array, " d"]:
        """f^0: the input, with its constant if there is one."""
        return jnp.append(x, jnp.ones((), x.dtype)) if self.constant else x

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The outputs for one input."""
        return self.onward(0, self.enter(x))

    def activations(self, inputs: ArrayLike) -> list[NDArray[np.float64]]:
        """All f^l of all inputs.

        Args:
            inputs: X, shape (examples, d_in).

        Returns:
            Arrays of shape (examples, d_l), layer by layer, from 0 to L.

        Raises:
            ValueError: for inputs that are not a finite table that the network takes, or not in double precision.
        """
        table = as_table("inputs", np.asarray(inputs), ("examples", "d_in"))
        _check_precision(self)
        try:
            found = _activations(self, jnp.asarray(table))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"sections do not take inputs of shape {table.shape}, or not each other: {error}"
            ) from error
        flat = [layer for layer, values in enumerate(found) if values.ndim != 2]
        if flat:
            raise ValueError(
                f"a layer is a vector of units; layers {flat} have another shape: reshape in the sections."
            )
        return [np.asarray(values, np.float64) for values in found]


def chain(*sections: Section) -> Sections:
    """Sections one after the other, with a constant if any of them has biases.

    Args:
        sections: modules or functions of one example. Biases are what modules call `bias`.

    Raises:
        ValueError: if there is none, or one that cannot be called.
    """
    if not sections or not all(callable(section) for section in sections):
        raise ValueError(f"a chain needs at least one section, and sections are functions; got {sections!r}.")
    has_bias = any(_is_bias(path, leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(sections))
    return Sections(tuple(sections), constant=has_bias)


def of_mlp(network: eqx.nn.MLP) -> Sections:
    """The sections of a perceptron: one per layer, activations included.

    Args:
        network: with one activation for all hidden units.

    Raises:
        ValueError: for activations with parameters of their own, or outputs that are scalars.
    """
    if not callable(network.activation) or jax.tree.leaves(eqx.filter(network.activation, eqx.is_array)):
        raise ValueError("of_mlp: activations must not have parameters; build the sections with `Dense` and `chain`.")
    if "scalar" in (network.in_size, network.out_size):
        raise ValueError("of_mlp: inputs and outputs must be vectors, also those of size 1; give sizes as numbers.")
    identity = eqx.nn.MLP(1, 1, 1, 0, key=jax.random.key(0)).final_activation
    last = linear if network.final_activation is identity else network.final_activation
    activations = [network.activation] * (len(network.layers) - 1) + [last]
    dense = [Dense(each.weight, each.bias, act) for each, act in zip(network.layers, activations, strict=True)]
    return chain(*dense)


@eqx.filter_jit
def _activations(sections: Sections, inputs: Float[Array, "n i"]) -> list[Array]:
    def of_one(x: Array) -> list[Array]:
        found = [sections.enter(x)]
        for layer in range(sections.depth):
            found.append(sections.step(layer, found[-1]))
        return found

    return jax.vmap(of_one)(inputs)


def _is_bias(path: tuple[Any, ...], leaf: Any) -> bool:
    return eqx.is_inexact_array(leaf) and bool(path) and getattr(path[-1], "name", None) == "bias"


def _with_biases_times(section: Section, constant: Float[Array, ""]) -> Section:
    def scaled(path: tuple[Any, ...], leaf: Any) -> Any:
        return leaf * constant if _is_bias(path, leaf) else leaf

    return jax.tree_util.tree_map_with_path(scaled, section)


def _check_precision(sections: Sections) -> None:
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(sections) if eqx.is_inexact_array(leaf)}
    low = sorted(str(dtype) for dtype in {*dtypes, jnp.zeros(()).dtype} if dtype != jnp.float64)
    if low:
        raise ValueError(
            f'ranks need float64, and here are {", ".join(low)}: call jax.config.update("jax_enable_x64", True) first, '
            "and give parameters of that dtype."
        )
