"""The block that all models share: a convolution and a mixer, then a feed-forward part."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ntadyn.nested.sequence_models.convolution import CausalConvolution
from ntadyn.nested.sequence_models.feed_forward import ContinuumFeedForward
from ntadyn.nested.sequence_models.sequence_model import AbstractMixer


class Block(AbstractMixer):
    """h <- h + O norm(mixer(convolution(norm(h)))), then h <- feed_forward(h).

    Attributes:
        norm: before the convolution.
        convolution: the same in front of every mixer, so that none is ahead because of it.
        mixer: attention, or a memory.
        norm_of_mixed: after it.
        output: O.
        feed_forward: with skips of its own.
    """

    norm: eqx.nn.RMSNorm
    convolution: CausalConvolution
    mixer: AbstractMixer
    norm_of_mixed: eqx.nn.RMSNorm
    output: eqx.nn.Linear
    feed_forward: ContinuumFeedForward

    @classmethod
    def initialise(
        cls, key: PRNGKeyArray, mixer: AbstractMixer, width: int, feed_forward: ContinuumFeedForward
    ) -> "Block":
        """A block around a mixer and a feed-forward part.

        Args:
            key: of the random numbers.
            mixer: of tokens of this width.
            width: of tokens.
            feed_forward: the same.
        """
        of_convolution, of_output = jax.random.split(key)
        return cls(
            eqx.nn.RMSNorm(width, use_bias=False),
            CausalConvolution.initialise(of_convolution, width),
            mixer,
            eqx.nn.RMSNorm(width, use_bias=False),
            eqx.nn.Linear(width, width, use_bias=False, key=of_output),
            feed_forward,
        )

    def initial_state(self) -> PyTree:
        """Of the convolution, and of the mixer."""
        return self.convolution.initial_state(), self.mixer.initial_state()

    def state_floats(self, tokens: int) -> int:
        """Of both."""
        return self.convolution.state_floats(tokens) + self.mixer.state_floats(tokens)

    def __call__(self, state: PyTree, tokens: Float[Array, "t d"]) -> tuple[PyTree, Float[Array, "t d"]]:
        """See `AbstractMixer.__call__`."""
        inputs, memory = state
        inputs, mixed = self.convolution(inputs, jax.vmap(self.norm)(tokens))
        memory, mixed = self.mixer(memory, mixed)
        tokens = tokens + jax.vmap(lambda token: self.output(self.norm_of_mixed(token)))(mixed)
        return (inputs, memory), self.feed_forward(tokens)
