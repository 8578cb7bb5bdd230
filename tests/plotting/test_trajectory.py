import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from ntadyn.plotting.trajectory import trajectory_figure
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json
from tests.pixels import unseen


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
    similarity = np.stack([0.1 * seed + np.linspace(0, 0.5, 24).reshape(4, 2, 3) for seed in range(seeds)])
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
    assert [ax.get_ylabel() for ax in (loss, gates, alignment)] == ["loss", "gate", "similarity"]
    assert alignment.get_xlabel() == "time (in the unit of the time constants)"
    assert loss.figure.get_suptitle() == "mean of 3 repetitions; paths sorted by the teacher that each ends up with"
    (legend,) = loss.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["task A", "task B", "mean ± standard error"]
    names = [text.get_text() for text in gates.get_legend().get_texts()]
    assert names == ["path 1", "path 2", "path 3"]
    names = [text.get_text() for text in alignment.get_legend().get_texts()]
    assert names == ["A, path 1", "B, path 2", "4 other pairs: range", "total alignment"]


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
    similarity = dataset.similarity.mean("seed").values
    curves = {line.get_label(): line.get_ydata() for line in alignment.lines}
    np.testing.assert_allclose(curves["B, path 2"], similarity[:, 1, 1])
    np.testing.assert_allclose(curves["total alignment"], (similarity[:, 0, 0] + similarity[:, 1, 1]) / 2)
    (ends,) = [item for item in alignment.collections if item.get_label() == "4 other pairs: range"]
    others = similarity[:, [0, 0, 1, 1], [1, 2, 0, 2]]
    heights = ends.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([heights.min(), heights.max()], [others.min(), others.max()])


def test_two_teachers_and_two_paths_have_a_line_for_each_pair(draw):
    *_, similarity = draw(made().isel(path=slice(2)))
    names = [text.get_text() for text in similarity.get_legend().get_texts()]
    assert names == ["A, path 1", "B, path 2", "A, path 2 (other)", "B, path 1 (other)", "total alignment"]


def test_many_paths_and_tasks_stay_a_few_lines(draw):
    dataset = made()
    wide = xr.concat([dataset] * 3, "path", data_vars="minimal", coords="minimal", compat="override")
    tall = xr.concat([wide] * 3, "teacher", data_vars="minimal", coords="minimal", compat="override")
    tall = tall.assign_coords(teacher=list("ABCDEF")).assign_attrs(num_base=3)
    *_, similarity = draw(tall)
    names = [text.get_text() for text in similarity.get_legend().get_texts()]
    assert names == ["A, path 1", "B, path 2", "C, path 3", "51 other pairs: range", "total alignment"]


def test_paths_that_coincide_are_all_seen(draw):
    dataset = made()
    dataset["gates"][:] = np.linspace(0.2, 0.8, 4)[:, None]
    _, gates, _ = draw(dataset)
    assert unseen(gates.figure, gates, ["C0", "C1", "C2"]) == []


def test_the_title_names_the_preset_and_what_differs_from_it(draw):
    configuration = to_json(replaced(Configuration(), {"network.num_paths": 3, "time_constants.gates": 0.05}))
    dataset = made().assign_attrs(configuration=configuration, preset="figure-2-flexible")
    title = draw(dataset)[0].figure.get_suptitle()
    assert title.startswith("figure-2-flexible; network.num_paths = 3, time_constants.gates = 0.05\nmean of 3")


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
    assert "; 1 failed and are left out;" in loss.figure.get_suptitle()


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
