"""Compiled programs that are not needed any more."""

from pathlib import Path

import jax

_MAPPINGS = Path("/proc/self/maps")
MANY = 20_000


def forget_programs(many: int = MANY) -> bool:
    """Let compiled programs go if there are many of them: all that JAX keeps in this process; it compiles them again.

    Each holds mappings of memory, of which Linux grants a process 65530 unless told otherwise, and the compiler that
    gets none stops the process ("LLVM compilation error: Cannot allocate memory"). A run of figure 2 that compiles
    takes some 800, and twenty methods of an arena take more than there are.

    Args:
        many: mappings from which on they go.

    Returns:
        Whether they went; never on systems that do not say how many mappings there are.
    """
    if not _MAPPINGS.exists() or _MAPPINGS.read_bytes().count(b"\n") < many:
        return False
    jax.clear_caches()
    return True
