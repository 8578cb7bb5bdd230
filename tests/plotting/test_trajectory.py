import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.trajectory import trajectory_figure


def made(seeds=3, outputs=0):
    """A simulation as `simulation_dataset` labels it: two teachers, three paths, two blocks."""
    time = np.asarray([0.0, 1.0, 1.0, 2.0])
    base = np.linspace(1.0, 2.0, 4)
    loss = np.stack([base + seed for seed in range(seeds)])
    gates = loss[:, :, None] * np.asarray([1.0, 10.0, 100.0])
    gate_dims = ("seed", "record", "path")
    if outputs:
        gates = np.stack([gates, 3 * gates], axis=-1)
        gate_dims = (*gate_dims, "output")
    similarity = np.stack([np.full((4, 2, 3), 0.1 * seed) for seed in range(seeds)])
    return xr.Dataset(
        {
            "loss": (("seed", "record"), loss),
            "gates": (gate_dims, gates),
            "similarity": (("seed", "record", "teacher", "path"), similarity),
            "result": ("seed", np.zeros(seeds, int)),
        },
        {"time": ("record", time), "teacher": ["A", "B"]},
        {"edges": np.asarray([0.0, 1.0, 2.0]), "block_tasks": np.asarray([0, 1]), "num_base": 2},
    )


@pytest.fixture
def draw():
    figures = []

    def draw(dataset):
        figures.append(trajectory_figure(dataset))
        figures[-1].canvas.draw()
        return figures[-1].axes

    yield draw
    for figure in figures:
        plt.close(figure)


def test_three_panels_are_labelled(draw):
    loss, gates, alignment = draw(made())
    assert [ax.get_ylabel() for ax in (loss, gates, alignment)] == ["loss", "gate", "alignment"]
    assert alignment.get_xlabel() == "time (in the unit of the time constants)"
    assert loss.figure.get_suptitle().startswith("mean of 3 repetitions, band: standard error; background: task\n")
    names = [text.get_text() for text in gates.get_legend().get_texts()]
    assert names == ["path 1", "path 2", "path 3"]
    names = [text.get_text() for text in alignment.get_legend().get_texts()]
    assert names == [f"{teacher}, path {path}" for teacher in "AB" for path in (1, 2, 3)]


def test_every_panel_shades_every_block(draw):
    for ax in draw(made()):
        assert [(patch.get_x(), patch.get_width()) for patch in ax.patches] == [(0.0, 1.0), (1.0, 1.0)]
        assert ax.get_xlim() == (0.0, 2.0)


def test_curves_are_means_over_repetitions(draw):
    dataset = made()
    loss, gates, alignment = draw(dataset)
    np.testing.assert_allclose(loss.lines[0].get_ydata(), dataset.loss.mean("seed"))
    np.testing.assert_allclose(loss.lines[0].get_xdata(), dataset.time)
    curves = [line for line in gates.lines if len(line.get_xdata()) == 4]
    for path, line in enumerate(curves):
        np.testing.assert_allclose(line.get_ydata(), dataset.gates.isel(path=path).mean("seed"))
    styles = {line.get_label(): line.get_linestyle() for line in alignment.lines}
    assert [name for name, style in styles.items() if style == "-"] == ["A, path 1", "B, path 2"]


def test_gates_per_neuron_are_averaged_over_outputs(draw):
    dataset = made(outputs=2)
    _, gates, _ = draw(dataset)
    curves = [line for line in gates.lines if len(line.get_xdata()) == 4]
    np.testing.assert_allclose(curves[1].get_ydata(), dataset.gates.isel(path=1).mean(("seed", "output")))


def test_failed_repetitions_are_left_out_and_counted(draw):
    dataset = made()
    dataset["result"][1] = 1
    dataset["loss"][1, 2:] = [np.inf, np.nan]
    dataset["gates"][1, 2:] = np.nan
    dataset["similarity"][1, 2:] = np.nan
    loss, _, _ = draw(dataset)
    np.testing.assert_allclose(loss.lines[0].get_ydata(), dataset.loss.isel(seed=[0, 2]).mean("seed"))
    assert loss.figure.get_suptitle().startswith("mean of 2 repetitions")
    assert "; 1 failed and left out\n" in loss.figure.get_suptitle()


def test_a_simulation_that_failed_altogether_can_still_be_drawn(draw):
    dataset = made(seeds=1)
    dataset["result"][:] = 1
    loss, _, _ = draw(dataset)
    assert len(loss.lines) == 0
    assert len(loss.patches) == 2


def test_the_style_does_not_leak(draw):
    before = dict(mpl.rcParams)
    draw(made())
    assert dict(mpl.rcParams) == before
