"""How the repetitions of a sweep differ: which random streams vary, which vary together, and how to resample them."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int, Shaped

from ntadyn.results.dataset_axes import SEED, axis_names

STREAMS = {"teachers_seed": "teachers", "initial_seed": "initial state", "data_seed": "data"}


@dataclass(frozen=True)
class Factor:
    """Random streams that vary in lock-step over the repetitions, and so cannot be told apart.

    Attributes:
        streams: their coordinates, for example ("teachers_seed",); empty where the file does not name streams.
        levels: which of its draws every repetition used, counted from 0, shape (seeds,).
        num_levels: how many draws there are.
    """

    streams: tuple[str, ...]
    levels: Int[np.ndarray, " seeds"]
    num_levels: int

    @property
    def name(self) -> str:
        """The streams in words."""
        return " with ".join(STREAMS[stream] for stream in self.streams) or "repetition"


def factors(dataset: xr.Dataset) -> tuple[Factor, ...]:
    """The streams that vary, those that vary in lock-step taken together.

    Args:
        dataset: a sweep; its streams are the coordinates `STREAMS` along "seed".

    Returns:
        At least one factor; one without streams, every repetition a level of its own, where the file names none.
    """
    found: list[Factor] = []
    for stream in STREAMS:
        if stream not in dataset.coords or dataset[stream].dims != (SEED,):
            continue
        values, levels = np.unique(dataset[stream].values, return_inverse=True)
        if len(values) == 1:
            continue
        for place, other in enumerate(found):
            pairs = np.unique(np.stack([levels, other.levels]), axis=1).shape[1]
            if pairs == len(values) == other.num_levels:
                found[place] = Factor((*other.streams, stream), other.levels, other.num_levels)
                break
        else:
            found.append(Factor((stream,), levels, len(values)))
    number = dataset.sizes[SEED]
    return tuple(found) or (Factor((), np.arange(number), number),)


def not_varied(dataset: xr.Dataset) -> tuple[str, ...]:
    """Streams of which all repetitions used the same draw, or of which the file says nothing."""
    varied = {stream for factor in factors(dataset) for stream in factor.streams}
    return tuple(stream for stream in STREAMS if stream not in varied)


def resampled_weights(
    design: tuple[Factor, ...], num_resamples: int, generator: np.random.Generator
) -> Float[np.ndarray, "resamples seeds"]:
    """How often every repetition occurs when the draws of each factor are drawn again with replacement.

    With one factor this is the ordinary bootstrap. With several, repetitions that share a draw are not independent,
    and the number of a repetition is the product over factors of how often its draws were drawn.

    Args:
        design: from `factors`.
        num_resamples: how many resamples.
        generator: source of randomness.

    Returns:
        Whole numbers, shape (resamples, seeds).

    Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1 (2007).
    """
    weights = np.ones((num_resamples, len(design[0].levels)))
    for factor in design:
        share = np.full(factor.num_levels, 1 / factor.num_levels)
        counts = generator.multinomial(factor.num_levels, share, size=num_resamples)
        weights *= counts[:, factor.levels]
    return weights


def codes(dataset: xr.Dataset) -> Shaped[np.ndarray, "*cells seeds"]:
    """The result code of every trajectory: 0 where it ended well, below where it was not run, above where it failed.

    Args:
        dataset: a sweep.

    Returns:
        Shape (axes..., seeds).
    """
    return dataset["result"].transpose(*axis_names(dataset), SEED).values


def successful_values(dataset: xr.Dataset, name: str) -> Float[np.ndarray, "*cells seeds"]:
    """One number per trajectory as an array whose last axis is seeds, NaN where the trajectory failed.

    Args:
        dataset: a sweep.
        name: one of its variables, with the dimensions of the result codes.

    Returns:
        The values in double precision, shape (axes..., seeds).

    Raises:
        ValueError: if there is no such variable, or it does not hold one number per trajectory.
    """
    dims = (*axis_names(dataset), SEED)
    known = [str(key) for key, item in dataset.data_vars.items() if set(item.dims) == set(dims)]
    if name not in known:
        raise ValueError(f"{name!r} is not a number per trajectory of this sweep; choose one of {', '.join(known)}.")
    values = dataset[name].transpose(*dims).values.astype(np.float64)
    return np.where(codes(dataset) == 0, values, np.nan)
