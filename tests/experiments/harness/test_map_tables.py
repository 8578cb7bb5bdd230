import numpy as np

from experiments.harness.map_tables import is_inside


def test_a_cell_is_inside_if_no_neighbour_is_across_the_level():
    values = np.full((4, 5), 0.5)
    values[0, 0] = 0.9
    expected = np.ones((4, 5), bool)
    expected[:2, :2] = False
    np.testing.assert_array_equal(is_inside(values, 0.8), expected)
    # No border, no cell at it: all on one side of this level.
    assert is_inside(values, 0.95).all()


def test_unknown_cells_count_as_low():
    values = np.array([[np.nan, 0.5, 0.9]])
    np.testing.assert_array_equal(is_inside(values, 0.8), [[True, False, False]])
