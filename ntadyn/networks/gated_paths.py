"""Gated sums of paths that are not linear: perceptrons, convolutions, or any modules.

Axes: `p` path, `h` hidden unit, `o` output, `i` input.
"""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.networks.gating import AbstractGating, ByPath
from ntadyn.networks.network import check_parameters, check_sizes
from ntadyn.networks.paths import AbstractPath


class AbstractGatedPaths(eqx.Module):
    """y = sum_p g_p f_p(x), with g made of the gates by a gating, and f_p any function.

    A network is a value, as gated linear ones are: the names of its fields are those of its parameter groups.

    Attributes:
        gates: c, as they are learned.
        gating: what is made of them.
    """

    gates: eqx.AbstractVar[Array]
    gating: eqx.AbstractVar[AbstractGating]

    @abc.abstractmethod
    def path_outputs(self, x: Float[Array, "..."]) -> Float[Array, "p o"]:
        """f_p(x): what every path would answer by itself, with all its gates at one."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "..."]) -> Float[Array, " o"]:
        """The output for one input; use `jax.vmap` for a batch."""

    def open_gates(self) -> Float[Array, "p ..."]:
        """g: what paths, or their units, are multiplied by."""
        return self.gating.opened(self.gates)


class GatedMLP(AbstractGatedPaths):
    """y = sum_p V^p (g^p o relu(U^p x)): perceptrons of one hidden layer side by side, without biases.

    With one gate per path this is sum_p c_p V^p relu(U^p x).

    Attributes:
        gates: c, in the shape that the gating asks for.
        hidden: U, shape (paths, units, d_in).
        readouts: V, shape (paths, d_out, units).
        gating: one gate per path unless told otherwise.

    Raises:
        ValueError: for shapes that do not fit, mixed dtypes, or values that are not finite.
    """

    gates: Float[Array, "p ..."] = eqx.field(converter=jnp.asarray)
    hidden: Float[Array, "p h i"] = eqx.field(converter=jnp.asarray)
    readouts: Float[Array, "p o h"] = eqx.field(converter=jnp.asarray)
    gating: AbstractGating = ByPath()

    def __check_init__(self):
        shapes = self.hidden.shape, self.readouts.shape
        if any(len(shape) != 3 for shape in shapes) or shapes[0][:2] != (shapes[1][0], shapes[1][2]):
            raise ValueError(
                f"GatedMLP: got hidden weights of shape {shapes[0]} and read-outs of shape {shapes[1]}; they must be "
                f"(paths, units, d_in) and (paths, d_out, units), with as many paths and units."
            )
        for weights in (self.hidden, self.readouts):
            check_parameters(self.gates, weights, self.gating.shape(*self.hidden.shape[:2]))

    @classmethod
    def initialise(
        cls,
        key: PRNGKeyArray,
        shape: tuple[int, int, int, int],
        scale: float | Float[Array, ""] = 0.3,
        gating: AbstractGating | None = None,
        dtype: DTypeLike | None = None,
    ) -> "GatedMLP":
        """Equal gates, and weights from N(0, scale^2 / fan-in).

        Args:
            key: the random key of the initial state.
            shape: (paths, d_out, units, d_in).
            scale: initialisation scale; may be traced.
            gating: one gate per path if omitted.
            dtype: floating dtype, JAX's default one when omitted.

        Raises:
            ValueError: if a size is not positive.
        """
        num_paths, d_out, units, d_in = shape
        gating = ByPath() if gating is None else gating
        check_sizes((num_paths, min(d_out, units), d_in))
        of_hidden, of_readouts = jax.random.split(key)
        dtype = jnp.zeros(()).dtype if dtype is None else dtype

        def drawn(key: PRNGKeyArray, *axes: int) -> Array:
            return jnp.asarray(scale, dtype) * jax.random.normal(key, axes, dtype) / axes[-1] ** 0.5

        hidden, readouts = drawn(of_hidden, num_paths, units, d_in), drawn(of_readouts, num_paths, d_out, units)
        return cls(gates=gating.equal(num_paths, units, dtype), hidden=hidden, readouts=readouts, gating=gating)

    def features(self, x: Float[Array, " i"]) -> Float[Array, "p h"]:
        """relu(U^p x)."""
        return jax.nn.relu(jnp.einsum("phi,i->ph", self.hidden, x))

    def path_outputs(self, x: Float[Array, " i"]) -> Float[Array, "p o"]:
        """V^p relu(U^p x)."""
        return jnp.einsum("poh,ph->po", self.readouts, self.features(x))

    def __call__(self, x: Float[Array, " i"]) -> Float[Array, " o"]:
        """The output for one input."""
        gates = self.open_gates()
        gated = self.features(x) * gates.reshape(*gates.shape, *[1] * (2 - gates.ndim))
        return jnp.einsum("poh,ph->o", self.readouts, gated)


class GatedNetwork(AbstractGatedPaths):
    """y = sum_p g_p f_p(x) with any Equinox modules f_p: one input in, its outputs out.

    Gates of units are for paths that say what their units are, see `AbstractPath`.

    Attributes:
        gates: c, in the shape that the gating asks for.
        paths: a tuple of modules, or one module whose arrays have a leading axis over paths; `of` makes the second out
            of paths that are alike, which runs them as one.
        gating: one gate per path unless told otherwise.

    Raises:
        ValueError: for gates that do not fit.
    """

    gates: Float[Array, "p ..."] = eqx.field(converter=jnp.asarray)
    paths: PyTree
    gating: AbstractGating = ByPath()

    def __check_init__(self):
        number, units = _number_of(self.paths), self.gates.shape[-1]
        if number != self.gates.shape[0] or self.gates.shape != self.gating.shape(number, units):
            raise ValueError(
                f"GatedNetwork: got gates of shape {self.gates.shape} for {number} paths; "
                f"{type(self.gating).__name__} asks for {self.gating.shape(number, units)}."
            )
        each = self.paths if isinstance(self.paths, tuple) else (self.paths,)
        if self.gates.ndim == 2 and not all(isinstance(path, AbstractPath) for path in each):
            raise ValueError(
                f"GatedNetwork: there are gates for {units} units of every path, but a "
                f"{type(each[0]).__name__} does not say what its units are; derive it from AbstractPath, or use ByPath."
            )

    @classmethod
    def of(cls, paths: Sequence[Any], gating: AbstractGating | None = None) -> "GatedNetwork":
        """The gated sum of some modules, with equal gates of their dtype; those that are alike run as one.

        Args:
            paths: the modules, one per path.
            gating: one gate per path if omitted.

        Raises:
            ValueError: for no path, paths of mixed dtypes, or paths without the units that the gating asks for.
        """
        gating = ByPath() if gating is None else gating
        dtypes = {leaf.dtype for leaf in jax.tree.leaves(eqx.filter(tuple(paths), eqx.is_inexact_array))}
        if len(dtypes) != 1:
            raise ValueError(
                f"GatedNetwork: got {len(paths)} paths with parameters of the dtypes {sorted(map(str, dtypes))}; at "
                f"least one path is needed, and one dtype."
            )
        units = {path.num_units for path in paths if isinstance(path, AbstractPath)}
        gates = gating.equal(len(paths), max(units, default=1), dtypes.pop())
        if gates.ndim == 2 and len(units) != 1:
            raise ValueError(
                f"GatedNetwork: gates of units need paths of equally many units; these have {sorted(units) or 'none'}."
            )
        return cls(gates, _stacked(paths), gating)

    def path_outputs(self, x: Float[Array, "..."]) -> Float[Array, "p o"]:
        """f_p(x)."""
        return self._each(lambda path, gate: path(x), self.gates)

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, " o"]:
        """The output for one input."""
        gates = self.open_gates()
        if gates.ndim == 1:
            return jnp.einsum("p,po->o", gates, self.path_outputs(x))
        return jnp.sum(self._each(lambda path, gate: path.readout(gate * path.features(x)), gates), axis=0)

    def _each(self, function: Callable[[Any, Array], Array], gates: Array) -> Float[Array, "p o"]:
        if isinstance(self.paths, tuple):
            return jnp.stack([function(path, gate) for path, gate in zip(self.paths, gates, strict=True)])
        return eqx.filter_vmap(function)(self.paths, gates)


def _number_of(paths: PyTree) -> int:
    if isinstance(paths, tuple):
        return len(paths)
    # Also where only shapes are known.
    return next(leaf.shape[0] for leaf in jax.tree.leaves(paths) if hasattr(leaf, "shape"))


def _stacked(paths: Sequence[Any]) -> PyTree:
    """One module with a leading axis over paths if they are alike in all but the values of arrays, else a tuple."""
    arrays, rest = zip(*(eqx.partition(path, eqx.is_array) for path in paths), strict=True)

    def kind(path: PyTree) -> Any:
        return jax.tree.structure(path), [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(path)]

    alike = all(kind(one) == kind(arrays[0]) for one in arrays)
    if not alike or not all(bool(eqx.tree_equal(one, rest[0])) for one in rest):
        return tuple(paths)
    return eqx.combine(jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays), rest[0])
