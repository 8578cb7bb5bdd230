import pytest

from ntadyn.specs import presets
from ntadyn.specs.names import known_as, spoken


@pytest.mark.parametrize("name", ["figure-2-flexible", "figure_2_flexible", "Figure-2_FLEXIBLE", " figure-2-flexible "])
def test_one_name_has_one_spelling(name):
    assert spoken(name) == "figure-2-flexible"
    assert presets.simulation(name) == presets.figure_2_flexible()


def test_known_names_keep_their_own_spelling():
    assert known_as("Figure-2", ["figure_2", "figure_a10"]) == "figure_2"
    assert known_as("figure_a10", ["figure_2", "figure_a10"]) == "figure_a10"


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(
        ValueError, match="no figure 'figure_3'; there are figure_2, panel. Did you mean figure_2"
    ) as told:
        known_as("figure_3", ["figure_2", "panel"], "figure")
    assert "or panel" not in str(told.value)
