"""JAX as commands use it: in double precision, with compiled programs that are kept, on a device that is there."""

from ntadyn.compilation_cache import keep_programs


def wake_jax(kind: str | None = None) -> None:
    """Import JAX, set it up, and find its devices.

    Args:
        kind: the value of `--device`; if omitted, JAX or the variable JAX_PLATFORMS chooses.

    Raises:
        ValueError: with the reason that JAX gives, if it finds no such device.
    """
    import jax

    jax.config.update("jax_enable_x64", True)
    keep_programs()
    check_devices(kind)


def check_devices(kind: str | None = None) -> None:
    """Refuse to go on without a device of the kind that was asked for.

    Args:
        kind: the value of `--device`; if omitted, JAX or the variable JAX_PLATFORMS chooses.

    Raises:
        ValueError: with the reason that JAX gives, if it finds no such device.
    """
    import jax

    before = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    if kind is not None:
        jax.config.update("jax_platforms", kind)
    try:
        jax.local_devices(backend=kind)  # by name, because JAX does not stop what it has started
    except (RuntimeError, AssertionError) as error:  # for a missing plugin JAX fails an assertion without a message
        jax.config.update("jax_platforms", before)
        wanted = kind or before
        reason = str(error).splitlines()[0] if str(error) else "JAX cannot start it"
        way_out = "leave out --device" if kind is not None else "unset JAX_PLATFORMS, or set it to cpu"
        raise ValueError(f"there is no device of the kind {wanted!r} here ({reason}); {way_out}.") from error
