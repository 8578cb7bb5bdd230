"""Blocks of a network as levels, each updated after as many steps as its chunk is long."""

from collections.abc import Sequence
from typing import Any

from ntadyn.nested.clocks import EverySteps, Flow, Real
from ntadyn.nested.level import Level

CHUNKS = (1, 8, 64)
# How much slower every level is than the one before.
SLOWING = 4.0


def continuum(
    time_constants: Sequence[Real],
    chunks: Sequence[int] = CHUNKS,
    retentions: Sequence[Real] | None = None,
    resets: Sequence[bool] | None = None,
) -> tuple[Level, ...]:
    """Levels for `LevelDescent`, one per block of a network with the field `levels`, the fastest first.

    After every C_l steps of length h, theta_l <- a_l theta_l - (h / tau_l) sum of the last C_l gradients, all of them
    taken at the theta_l of the chunk. The printed sum has C_l + 1 terms, and
    counts gradients at the edges of chunks twice.

    The length of a chunk sets how old gradients are, and over how many of them a level averages. It is no time
    constant: for a gradient that does not fluctuate a chunk is one step of Euler's method of the length C_l h, as far
    from the flow as that. What makes a level slow is its time constant.

    Args:
        time_constants: tau_l; the learning rate of a step is h / tau_l.
        chunks: C_l, each dividing the next, or equal to it.
        retentions: a_l in [0, 1]; all one if omitted.
        resets: which levels go back to their start when a block starts; none if omitted.

    Raises:
        ValueError: for chunks that do not nest, or numbers that differ.

    Source: Behrouz et al., Nested Learning (NeurIPS 2025), equations 30 and 31.
    """
    number = len(chunks)
    kept = (1.0,) * number if retentions is None else tuple(retentions)
    back = (False,) * number if resets is None else tuple(resets)
    if not number == len(time_constants) == len(kept) == len(back):
        raise ValueError(
            f"continuum: got {len(time_constants)} time constants, {number} chunks, {len(kept)} retentions and "
            f"{len(back)} resets; give one of each for every level."
        )
    pairs = list(zip(chunks, chunks[1:], strict=False))
    if min(chunks, default=0) < 1 or any(slow % fast for fast, slow in pairs):
        raise ValueError(
            f"continuum: got chunks of {tuple(chunks)} steps; each must divide the next, for example {CHUNKS}."
        )
    return tuple(
        Level(f"level {index + 1}", _block(index), EverySteps(tau, chunk), retention=retention, resets=reset)
        for index, (tau, chunk, retention, reset) in enumerate(zip(time_constants, chunks, kept, back, strict=True))
    )


def slowing_time_constants(fastest: Real, number: int = len(CHUNKS), factor: Real = SLOWING) -> tuple[Real, ...]:
    """tau_1, r tau_1, r^2 tau_1, ...: the usual choice, with r = 4.

    Args:
        fastest: tau_1.
        number: of levels.
        factor: r.
    """
    return tuple(fastest * factor**index for index in range(number))


def flowing_continuum(time_constants: Sequence[Real], resets: Sequence[bool] | None = None) -> tuple[Level, ...]:
    """The same levels for `LevelFlow`: the limit of short chunks and steps.

    Args:
        time_constants: tau_l, the fastest first.
        resets: which levels go back to their start when a block starts; none if omitted.

    Raises:
        ValueError: for numbers that differ.
    """
    back = (False,) * len(time_constants) if resets is None else tuple(resets)
    if len(back) != len(time_constants):
        raise ValueError(
            f"flowing_continuum: got {len(time_constants)} time constants and {len(back)} resets; give one of each."
        )
    return tuple(
        Level(f"level {index + 1}", _block(index), Flow(tau), resets=reset)
        for index, (tau, reset) in enumerate(zip(time_constants, back, strict=True))
    )


class _Block:
    """Selects one block, and equals every other one that does, so that programs are shared."""

    def __init__(self, index: int):
        self.index = index

    def __call__(self, network: Any) -> Any:
        return network.levels[self.index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Block) and other.index == self.index

    def __hash__(self) -> int:
        return hash((_Block, self.index))


def _block(index: int) -> _Block:
    return _Block(index)
