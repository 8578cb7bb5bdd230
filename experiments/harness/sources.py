"""Whose number a measured one is compared with: the words for it, the same in the tables of all experiments."""

PICTURE = "published picture"  # read off it
STORED = "numbers stored with the published figure"
ARRAYS = "arrays of the published code"  # from its own initial weights
RERUN = "published code, run again"
OTHER = "another simulation"  # of the same network, by others
CLAIM = "claim of the article"  # a sentence without a number
EXACT = "closed form"
OURS = "bound of ours"


def both(one: str, other: str) -> str:
    """Two sources that agree, or span what is expected."""
    return f"{one}, {other}"
