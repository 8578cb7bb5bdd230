"""Which sizes teachers and composites can have, said before anything is drawn. Nothing here imports JAX."""


def check_sizes(maker: str, num_tasks: int, d_out: int, d_in: int) -> None:
    """Raise ValueError unless all sizes are positive.

    Args:
        maker: whose sizes they are, for the message.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs.
    """
    if min(num_tasks, d_out, d_in) < 1:
        raise ValueError(
            f"{maker}: got num_tasks = {num_tasks}, d_out = {d_out}, d_in = {d_in}; all must be at least 1."
            " Give positive sizes."
        )


def check_rows_fit(maker: str, num_tasks: int, d_out: int, d_in: int) -> None:
    """Raise ValueError unless all rows of all teachers can be orthogonal; see `check_sizes`."""
    check_sizes(maker, num_tasks, d_out, d_in)
    if num_tasks * d_out > d_in:
        raise ValueError(
            f"{maker}: got num_tasks * d_out = {num_tasks} * {d_out} = {num_tasks * d_out} rows for d_in = {d_in}; at "
            f"most d_in rows can be orthogonal. Raise d_in to {num_tasks * d_out}, lower num_tasks or d_out, or use "
            "teachers that may overlap (svd with a shared basis, iid, overlapping)."
        )


def check_vectors_suffice(num_vectors: int, num_tasks: int, d_out: int, d_in: int) -> None:
    """Raise ValueError if a split basis has no singular vector for each task.

    Args:
        num_vectors: how many the poorer side offers per task.
        num_tasks: number of base tasks.
        d_out: number of outputs.
        d_in: number of inputs.
    """
    if num_vectors == 0:
        raise ValueError(
            f"svd: got num_tasks = {num_tasks} for d_out = {d_out}, d_in = {d_in}; a split basis needs at least one "
            "vector per task. Use fewer tasks, larger sizes, or Basis.SHARED or Basis.RANDOM on the short side."
        )


def singular_values_per_task(num_tasks: int, d_out: int, d_in: int) -> int:
    """`min(d_in, d_out) // num_tasks`, of which the scale NUM_SV takes the root.

    Raises:
        ValueError: if there are more tasks than singular values.
    """
    num_sv = min(d_in, d_out) // num_tasks
    if num_sv == 0:
        raise ValueError(
            f"Scale.NUM_SV: got num_tasks = {num_tasks} with min(d_in, d_out) = {min(d_in, d_out)}; each "
            "task needs a singular value of its own. Use fewer tasks, larger sizes, or another scale."
        )
    return num_sv


def check_overlap(overlap: float) -> None:
    """Raise ValueError unless teachers of the kind `overlapping` can have this overlap."""
    if not 0.0 < overlap <= 1.0:
        raise ValueError(
            f"overlapping: got overlap = {overlap}; allowed is 0 < overlap <= 1. For no overlap use orthogonal "
            "teachers."
        )


def check_composable(num_base: int) -> None:
    """Raise ValueError unless there are two base tasks to make composites of."""
    if num_base < 2:
        raise ValueError(
            f"published_pairs: got num_base = {num_base}; a composite needs two different base tasks. Use at least 2 "
            "(teachers.num_tasks)."
        )


def check_interleaving(d_out: int) -> None:
    """Raise ValueError unless there are rows to take from one task and from the other."""
    if d_out < 2:
        raise ValueError(
            f"with_interleaved_composites: got d_out = {d_out}; alternating rows need at least 2 outputs. "
            "Use sums as composites, or more outputs."
        )


def num_composites(num_base: int) -> int:
    """How many pairs of neighbours there are in a ring of base tasks; one for two of them."""
    return 1 if num_base == 2 else num_base
