"""Tables of the maps of figure 5: those stored with it, and those of another simulation of its convention.

Rows are block durations, shortest first; columns are nominal tau_c or lambda, ascending. They differ in how paths are
paired with teachers: stored ones by the published sorting, which is no assignment, the others by the best assignment at
the end of the run.
"""

import numpy as np

AWAY = 0.02  # tolerance of a cell that is not at a border
STORED_LEFT = np.array(
    [
        [0.69540, 0.70236, 0.70554, 0.70607, 0.70602],
        [0.99390, 0.59505, 0.63972, 0.66428, 0.68363],
        [0.99880, 0.98455, 0.91972, 0.62473, 0.64231],
        [0.99866, 0.99676, 0.98702, 0.91872, 0.74262],
        [0.99975, 0.99438, 0.99276, 0.91705, 0.91932],
    ]
)
STORED_RIGHT = np.array(
    [
        [0.66198, 0.68553, 0.62254, 0.63745, 0.64213],
        [0.56914, 0.90791, 0.99662, 0.99511, 0.98764],
        [0.50378, 0.99998, 0.99998, 0.99996, 0.99993],
        [0.50025, 0.69779, 0.99998, 0.99995, 0.99993],
        [0.54632, 0.41561, 0.99995, 0.99996, 0.99994],
    ]
)
# Another simulation of the same convention, 40 seeds, paths assigned optimally.
LEGACY_LEFT = np.array(
    [
        [0.744, 0.724, 0.713, 0.710, 0.708],
        [0.991, 0.784, 0.718, 0.712, 0.710],
        [0.998, 0.933, 0.749, 0.722, 0.714],
        [1.000, 0.977, 0.804, 0.713, 0.706],
        [1.000, 0.994, 0.890, 0.747, 0.703],
    ]
)
LEGACY_RIGHT = np.array(
    [
        [0.661, 0.95, 0.93, 0.92, 0.92],
        [0.568, 1.0, 1.00, 1.00, 1.00],
        [0.504, 1.0, 1.00, 1.00, 1.00],
        [0.501, 0.84, 1.00, 1.00, 1.00],
        [0.548, 0.33, 1.00, 1.00, 1.00],
    ]
)
