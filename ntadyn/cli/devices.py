"""Whether there is a device to compute on."""


def check_devices(kind: str | None = None) -> None:
    """Raise ValueError, with what JAX says, if it finds no device of the kind that was asked for.

    Args:
        kind: what `--device` named; JAX, or the variable JAX_PLATFORMS, chooses if omitted.
    """
    import jax

    before = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    if kind is not None:
        jax.config.update("jax_platforms", kind)
    try:
        jax.local_devices(backend=kind)  # named, because what JAX has started it does not stop
    except (RuntimeError, AssertionError) as error:  # a missing plugin is an assertion of JAX, without a word
        jax.config.update("jax_platforms", before)
        wanted = kind or before
        reason = str(error).splitlines()[0] if str(error) else "JAX cannot start it"
        way_out = "leave out --device" if kind is not None else "unset JAX_PLATFORMS, or set it to cpu"
        raise ValueError(f"there is no device of the kind {wanted!r} here ({reason}); {way_out}.") from error
