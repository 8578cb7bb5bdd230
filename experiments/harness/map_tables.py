"""Expected maps given as tables: which of their cells lie away from a border."""

import numpy as np


def is_inside(values: np.ndarray, level: float) -> np.ndarray:
    """Cells that are, with all their neighbours, on one side of a level; the others lie at the border.

    The table decides, and not what is compared with it: a map that is noisy where it should not be gets no allowance.

    Args:
        values: the table, shape (rows, columns).
        level: where the border runs.

    Returns:
        True away from the border, shape (rows, columns).
    """
    high = np.pad(values > level, 1, mode="edge")
    rows, columns = values.shape
    around = [high[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.all(around, axis=0) | ~np.any(around, axis=0)
