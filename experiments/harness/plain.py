"""Values as JSON has them."""

import dataclasses
import enum
import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A value as text, numbers, lists and dictionaries; dataclasses by field, functions by name, infinity as text.

    Args:
        value: anything; what has no better form is turned into text.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else str(value)
