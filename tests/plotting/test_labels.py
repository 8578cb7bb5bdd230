import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.cbook import is_math_text

from ntadyn.plotting.cells import MOST_NAMES, label_axis
from ntadyn.plotting.labels import for_pictures, label, settings_title
from ntadyn.results.dataset_axes import DatasetAxis
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json
from tests.hostile_files.good import good_sweep


@pytest.mark.parametrize("text", ["$x$", r"$\frac{", "$$", "a $ b", r"\$x$", "plain", "λ_x^2", r"\input{x}"])
def test_text_is_drawn_as_it_is(text):
    figure, ax = plt.subplots(figsize=(2, 1))
    drawn = ax.set_title(label(text))
    figure.canvas.draw()
    shown, _ = drawn._preprocess_math(drawn.get_text())
    plt.close(figure)
    assert shown == text


def test_labels_are_one_short_line():
    assert label("two\nlines") == r"two\nlines"
    assert len(label("endless " * 1000)) == 60


def test_a_dataset_for_pictures_has_the_same_values_under_names_that_are_no_formulas():
    dataset = good_sweep().rename(gate_time_constant="$a$").assign_attrs(name="$b$")
    dataset["alignment"].attrs["long_name"] = "$c$"
    dataset = dataset.assign_coords(block_duration=["$d$", "e", "f"])
    drawn = for_pictures(dataset)
    assert drawn.attrs["configuration"] == dataset.attrs["configuration"]
    texts = [
        drawn.attrs["name"],
        drawn.alignment.attrs["long_name"],
        drawn.block_duration.values[0],
        drawn.result.dims[1],
    ]
    assert texts == [r"\$b\$", r"\$c\$", r"\$d\$", r"\$a\$"]
    assert not any(map(is_math_text, texts))
    np.testing.assert_array_equal(drawn.alignment, dataset.alignment)
    assert dataset.attrs["name"] == "$b$"
    xr.testing.assert_identical(for_pictures(good_sweep()), good_sweep())


def test_of_many_names_along_an_axis_some_are_written():
    figure, ax = plt.subplots()
    for number, written in ((MOST_NAMES, MOST_NAMES), (1000, 40), (41, 21)):
        names = tuple(f"name {index}" for index in range(number))
        label_axis(ax, "x", DatasetAxis("kind", np.arange(float(number)), "kind", (), names))
        assert [tick.get_text() for tick in ax.get_xticklabels()] == list(names[:: -(-number // MOST_NAMES)])
        assert len(ax.get_xticks()) == written
    plt.close(figure)


def test_the_settings_are_one_or_two_lines_without_formulas():
    changes = {"network.num_paths": 3, "time_constants.gates": 0.05, "max_step": 0.001, "batch_size": 7}
    dataset = good_sweep().assign_attrs(configuration=to_json(replaced(Configuration(), changes)), preset="$x$")
    # The gate time constant is an axis of this sweep.
    assert settings_title(dataset) == (
        "nearest preset figure-2-flexible; batch_size = 7, max_step = 0.001, network.num_paths = 3"
    )
    assert len(settings_title(dataset, 60).splitlines()) == 2
    changes = {"curriculum.name": "$x$" * 500}
    drawn = settings_title(dataset.assign_attrs(configuration=to_json(replaced(Configuration(), changes))))
    assert not is_math_text(drawn)
    assert len(drawn.splitlines()) <= 2
    assert settings_title(xr.Dataset()) == ""
