"""Options of XLA under which a loop becomes one function of machine code, three to four times faster on a CPU.

XLA:CPU runs a compiled program as a list of small functions, some thirty per time step, and calling them costs more
than what they compute. Two options change that: `xla_cpu_small_while_loop_byte_threshold` says up to how many bytes
the arrays of a loop are small enough to compile it, with all it contains, as one function (512 unless told otherwise),
and `xla_cpu_use_multi_output_fusion` lets fewer functions compute more.

XLA reads its options once in a process, when the first device is asked for: with the first array that is made, not with
`import jax`. They move the last bits of results, and so belong to what identifies a sweep. Other devices ignore them.
Nothing here imports JAX before it is called.
"""

import functools
import os
import sys
from collections.abc import MutableMapping

VARIABLE = "XLA_FLAGS"
FLAG = "--xla_backend_extra_options"
OPTIONS = ("xla_cpu_use_multi_output_fusion", "xla_cpu_small_while_loop_byte_threshold=1000000000")

# More numbers than a loop may hold that XLA takes for small by itself.
_MANY = 1024
# What XLA writes beside the call of a loop that it has made one function.
_MARK = "xla_cpu_small_call"


def compile_whole_loops(environment: MutableMapping[str, str] | None = None) -> None:
    """Let XLA compile every loop as one function, in this process and in those that it starts.

    Call it first, before anything makes an array. The command line and the experiments do.

        import ntadyn

        ntadyn.compile_whole_loops()

    What `XLA_FLAGS` says already is kept, also about these two options.

    Args:
        environment: where `XLA_FLAGS` is read and written; that of this process if omitted.

    Raises:
        RuntimeError: if JAX has started without these options. Nothing is changed then.
    """
    environment = os.environ if environment is None else environment
    given = environment.get(VARIABLE, "")
    if (wanted := with_options(given)) == given:
        return
    if environment is os.environ and has_started():
        raise RuntimeError(
            f"JAX has asked for its devices already, and reads {VARIABLE} no more. Call ntadyn.compile_whole_loops() "
            f"before the first array is made (in a notebook: restart the kernel, and call it in the first cell), or "
            f'start Python with {VARIABLE}="{wanted}".'
        )
    environment[VARIABLE] = wanted


def with_options(flags: str) -> str:
    """A value of `XLA_FLAGS`, with those of the two options added about which it says nothing."""
    if flags.strip() and not flags.lstrip().startswith("-"):
        return flags  # the name of a file, in which XLA looks for its flags
    named = {option.split("=")[0] for flag in flags.split() for option in _extra(flag)}
    missing = [option for option in OPTIONS if option.split("=")[0] not in named]
    return " ".join([*flags.split(), f"{FLAG}={','.join(missing)}"]) if missing else flags


def without_options(flags: str) -> list[str]:
    """The single flags in a value of `XLA_FLAGS` that are not these options with these values."""
    others = []
    for flag in flags.split():
        extra = _extra(flag)
        kept = [option for option in extra if option not in OPTIONS]
        if kept or not extra:
            others.append(f"{FLAG}={','.join(kept)}" if extra else flag)
    return others


def has_started() -> bool:
    """Whether JAX has asked for its devices, so that XLA has read its options."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    # There is no public way to ask without starting it.
    return bool(getattr(bridge, "backends_are_initialized", lambda: False)())


@functools.cache
def loops_are_whole() -> bool:
    """Whether XLA does it, whatever `XLA_FLAGS` says by now: a loop is compiled, once per process, and looked at."""
    import jax
    import jax.numpy as jnp

    def loop(numbers: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, 3, lambda _, numbers: numbers * 0.5 + 1.0, numbers)

    with jax.disable_jit(False):
        compiled = jax.jit(loop).lower(jax.ShapeDtypeStruct((_MANY,), jnp.float32)).compile()
    return _MARK in (compiled.as_text() or "")


def _extra(flag: str) -> list[str]:
    """The options in one flag of XLA; none if it is another flag."""
    name, _, options = flag.partition("=")
    return options.split(",") if name == FLAG else []
