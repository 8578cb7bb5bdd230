"""The continuum memory system in context: a model that goes on learning from targets as they are revealed."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ntadyn.nested.continuum import CHUNKS
from ntadyn.nested.continuum.levels import continuum
from ntadyn.nested.continuum.networks import ResidualBlock
from ntadyn.nested.sequence_models.block import Block
from ntadyn.nested.sequence_models.sequence_model import SequenceModel

Levels = tuple[tuple[ResidualBlock, ...], ...]
Loss = Callable[[Array, Array], Float[Array, ""]]


class LearningState(eqx.Module):
    """What a model that learns in context carries along, per sample.

    Attributes:
        levels: theta_l, the level l of the feed-forward parts of all blocks, the fastest first.
        sums: a_l, what the chunk under way of each level has gathered.
        count: of chunks of the fastest level so far.
        memory: the state of the model.
    """

    levels: Levels
    sums: Levels
    count: Int[Array, ""]
    memory: PyTree


def initial_learning_state(model: SequenceModel) -> LearningState:
    """The levels as they are trained, and the state that every sequence finds.

    Args:
        model: any of `MODELS`.
    """
    levels = _levels(model)
    return LearningState(levels, jax.tree.map(jnp.zeros_like, levels), jnp.zeros((), int), model.initial_state())


def dynamic_evaluation(
    model: SequenceModel,
    state: LearningState,
    inputs: Array,
    targets: Array,
    *,
    loss: Loss,
    rates: Sequence[Any],
    chunks: Sequence[int] = CHUNKS,
) -> tuple[LearningState, Float[Array, "t o"]]:
    """Answer a sequence and learn from its targets: after every C_l tokens theta_l <- theta_l - eta_l sum of gradients.

    The tokens of a chunk of the fastest level are answered first. Then their targets are revealed, and the gradient of
    their loss by the levels, at the levels and the state that the chunk has found, is added to what every level
    gathers; those whose chunk ends take their step. So no answer depends on a target of its own chunk or of a later
    one, and a level stands still within its chunks. All else stays as it was trained. A sequence may be cut where
    chunks of the fastest level end: the next call goes on from the state of the last.

        state, answers = dynamic_evaluation(model, initial_learning_state(model), inputs, targets, loss=loss, rates=...)

    One call is one sequence of one sample, whose levels are its own; map over samples with `jax.vmap`.

    Args:
        model: any of `MODELS`.
        state: `initial_learning_state(model)`, or what the call before has returned.
        inputs: as the model reads them, a multiple of C_1 tokens.
        targets: of every token, a leading axis as long.
        loss: of the answers (tokens, outputs) and targets of some tokens, summed over tokens.
        rates: eta_l, the fastest first; with 0 a level stays as it is.
        chunks: C_l, each dividing the next, or equal to it; one per level of the model.

    Returns:
        The state after the sequence, and the answers, shape (tokens, outputs).

    Raises:
        ValueError: for chunks that do not nest, numbers that differ, or a length that C_1 does not divide.

    Source: Krause et al. 2018, dynamic evaluation (arXiv 1709.07432), for one level; the levels: Behrouz et al., Nested
    Learning (NeurIPS 2025), equation 31.
    """
    _check(model, inputs, targets, rates, chunks)
    size = chunks[0]
    periods = [chunk // size for chunk in chunks]

    def split(rows: Array) -> Array:
        return rows.reshape(-1, size, *rows.shape[1:])

    def through(state: LearningState, chunk: tuple[Array, Array]) -> tuple[LearningState, Array]:
        read, revealed = chunk

        def loss_of(levels: Levels) -> tuple[Array, tuple[PyTree, Array]]:
            memory, answers = _with_levels(model, levels)(state.memory, read)
            return loss(answers, revealed), (memory, answers)

        slopes, (memory, answers) = jax.grad(loss_of, has_aux=True)(state.levels)
        count = state.count + 1
        levels, sums = [], []
        for level, gathered, slope, rate, period in zip(state.levels, state.sums, slopes, rates, periods, strict=True):
            due = count % period == 0
            gathered = jax.tree.map(jnp.add, gathered, slope)
            levels.append(_moved(level, gathered, jnp.where(due, rate, 0.0)))
            sums.append(jax.tree.map(lambda leaf, due=due: jnp.where(due, jnp.zeros_like(leaf), leaf), gathered))
        return LearningState(tuple(levels), tuple(sums), count, memory), answers

    state, answers = jax.lax.scan(through, state, (split(inputs), split(targets)))
    return state, answers.reshape(-1, answers.shape[-1])


def _moved(level: PyTree, slope: PyTree, rate: Array) -> PyTree:
    return jax.tree.map(lambda leaf, change: leaf - rate.astype(leaf.dtype) * change, level, slope)


def _levels(model: SequenceModel) -> Levels:
    return tuple(zip(*(block.feed_forward.levels for block in _blocks(model)), strict=True))


def _with_levels(model: SequenceModel, levels: Levels) -> SequenceModel:
    return eqx.tree_at(
        lambda model: [block.feed_forward.levels for block in model.blocks], model, list(zip(*levels, strict=True))
    )


def _blocks(model: SequenceModel) -> list[Block]:
    blocks = [block for block in model.blocks if isinstance(block, Block)]
    if len(blocks) < len(model.blocks):
        raise ValueError(
            f"only a Block has levels, and this model has {', '.join(type(one).__name__ for one in model.blocks)}; "
            f"make one with build() or assemble()."
        )
    return blocks


def _check(model: SequenceModel, inputs: Array, targets: Array, rates: Sequence[Any], chunks: Sequence[int]) -> None:
    number = len(_levels(model))
    if not number == len(rates) == len(chunks):
        raise ValueError(
            f"dynamic_evaluation: got {len(rates)} rates and {len(chunks)} chunks for {number} levels; give one of "
            f"each per level."
        )
    continuum((1.0,) * number, chunks)  # which says what is wrong with chunks that do not nest
    length = inputs.shape[0]
    if targets.shape[:1] != (length,) or not length or length % chunks[0]:
        raise ValueError(
            f"dynamic_evaluation: got {length} tokens and targets of shape {targets.shape} for chunks of {chunks[0]}; "
            f"give one target per token, and a multiple of {chunks[0]} tokens, at least one."
        )
