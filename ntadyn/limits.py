"""How large things may be, checked before anything is allocated. Nothing here imports JAX.

The limits lie far above what one machine finishes in a day, and far below what exhausts its memory.
"""

import math

# A block takes some hundred bytes, and a few microseconds to lay out: a million of them take some seconds.
MOST_BLOCKS = 1_000_000
# Records of one run, whatever is recorded.
MOST_RECORDS = 10_000_000
# Steps of one trajectory: hours on lanes, days elsewhere.
MOST_STEPS = 200_000_000
# The default step times the rate at which gates and weights exchange error.
STEP_OF_EXCHANGE = 0.0125
# Repetitions, each of which has a random key of its own.
MOST_REPETITIONS = 1_000_000
# Cells times repetitions of a sweep.
MOST_TRAJECTORIES = 100_000_000
# Cells of a sweep, each of which has a place in a group, in a tile and in the result.
MOST_CELLS = 10_000_000
# Any single size: inputs, outputs, paths, tasks, hidden units, examples in a batch.
MOST_OF_A_SIZE = 1_000_000
# Bytes of one array.
MOST_BYTES = 2**33
# Beyond these, squares overflow and quotients of squares vanish.
LARGEST, SMALLEST = 1e100, 1e-100

_REAL_BYTES = 8


def check_count(what: str, number: int | float, most: int) -> None:
    """Refuse more than `most` of something.

    Args:
        what: the parameters that decide the number, as the reader knows them.
        number: how many they ask for; infinite for more than can be counted.
        most: the limit.

    Raises:
        ValueError: if the number is above the limit.
    """
    if not number <= most:
        raise ValueError(f"{what}: that makes {_rounded(number)}, and the limit is {most:,}; ask for less.")


def check_bytes(what: str, *sizes: int) -> None:
    """Refuse an array of real numbers that would not fit into `MOST_BYTES`.

    Args:
        what: the parameters that decide the sizes.
        sizes: its length along each axis.

    Raises:
        ValueError: if the array is too large.
    """
    needed = _REAL_BYTES * math.prod(sizes)
    if needed > MOST_BYTES:
        raise ValueError(
            f"{what}: that takes {_rounded(needed / 2**30)} GiB in one array, and the limit is "
            f"{MOST_BYTES / 2**30:.0f} GiB; make one of them smaller."
        )


def _rounded(number: int | float) -> str:
    return f"{int(number):,}" if number < 1e15 else f"{float(number):.0e}" if number < 1e300 else "too many to count"
