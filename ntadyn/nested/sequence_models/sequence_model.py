"""A model of sequences: tokens in, one answer per token out, a state carried along."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


class AbstractMixer(eqx.Module):
    """What carries something from earlier tokens of a sequence to later ones: attention, a memory, a convolution.

    A mixer holds trained parameters and no state. It is given the state that the tokens before have left, and returns
    that which the next call goes on from: wherever a sequence is cut, the answers are the same. One call is one
    sequence of one sample; map over samples with `jax.vmap`, and nothing passes between them.
    """

    @abc.abstractmethod
    def initial_state(self) -> PyTree:
        """The state that the first token of a sequence finds, a tree of arrays, trained starts of memories included."""

    @abc.abstractmethod
    def __call__(self, state: PyTree, tokens: Float[Array, "t d"]) -> tuple[PyTree, Float[Array, "t d"]]:
        """Mix any number of tokens, at least one.

        Args:
            state: that the first of them finds.
            tokens: shape (tokens, width).

        Returns:
            The state that the last of them leaves, of the same shapes, and one answer per token, which depends on this
            token and on those before it.
        """

    def state_floats(self, tokens: int) -> int:
        """How many numbers the state holds after so many tokens; of most mixers as many as before."""
        del tokens
        return floats(eqx.filter_eval_shape(self.initial_state))


class SequenceModel(eqx.Module):
    """An encoder, blocks one after the other, a norm, and a linear read-out at every token.

    Training runs whole sequences, and streaming is calling again with the state of the last call:

        state, answers = model(model.initial_state(), inputs)
        state, answers = model(state, more_inputs)

        batched = jax.vmap(model, in_axes=(None, 0))
        states, answers = batched(model.initial_state(), batch_of_inputs)

    The initial state contains trained parameters: take it inside of the function whose gradient you take.

    Attributes:
        encoder: from the inputs to the width of the blocks: an embedding of whole numbers, or a linear map of vectors.
        blocks: each with a state of its own.
        norm: of what the last block gives.
        readout: from the width to the outputs.
    """

    encoder: eqx.nn.Embedding | eqx.nn.Linear
    blocks: tuple[AbstractMixer, ...]
    norm: eqx.nn.RMSNorm
    readout: eqx.nn.Linear

    def initial_state(self) -> PyTree:
        """What a sequence starts from, of one sample."""
        return tuple(block.initial_state() for block in self.blocks)

    def __call__(self, state: PyTree, inputs: Any) -> tuple[PyTree, Float[Array, "t o"]]:
        """Answer a sequence, or the next part of one.

        Args:
            state: that the first token finds: `initial_state()`, or what the call before has returned.
            inputs: at least one token: whole numbers of shape (tokens,) if the encoder is an embedding, else vectors
                of shape (tokens, d_in).

        Returns:
            The state that the last token leaves, and the answers, shape (tokens, outputs).

        Raises:
            ValueError: for inputs of another kind or shape.
        """
        tokens = self._encoded(inputs)
        states = []
        for block, before in zip(self.blocks, state, strict=True):
            after, tokens = block(before, tokens)
            states.append(after)
        return tuple(states), jax.vmap(lambda token: self.readout(self.norm(token)))(tokens)

    def _encoded(self, inputs: Any) -> Float[Array, "t d"]:
        inputs = jnp.asarray(inputs)
        if isinstance(self.encoder, eqx.nn.Embedding):
            if inputs.ndim != 1 or not jnp.issubdtype(inputs.dtype, jnp.integer) or not inputs.size:
                raise ValueError(
                    f"this model reads whole numbers below {self.encoder.num_embeddings} and was given {inputs.dtype} "
                    f"of shape {inputs.shape}; give integers of shape (tokens,), at least one, and map over samples "
                    f"with jax.vmap."
                )
            # Not looked up: the gradient of a look-up is a scatter, which XLA does not compile well within loops.
            weight = self.encoder.weight
            return jax.nn.one_hot(inputs, weight.shape[0], dtype=weight.dtype) @ weight
        size = self.encoder.in_features
        if inputs.ndim != 2 or inputs.shape[1] != size or not inputs.size or inputs.dtype != self.encoder.weight.dtype:
            raise ValueError(
                f"this model reads {self.encoder.weight.dtype} vectors of {size} entries and was given {inputs.dtype} "
                f"of shape {inputs.shape}; give (tokens, {size}), at least one token, and map over samples with "
                f"jax.vmap."
            )
        return jax.vmap(self.encoder)(inputs)


def floats(tree: PyTree) -> int:
    """How many real numbers a tree of arrays holds; whole numbers do not count."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact))
