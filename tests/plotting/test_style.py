import itertools

import matplotlib as mpl
import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ntadyn.plotting.style import (
    TASK_TINTS,
    band,
    house_style,
    line_looks,
    save_figure,
    shade_blocks,
    task_handles,
)
from tests.pixels import unseen


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_the_style_holds_inside_the_context_only():
    before = dict(mpl.rcParams)
    with house_style():
        assert mpl.rcParams["image.cmap"] == "cividis"
        assert mpl.rcParams["axes.prop_cycle"] != before["axes.prop_cycle"]
    assert dict(mpl.rcParams) == before


def test_every_block_is_shaded_in_the_colour_of_its_task(ax):
    edges, tasks = np.asarray([0.0, 1.0, 1.5, 4.0]), np.asarray([0, 1, 0])
    shade_blocks(ax, edges, tasks)
    assert [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches] == [(0, 1), (1, 1.5), (1.5, 4)]
    colours = [matplotlib.colors.to_hex(patch.get_facecolor()).upper() for patch in ax.patches]
    assert colours == [TASK_TINTS[0], TASK_TINTS[1], TASK_TINTS[0]]
    assert ax.get_xlim() == (0.0, 4.0)


def test_shading_needs_one_task_for_every_block(ax):
    with pytest.raises(ValueError, match="zip"):
        shade_blocks(ax, [0.0, 1.0, 2.0], [0])


def test_the_band_is_one_standard_error_around_the_mean(ax):
    values = np.asarray([[1.0, 2.0], [3.0, 2.0], [5.0, 2.0]])
    band(ax, np.asarray([0.0, 1.0]), values, "black", "gate")
    (line,), (area,) = ax.lines, ax.collections
    np.testing.assert_allclose(line.get_ydata(), [3.0, 2.0])
    assert line.get_label() == "gate"
    at_zero = [y for x, y in area.get_paths()[0].vertices if x == 0.0]
    # The sample standard deviation of 1, 3, 5 is 2.
    assert (min(at_zero), max(at_zero)) == pytest.approx((3 - 2 / 3**0.5, 3 + 2 / 3**0.5))


def test_one_repetition_has_no_band(ax):
    band(ax, np.asarray([0.0, 1.0]), np.asarray([[1.0, 2.0]]), "black")
    vertices = ax.collections[0].get_paths()[0].vertices
    assert {(x, y) for x, y in vertices.tolist()} == {(0.0, 1.0), (1.0, 2.0)}


def test_figures_are_written_for_screen_and_print_and_closed(tmp_path):
    figure, ax = plt.subplots(figsize=(1, 1))
    ax.plot([0, 1], [0, 1])
    paths = save_figure(figure, tmp_path / "picture")
    assert [path.name for path in paths] == ["picture.png", "picture.pdf"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert paths[1].read_bytes().startswith(b"%PDF")
    assert not plt.fignum_exists(figure.number)


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    figure, _ = plt.subplots(figsize=(1, 1))

    def fail(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="no space left"):
        save_figure(figure, tmp_path / "picture")
    plt.close(figure)
    assert list(tmp_path.iterdir()) == []


def test_a_figure_of_which_one_picture_cannot_be_drawn_leaves_the_old_pair(tmp_path, monkeypatch):
    figure, _ = plt.subplots(figsize=(1, 1))
    for suffix in (".png", ".pdf"):
        (tmp_path / f"picture{suffix}").write_text("old")
    draw = figure.savefig

    def fail(target, format):
        if format == "pdf":
            raise RuntimeError("cannot draw")
        draw(target, format=format)

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(RuntimeError, match="cannot draw"):
        save_figure(figure, tmp_path / "picture")
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["old", "old"]
    assert not plt.fignum_exists(figure.number)


def unseen_on_each_other(looks):
    x = np.linspace(0, 1, 50)
    with house_style():
        figure, ax = plt.subplots(figsize=(6, 3))
        for look in looks:
            ax.plot(x, x, **look)
        missing = unseen(figure, ax, {look["color"] for look in looks})
    plt.close(figure)
    return missing


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_few_lines_that_coincide_are_all_seen(number):
    with house_style():
        looks = line_looks(number)
    assert unseen_on_each_other(looks) == []


@pytest.mark.slow
def test_any_two_of_many_lines_that_coincide_are_both_seen():
    with house_style():
        looks = line_looks(8)
    for pair in itertools.combinations(looks, 2):
        assert unseen_on_each_other(pair) == []


def test_lines_of_one_colour_have_different_dashes():
    with house_style():
        looks = line_looks(20)
    for first, second in itertools.combinations(looks, 2):
        assert (first["color"], first["linestyle"]) != (second["color"], second["linestyle"])


def test_tints_are_explained_for_tasks_that_occur():
    handles = task_handles(["A", "B"], [1, 0, 3, 1])
    assert [handle.get_label() for handle in handles] == ["task A", "task B", "task 4"]
    assert to_hex(handles[1].get_facecolor()).upper() == TASK_TINTS[1]
