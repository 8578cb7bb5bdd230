"""Hierarchies of gates to start sweeps from. Nothing here imports JAX."""

import dataclasses

from ntadyn.specs.hierarchy import ContextHierarchy, Contexts, TreeOfGates


def contexts() -> ContextHierarchy:
    """Two contexts of two tasks, and gates of contexts above gates of paths."""
    return ContextHierarchy()


def contexts_flat() -> ContextHierarchy:
    """The same stream, and a flat network with as many paths."""
    return dataclasses.replace(contexts(), network=TreeOfGates(branches=(4,)))


def contexts_deep() -> ContextHierarchy:
    """Contexts of contexts, two of each, and three levels of gates."""
    whole, branches = contexts(), (2, 2, 2)
    return dataclasses.replace(
        whole,
        teachers=dataclasses.replace(whole.teachers, num_tasks=8),
        network=TreeOfGates(branches=branches),
        stream=Contexts(branches=branches, visits=(2, 4), num_blocks=128),
    )


HIERARCHIES = {"contexts": contexts, "contexts-flat": contexts_flat, "contexts-deep": contexts_deep}
