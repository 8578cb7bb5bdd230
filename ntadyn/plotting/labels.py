"""Text from files in pictures, where it must be no formula, and not longer than a picture is wide."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ntadyn.results.dataset_axes import varied_parameters
from ntadyn.results.text import printable
from ntadyn.specs.differences import settings_of

LONGEST_LABEL = 60
# Read by programs, not drawn as they are.
_VALUES = ("configuration", "preset")


def label(text: object, longest: int = LONGEST_LABEL) -> str:
    """Text as it is, for a library that takes what stands between dollar signs for mathematics."""
    return printable(text, longest).replace("$", r"\$")


def settings_title(dataset: xr.Dataset, width: int = 100) -> str:
    """The preset behind a dataset and the parameters that differ from it, in one or two lines; "" if none is known.

    Args:
        dataset: with the configuration among its attributes.
        width: characters of a line.
    """
    settings = settings_of(dataset.attrs, varied_parameters(dataset))
    return "" if settings is None else "\n".join(textwrap.wrap(label(settings.short(2 * width - 20), 4 * width), width))


def for_pictures(dataset: xr.Dataset) -> xr.Dataset:
    """A dataset whose names, attributes and coordinates of text can be drawn as they are.

    Args:
        dataset: from a file that anybody may have made.

    Returns:
        The same values under such names.
    """
    named = {name: label(name) for name in (*dataset.variables, *dataset.dims) if "$" in str(name)}
    drawn = dataset.rename(named).assign_attrs(_labels(dataset.attrs))
    texts = {
        name: (item.dims, np.asarray([label(text) for text in item.values.flat], object).reshape(item.shape))
        for name, item in drawn.coords.items()
        if item.dtype.kind in "UOT"
    }
    drawn = drawn.assign_coords({name: (*text, drawn[name].attrs) for name, text in texts.items()})
    for item in drawn.variables.values():
        item.attrs = _labels(item.attrs)
    return drawn


def _labels(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    return {
        name: label(value) if isinstance(value, str) and name not in _VALUES else value
        for name, value in attributes.items()
    }
