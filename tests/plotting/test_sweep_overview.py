import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from ntadyn.maps.summary import summarise
from ntadyn.plotting.sweep_overview import sweep_overview
from tests.finished_sweeps import ramp, sweep
from tests.pixels import unseen

COLUMNS = np.linspace(0.1, 0.5, 5)


@pytest.fixture
def drawn():
    figures = []

    def drawn(dataset, **options):
        figures.append(sweep_overview(dataset, **options))
        return figures[-1]

    yield drawn
    for figure in figures:
        plt.close(figure)


def made():
    rng = np.random.default_rng(0)
    values = np.stack([ramp(0.2 + 0.05 * row + 0.02 * rng.normal(size=4), COLUMNS, slope=0.5) for row in range(4)])
    return sweep(values, block_duration=[1, 2, 3, 4], gate_time_constant=COLUMNS)


def legend_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def mesh_of(figure):
    (mesh,) = [item for item in figure.axes[0].collections if isinstance(item, mpl.collections.QuadMesh)]
    return mesh


def titles(figure):
    return [ax.get_title() for ax in figure.axes]


def test_a_map_gets_six_panels_that_say_what_they_show(drawn):
    dataset = made()
    shape = dataset.alignment.shape
    dataset["gate_error"] = (dataset.alignment.dims, np.full(shape, 1e-4))
    dataset["perturbation"] = (dataset.alignment.dims, np.full(shape, 1.0))
    dataset["result"][0, 0, 0] = 1
    figure = drawn(dataset)
    panels = figure.axes[:6]
    assert [ax.get_title() for ax in panels[:4]] == [
        "mean, border at 0.9",
        "spread of the repetitions",
        "regimes of the repetitions",
        "all steps halved",
    ]
    assert [ax.get_ylabel() for ax in figure.axes[6:]] == [
        "mean total alignment",
        "standard deviation of total alignment",
        "largest change of any gate",
    ]
    assert figure.get_suptitle() == (
        "nearest preset figure-2-flexible; time_constants.weights = 1\n"
        "made; 4 repetitions per cell; 1 of 80 trajectories failed and are left out"
    )
    assert legend_of(figure) == [
        "border: the mean crosses the level",
        "where the border may run, 5 to 95 % of resamples",
        "uncertain: the interval of the mean contains the level",
        "separatrix: a jittered start ended elsewhere",
        "some repetitions failed",
        "median of the repetitions",
        "middle half of the repetitions",
        "single repetitions",
    ]
    for ax in panels[4:]:
        legend = ax.get_legend()
        assert len(legend.get_texts()) == 3
    assert all(mpl.colors.to_hex(text.get_color()) == "#000000" for text in panels[2].get_legend().get_texts())


def test_what_was_not_computed_is_said_and_not_drawn(drawn):
    dataset = made().isel(seed=[0]).drop_vars("contrast")
    figure = drawn(dataset)
    told = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert told == [
        "fewer than two repetitions ended well:\nspread unknown",
        "the contrast was not kept:\nno regimes",
        "errors were not estimated",
    ]
    assert "mean, border at 0.9" in titles(figure)


def test_errors_of_a_sample_of_cells_say_how_large_it_is(drawn):
    dataset = made()
    errors = np.full(dataset.alignment.shape, np.nan)
    errors[0, :2] = 1e-4
    dataset["gate_error"] = (dataset.alignment.dims, errors)
    assert "all steps halved, 2 of 20 cells" in titles(drawn(dataset))
    dataset["gate_error"] = dataset.gate_error.fillna(1e-5)
    dataset["result"][3, 3] = 1
    assert "all steps halved" in titles(drawn(dataset))


def test_what_was_not_run_has_not_failed(drawn):
    dataset = made()
    dataset["result"][3, 3:] = -1
    dataset["result"][0, 0, 0] = 3
    figure = drawn(dataset)
    assert figure.get_suptitle().endswith(
        "1 of 72 trajectories failed and are left out; 8 of 80 trajectories were not run"
    )
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in crosses) == 1


def test_unresolved_errors_are_hatched(drawn):
    dataset = made()
    errors = np.full(dataset.alignment.shape, 1e-4)
    errors[1, 2] = np.inf
    dataset["gate_error"] = (dataset.alignment.dims, errors)
    figure = drawn(dataset)
    assert "all steps halved, 19 of 20 cells" in titles(figure)
    assert "unresolved errors" in legend_of(figure)
    dataset["gate_error"][:] = np.inf
    assert "no error is resolved" in [text.get_text() for ax in drawn(dataset).axes for text in ax.texts]


def test_a_sweep_over_one_axis_is_drawn_as_lines_with_its_border(drawn):
    dataset = made().isel(block_duration=0)
    dataset["gate_error"] = (dataset.alignment.dims, np.full(dataset.alignment.shape, 1e-4))
    figure = drawn(dataset)
    scores, shares, errors = figure.axes
    assert scores.get_ylabel() == "total alignment"
    assert shares.get_ylabel() == "share of repetitions"
    assert errors.get_yscale() == "log"
    assert errors.get_xlabel() == r"gate time constant $\tau_c/\tau_W$"
    assert len(scores.patches) == 1  # the interval of the border


def test_further_axes_are_cut_and_named_in_the_title(drawn):
    whole = made()
    deep = sweep(
        np.stack([whole.alignment.values - 0.3, whole.alignment.values, whole.alignment.values + 0.3], axis=2),
        block_duration=[1, 2, 3, 4],
        gate_time_constant=COLUMNS,
        strength=[0.1, 0.2, 0.3],
    )
    figure = drawn(deep)
    assert figure.get_suptitle().endswith("made; 4 repetitions per cell; penalty strength = 0.2")
    np.testing.assert_allclose(mesh_of(figure).get_array(), whole.alignment.mean("seed"))
    figure = drawn(deep, at={"strength": "0.27"})
    assert figure.get_suptitle().endswith("; penalty strength = 0.3")
    np.testing.assert_allclose(mesh_of(figure).get_array(), whole.alignment.mean("seed") + 0.3)
    other = drawn(deep, at={"gate_time_constant": 0.3})
    assert other.axes[0].get_xlabel() == "penalty strength"
    assert other.get_suptitle().endswith("; gate time constant = 0.3")


def outlines(figure):
    return [item for item in figure.axes[0].collections if str(item.get_label()).startswith("uncertain")]


def test_uncertain_cells_are_marked_where_they_are(drawn):
    dataset = made()
    uncertain = summarise(dataset).uncertain.values
    assert 0 < uncertain.sum() < uncertain.size / 2
    (outline,) = outlines(drawn(dataset))
    # Inside of an outline whoever looks to the left sees an odd number of its upright pieces.
    pieces = np.asarray(outline.get_segments())
    upright = pieces[pieces[:, 0, 0] == pieces[:, 1, 0]]
    left, (low, high) = upright[:, 0, 0], np.sort(upright[:, :, 1]).T
    x, y = np.meshgrid(COLUMNS, dataset.block_duration.values)
    crossed = (left < x[..., None]) & (low < y[..., None]) & (y[..., None] < high)
    np.testing.assert_array_equal(crossed.sum(-1) % 2 == 1, uncertain)
    row = np.nonzero(uncertain)[0][0]
    (marks,) = [line for line in drawn(dataset.isel(block_duration=row)).axes[0].lines if line.get_marker() == "D"]
    np.testing.assert_allclose(marks.get_xdata(), COLUMNS[uncertain[row]])
    # One repetition leaves every cell open, which no picture has to say cell by cell.
    assert not outlines(drawn(dataset.isel(seed=[0])))


def test_slices_that_coincide_are_all_seen(drawn):
    dataset = sweep(np.tile(ramp([0.3], COLUMNS), (4, 1, 1)), block_duration=[1, 2, 3, 4], gate_time_constant=COLUMNS)
    figure = drawn(dataset)
    assert unseen(figure, figure.axes[4], ["C0", "C1", "C2"]) == []


def test_no_parameter_that_is_always_positive_gets_a_negative_place(drawn):
    places = [0.0025, 0.05]
    values = np.stack([ramp([0.2, 0.3], [0.1, 0.4])] * 3)
    figure = drawn(sweep(values, block_duration=[0.01, 1.0, 1.4], gate_time_constant=places))
    for ax in figure.axes[:6]:
        if ax.has_data():
            assert ax.get_xlim()[0] >= 0
    assert figure.axes[0].get_ylim()[0] >= 0


@pytest.mark.representatives(2)
@pytest.mark.parametrize("shape", [(), (2,), (2, 1), (2, 2)])
def test_small_and_failed_sweeps_can_be_drawn(drawn, shape):
    axes = dict(zip(("block_duration", "strength"), ([1, 2], [0.1, 0.2]), strict=True))
    axes = {name: axes[name][:size] for name, size in zip(axes, shape, strict=False)}
    dataset = sweep(np.full((*shape, 2), 0.6), **axes)
    drawn(dataset).canvas.draw()
    dataset["result"] += 1
    figure = drawn(dataset)
    figure.canvas.draw()
    assert f"{2 * int(np.prod(shape))} of {2 * int(np.prod(shape))} trajectories failed" in figure.get_suptitle()


def test_other_scores_and_levels_can_be_drawn(drawn):
    figure = drawn(made(), score="contrast", level=0.6)
    assert titles(figure)[0].startswith("mean, border at 0.6")
    assert figure.axes[4].get_ylabel() == "contrast"
    with pytest.raises(
        ValueError, match="'gates' is not a number per trajectory of this sweep; choose one of alignment, contrast"
    ):
        sweep_overview(made(), score="gates")


def test_the_style_does_not_leak(drawn):
    before = dict(mpl.rcParams)
    drawn(made())
    assert dict(mpl.rcParams) == before
