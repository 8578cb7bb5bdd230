"""How large a model is: parameters, state, and the feed-forward width at which two models have as many parameters."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import PyTree

from ntadyn.nested.sequence_models.models import MODELS, Tokens, Vectors, build
from ntadyn.nested.sequence_models.sequence_model import SequenceModel, floats

ALLOWED = 0.02


def parameter_count(model: PyTree) -> int:
    """How many numbers of a model are trained.

    Args:
        model: or any tree of arrays, those of shapes only included.
    """
    return floats(eqx.filter(model, lambda leaf: eqx.is_inexact_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)))


def state_floats(model: SequenceModel, tokens: int) -> int:
    """How many numbers a model carries along per sample after so many tokens.

    Attention keeps two vectors per token within its window; what all other models keep has one size.

    Args:
        model: any.
        tokens: read so far.
    """
    return sum(block.state_floats(tokens) for block in model.blocks)


def matched_hidden(
    name: str, parameters: int, *, inputs: Tokens | Vectors, outputs: int, width: int = 32, depth: int = 2
) -> int:
    """The hidden units of the feed-forward part with which a model comes closest to a number of parameters.

    Args:
        name: a key of `MODELS`.
        parameters: wanted.
        inputs: see `assemble`, as all that follow.
        outputs: numbers per token.
        width: of tokens within the model.
        depth: blocks.

    Raises:
        ValueError: if no width is within two per cent.
    """
    sizes: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "width": width, "depth": depth}

    key = eqx.filter_eval_shape(lambda: jax.random.key(0))

    def count(hidden: int) -> int:
        return parameter_count(eqx.filter_eval_shape(lambda key: build(name, **sizes, hidden=hidden, key=key), key))

    fewest = MODELS[name].levels if name in MODELS else 1
    least = count(fewest)
    hidden = max(fewest, fewest + round((parameters - least) / (2 * width * depth)))
    reached = count(hidden)
    if abs(reached - parameters) > ALLOWED * parameters:
        raise ValueError(
            f"{name} of width {width} and depth {depth} has {reached} parameters with {hidden} hidden units, which is "
            f"as close to {parameters} as it comes; ask for {least} or more."
        )
    return hidden
