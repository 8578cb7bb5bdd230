"""Continuum memories to start sweeps from. Nothing here imports JAX."""

from ntadyn.specs.continuum import Blocks, ContinuumMemory, Starts, Wiring


def continuum_chain() -> ContinuumMemory:
    """Three linear blocks one after the other, with chunks of 1, 8 and 64 steps, on two orthogonal tasks in turn."""
    return ContinuumMemory()


def continuum_sum() -> ContinuumMemory:
    """The same side by side, which is one block whatever their clocks are."""
    return ContinuumMemory(Blocks(Wiring.SUM))


def continuum_retention() -> ContinuumMemory:
    """Side by side, and the fastest block forgets."""
    return ContinuumMemory(Blocks(Wiring.SUM, retention=0.996))


def continuum_reset() -> ContinuumMemory:
    """Side by side, and the fastest block goes back to its start when a task comes into force."""
    return ContinuumMemory(Blocks(Wiring.SUM, resets=True))


def continuum_nested() -> ContinuumMemory:
    """One map that starts anew from where slower levels have learned to start."""
    return ContinuumMemory(Starts())


CONTINUUM = {
    item.__name__.replace("_", "-"): item
    for item in (continuum_chain, continuum_sum, continuum_retention, continuum_reset, continuum_nested)
}
