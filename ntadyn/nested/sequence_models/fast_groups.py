"""Fast memories that are written at one rate, as one memory: one product of matrices in place of several."""

import itertools
from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ntadyn.nested.sequence_models.fast_memories import AbstractFastMemory, FastMatrix

Answers = dict[str, Float[Array, "t e"]]


class Group(eqx.Module):
    """Memories with the same keys and rates.

    Matrices one above the other are one matrix, whose answers are theirs one after the other, and it stays so whatever
    is written. Networks of two layers are alone in their groups.

    Attributes:
        names: of the memories.
        sizes: of their answers.
        memory: all of them.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    sizes: tuple[int, ...] = eqx.field(static=True)
    memory: AbstractFastMemory

    def __call__(self, rows: Float[Array, "t d"]) -> Answers:
        """What every memory answers, with the row itself added where networks of two layers answer with one."""
        parts = dict(zip(self.names, self._split(self.memory(rows), axis=1), strict=True))
        if isinstance(self.memory, FastMatrix):
            return parts
        return {name: part + rows if part.shape == rows.shape else part for name, part in parts.items()}

    def apart(self) -> dict[str, AbstractFastMemory]:
        """The memories by their names."""
        if isinstance(self.memory, FastMatrix):
            parts = self._split(self.memory.matrix, axis=0)
            return {name: FastMatrix(part) for name, part in zip(self.names, parts, strict=True)}
        return {self.names[0]: self.memory}

    def _split(self, whole: Array, axis: int) -> list[Array]:
        return jnp.split(whole, list(itertools.accumulate(self.sizes))[:-1], axis)


def grouped(memories: Mapping[str, AbstractFastMemory], rates: Mapping[str, float]) -> tuple[Group, ...]:
    """Groups of memories.

    Args:
        memories: by name.
        rates: by name; matrices of one rate make one group.
    """
    groups: dict[object, list[str]] = {}
    for name, memory in memories.items():
        groups.setdefault(rates[name] if isinstance(memory, FastMatrix) else name, []).append(name)
    return tuple(_together({name: memories[name] for name in names}) for names in groups.values())


def _together(memories: Mapping[str, AbstractFastMemory]) -> Group:
    names, parts = tuple(memories), tuple(memories.values())
    sizes = tuple(part.answers for part in parts)
    matrices = [part.matrix for part in parts if isinstance(part, FastMatrix)]
    return Group(names, sizes, FastMatrix(jnp.concatenate(matrices)) if matrices else parts[0])
