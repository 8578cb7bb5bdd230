"""The models by name, all with one skeleton: they differ in the mixer, and in the levels of the feed-forward part."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from ntadyn.nested.memories import AbstractLinearRule, Delta, GatedDelta, Hebbian, MatrixMemory, TwoLayerMemory
from ntadyn.nested.sequence_models.attention import SoftmaxAttention
from ntadyn.nested.sequence_models.block import Block
from ntadyn.nested.sequence_models.fast_memories import Descent, Objective, WriteRule
from ntadyn.nested.sequence_models.feed_forward import ContinuumFeedForward
from ntadyn.nested.sequence_models.memory_mixers import LinearMemoryMixer, TitansMixer
from ntadyn.nested.sequence_models.self_modifying import FROZEN, MaxRates, SelfModifyingMemory, Targets
from ntadyn.nested.sequence_models.sequence_model import AbstractMixer, SequenceModel

MixerBuilder = Callable[[PRNGKeyArray, int], AbstractMixer]
"""From a random key and the width of tokens to a mixer."""

LEVELS, EXPANSION = 3, 4
"""Levels of the continuum memory system of HOPE, and hidden units over width where nothing is said."""


class Tokens(NamedTuple):
    """Inputs that are whole numbers.

    Attributes:
        number: they are below this.
    """

    number: int


class Vectors(NamedTuple):
    """Inputs that are vectors.

    Attributes:
        size: entries of each.
    """

    size: int


class Recipe(NamedTuple):
    """What tells a model from the others.

    Attributes:
        mixer: makes one for every block.
        levels: of the feed-forward part.
    """

    mixer: MixerBuilder
    levels: int = 1


def assemble(
    recipe: Recipe,
    *,
    inputs: Tokens | Vectors,
    outputs: int,
    width: int,
    depth: int,
    hidden: int,
    key: PRNGKeyArray,
) -> SequenceModel:
    """The skeleton around any mixer.

        recipe = Recipe(functools.partial(SelfModifyingMemory.linear, chunk=4), levels=3)
        model = assemble(recipe, inputs=Tokens(64), outputs=64, width=32, depth=2, hidden=128, key=key)

    Args:
        recipe: what tells the model from others.
        inputs: what is read.
        outputs: numbers per token.
        width: of tokens within the model.
        depth: blocks.
        hidden: units of the feed-forward part of a block, of all its levels together.
        key: of the random numbers.

    Raises:
        ValueError: for sizes that are not positive, or do not fit together.
    """
    sizes = {"inputs": inputs[0], "outputs": outputs, "width": width, "depth": depth, "hidden": hidden}
    if wrong := {name: size for name, size in sizes.items() if size < 1}:
        raise ValueError(f"a sequence model of {wrong}; every size must be at least 1.")
    of_encoder, of_readout, *of_blocks = jax.random.split(key, 2 + depth)

    def block(key: PRNGKeyArray) -> Block:
        of_mixer, of_feed_forward, of_rest = jax.random.split(key, 3)
        feed_forward = ContinuumFeedForward.initialise(of_feed_forward, width, hidden, recipe.levels)
        return Block.initialise(of_rest, recipe.mixer(of_mixer, width), width, feed_forward)

    if isinstance(inputs, Tokens):
        encoder = eqx.nn.Embedding(inputs.number, width, key=of_encoder)
    else:
        encoder = eqx.nn.Linear(inputs.size, width, key=of_encoder)
    return SequenceModel(
        encoder,
        tuple(block(one) for one in of_blocks),
        eqx.nn.RMSNorm(width, use_bias=False),
        eqx.nn.Linear(width, outputs, key=of_readout),
    )


def build(
    name: str,
    *,
    inputs: Tokens | Vectors,
    outputs: int,
    width: int = 32,
    depth: int = 2,
    hidden: int | None = None,
    key: PRNGKeyArray,
) -> SequenceModel:
    """A model of `MODELS`.

        model = build("hope", inputs=Tokens(64), outputs=64, key=jax.random.key(0))

    Args:
        name: a key of `MODELS`.
        inputs: what is read.
        outputs: numbers per token.
        width: of tokens within the model.
        depth: blocks.
        hidden: see `assemble`; four times the width if omitted.
        key: of the random numbers.

    Raises:
        ValueError: for a name that there is not, or sizes that do not fit.
    """
    if name not in MODELS:
        raise ValueError(f"there is no sequence model {name!r}; take one of {', '.join(sorted(MODELS))}.")
    hidden = EXPANSION * width if hidden is None else hidden
    return assemble(MODELS[name], inputs=inputs, outputs=outputs, width=width, depth=depth, hidden=hidden, key=key)


def _linear(rule: AbstractLinearRule, *, has_rates: bool, has_retentions: bool) -> MixerBuilder:
    return functools.partial(
        LinearMemoryMixer.initialise, rule=rule, has_rates=has_rates, has_retentions=has_retentions
    )


def _titans(key: PRNGKeyArray, width: int) -> TitansMixer:
    return TitansMixer.initialise(key, width, MatrixMemory(jnp.zeros((width, width))))


def _titans_of_two_layers(key: PRNGKeyArray, width: int) -> TitansMixer:
    of_start, of_rest = jax.random.split(key)
    return TitansMixer.initialise(of_rest, width, TwoLayerMemory.initialise(of_start, width, width, width))


def _hope(**choices: Any) -> Recipe:
    return Recipe(functools.partial(SelfModifyingMemory.linear, **choices), LEVELS)


def _two_layers(key: PRNGKeyArray, width: int) -> SelfModifyingMemory:
    return SelfModifyingMemory.two_layers(key, width, width)


MODELS: Mapping[str, Recipe] = {
    "transformer": Recipe(SoftmaxAttention.initialise),
    "linear-attention": Recipe(_linear(Hebbian(), has_rates=False, has_retentions=False)),
    "delta-net": Recipe(_linear(Delta(), has_rates=True, has_retentions=False)),
    "gated-delta": Recipe(_linear(GatedDelta(), has_rates=True, has_retentions=True)),
    "titans": Recipe(_titans),
    "titans-two-layers": Recipe(_titans_of_two_layers),
    "hope-attention": Recipe(SoftmaxAttention.initialise, LEVELS),
    "hope": _hope(),
    "hope-two-layers": Recipe(_two_layers, LEVELS),
    "self-modifying": Recipe(SelfModifyingMemory.linear),
    "hope-no-dgd": _hope(how=WriteRule(descent=Descent.PLAIN)),
    "hope-squared": _hope(how=WriteRule(Objective.SQUARED, Descent.PLAIN)),
    "hope-as-printed": _hope(how=WriteRule(Objective.SQUARED, Descent.DELTA)),
    "hope-fixed-keys": _hope(max_rates=MaxRates(keys=0.0)),
    "hope-fixed-values": _hope(max_rates=MaxRates(values=0.0)),
    "hope-frozen-projections": _hope(max_rates=FROZEN),
    "hope-adaptive-queries": _hope(max_rates=MaxRates(queries=MaxRates().keys)),
    "hope-given-values": _hope(targets=Targets.VALUES),
}
"""By name: the transformer, memories that do not modify themselves, HOPE, and HOPE without one of its ideas.

`hope-attention` has softmax attention in place of the memory, `self-modifying` has no continuum memory system, and
`hope-as-printed` is a warning: see `Descent`.
"""
