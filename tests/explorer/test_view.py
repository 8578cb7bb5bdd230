"""What is shown, without a browser: links, parameters, maps from files, refusals."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from ntadyn.explorer.layers import layers_of
from ntadyn.explorer.maps import Map, Shelf, plane_of
from ntadyn.explorer.parameters import as_text, parameters_of, parsed_value
from ntadyn.explorer.plans import default_ranges, plan_of_view
from ntadyn.explorer.program import program_of
from ntadyn.explorer.view import Chosen, Range, View
from ntadyn.results.provenance import provenance
from ntadyn.results.storage import write_dataset
from ntadyn.specs import Configuration, Dynamics
from ntadyn.specs.families import FAMILIES, PRESETS
from ntadyn.specs.paths import replaced, to_json, value_at
from ntadyn.specs.reading import spec_of
from ntadyn.sweeps import OUTCOME, Axis, Streams, Sweep, Zipped
from ntadyn.sweeps.merge import merged
from ntadyn.sweeps.stored import plan_of
from ntadyn.sweeps.tiles import TiledSweep

VIEW = View(
    preset="figure-5-published",
    columns=str(Range("time_constants.gates", 0.01, 0.05, 9)),
    rows=str(Range("curriculum.block_duration", 0.1, 1.0, 4, True)),
    seeds=2,
    score="contrast",
    layer="regime",
    given=(("penalties.strength", "0.2"),),
    moved=(("dynamics", "ONLINE"), ("time_constants.weights", "0.1")),
    cell=7,
    pins=(Chosen(3), Chosen(4, (("penalties.strength", "1e-05"),))),
    predicted=True,
)


def a_sweep(**changes) -> tuple[Sweep, xr.Dataset]:
    """A plan, and a dataset as if it had been run."""
    axes = (
        Axis("curriculum.block_duration", (0.5, 1.0)),
        Axis("time_constants.gates", (0.01, 0.02, 0.04)),
        Axis("penalties.strength", (0.1, 0.2)),
    )
    plan = Sweep(**({"configuration": PRESETS["figure-5-published"](), "axes": axes} | changes))
    cells, seeds = plan.num_cells, len(plan.repetitions())
    values = np.linspace(0.5, 1, cells * seeds).reshape(cells, seeds)
    scores = {name: (("cell", "seed"), values) for name in ("alignment", "contrast", "loss")}
    scores["result"] = (("cell", "seed"), np.zeros((cells, seeds), np.int32))
    part = xr.Dataset(scores, {"cell": np.arange(cells)})
    return plan, merged(plan, OUTCOME, [part]).assign_attrs(provenance())


def test_a_link_brings_the_view_back():
    assert View.of_query(VIEW.query) == VIEW
    assert View.of_query(f"?{View(file='a b&c=d.nc', held=(('x', 2),)).query}") == View(
        file="a b&c=d.nc", held=(("x", 2),)
    )
    assert View.of_query("") == View()


@pytest.mark.parametrize(
    "query", ["seeds=0", "cell=x", "cell=-1", "at=x", "pin=1;x", "seeds=9999999", "file=a&preset=b", "x" * 30_000]
)
def test_a_link_that_is_none_is_refused(query):
    with pytest.raises(ValueError, match=r"."):
        View.of_query(query)


def test_the_parameters_of_every_family_are_found():
    for family in FAMILIES:
        name, spec = next((name, make()) for name, make in family.presets.items())
        found = parameters_of(spec)
        assert len(found) > 5, name
        for item in found:
            assert item.text, item.path
            assert parsed_value(spec, item.path, as_text(value_at(spec, item.path))) == value_at(spec, item.path)
        rows, columns = default_ranges(name)
        assert rows.path != columns.path
        plan_of_view(View(preset=name, seeds=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "figure-five"}, "no preset"),
        ({"given": (("time_constants.gates", "-1"),)}, "gates"),
        ({"given": (("time_constants.gates", "x"),)}, "real number"),
        ({"given": (("dynamics", "x"),)}, "ORDER_PARAMETERS"),
        ({"given": (("no.such", "1"),)}, "no parameter"),
        ({"rows": VIEW.columns}, "choose two"),
        ({"rows": "network.num_paths:1.0:3.0:3:lin"}, "cannot be an axis"),
        ({"rows": "penalties.strength:1.0:0.5:3:lin"}, "smaller and a larger"),
        ({"rows": "penalties.strength:0.0:0.5:3:log"}, "above zero"),
        ({"rows": "penalties.strength:0.0:0.5:5000:lin"}, "cells|values"),
        ({"rows": "penalties.strength"}, "no axis"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused_before_anything_runs(change, message):
    with pytest.raises(ValueError, match=message):
        plan_of_view(VIEW.but(**change))


def test_specs_and_plans_come_back_from_files():
    for make in PRESETS.values():
        assert spec_of({"configuration": to_json(make())}) == make()
    zipped = Zipped("both", (Axis("time_constants.gates", (0.02, 0.01)), Axis("penalties.strength", (0.1, 0.2))))
    choices = Axis("dynamics", (Dynamics.ONLINE, Dynamics.ORDER_PARAMETERS))
    for changes in ({}, {"streams": Streams(2, 3, 1)}, {"axes": (zipped, choices)}):
        plan, dataset = a_sweep(**changes)
        found = plan_of(dataset)
        assert found.identity() == plan.identity()
        assert [axis.name for axis in found.axes] == [axis.name for axis in plan.axes]


@pytest.mark.parametrize("text", ["{}", "x", '{"kind": 1}', to_json(Configuration()).replace("1.3", '"fast"')])
def test_a_configuration_of_strangers_is_refused(text):
    with pytest.raises(ValueError, match=r"configuration|Configuration"):
        spec_of({"configuration": text})


def test_a_folder_its_layers_and_its_damaged_file(tmp_path):
    plan, dataset = a_sweep()
    write_dataset(dataset, tmp_path / "b.nc")
    (tmp_path / "a.nc").write_bytes((tmp_path / "b.nc").read_bytes()[:3000])
    shelf = Shelf.of_folder(tmp_path)
    assert shelf.first() == View(file="b.nc")  # one that can be shown is enough
    assert shelf.files == ("a.nc", "b.nc")
    with pytest.raises(ValueError, match="cut short"):
        shelf.map_of(View(file="a.nc"))
    with pytest.raises(ValueError, match="no file"):
        shelf.map_of(View(file="../b.nc"))
    map = shelf.map_of(View(file="b.nc"))
    assert map.plan is not None
    assert map.plan.identity() == plan.identity()
    plane = plane_of(map.dataset, "block_duration", "gate_time_constant", (("strength", 1),))
    assert plane.cells.shape == (3, 2)
    assert plane.held == {"strength": 1}
    row, column = plane.place_of(9)
    changes = plan.changes(9)
    assert (changes["time_constants.gates"], changes["curriculum.block_duration"]) == (
        (0.01, 0.02, 0.04)[row],
        (0.5, 1.0)[column],
    )
    layers = layers_of(plane.dataset)
    assert layers["mean"].values[row, column] == pytest.approx(map.score_at(9, "alignment").mean())
    assert {"mean", "spread", "doubt", "regime", "above"} <= layers.keys()
    for wrong in ({"columns": "x"}, {"held": (("strength", 2),)}, {"columns": "strength", "rows": "strength"}):
        with pytest.raises(ValueError, match="choose|none of number"):
            plane_of(map.dataset, **wrong)
    with pytest.raises(ValueError, match="no cell"):
        map.run(99)
    with pytest.raises(ValueError, match="axis of this map"):
        Map(plan, None)._run(0, (("penalties.strength", "0.1"),))
    for path in (tmp_path / "nothing", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match="no folder|no result file"):
            Shelf.of_folder(path)


def test_a_map_can_be_coloured_as_far_as_it_is_computed(monkeypatch):
    def computed(tiled: TiledSweep, number: int, _device=None) -> xr.Dataset:
        cells = np.asarray(tiled.tiles[number].cells)
        values = np.tile(cells[:, None] / 100, (1, 2))
        scores = {name: (("cell", "seed"), values) for name in tiled.measures.scores}
        return xr.Dataset(scores | {"result": (("cell", "seed"), np.zeros((len(cells), 2), np.int32))}, {"cell": cells})

    monkeypatch.setattr(TiledSweep, "compute", computed)
    map = Map(plan_of_view(View(preset="continual-flexible", seeds=2)), None)
    shares, found = [], []

    def report(number: int, so_far) -> None:
        shares.append(number)
        layer = layers_of(plane_of(so_far()).dataset)["mean"].values
        np.testing.assert_array_equal(np.isfinite(layer).sum(), sum(shares) // 2)
        found.append(layer)

    whole = map.compute(report)
    assert len(shares) > 2
    assert map.dataset is whole
    for layer in found:
        known = np.isfinite(layer)
        np.testing.assert_array_equal(layer[known], found[-1][known])
    np.testing.assert_allclose(found[-1].ravel(), np.arange(64) / 100)


def test_the_program_of_a_view_compiles_and_names_what_it_needs():
    plan = plan_of_view(VIEW)
    text = program_of(VIEW, Map(plan, None))
    compile(text, "view", "exec")
    assert "CellRuns(moved(plan, 4, {'penalties.strength': 1e-05}), like=cells).run(0)" in text
    names: dict = {}
    head = text[: text.index("dataset = run_sweep")]
    exec(head.replace("ntadyn.compile_whole_loops()", ""), names)
    assert names["plan"].identity() == plan.identity()
    for word in ("Dynamics.ONLINE", "dataclasses.replace", "with_prediction(dataset, plan)"):
        assert word in text


def test_values_of_views_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VIEW.cell = 3  # pyright: ignore[reportAttributeAccessIssue]
    assert replaced(Configuration(), {"time_constants.gates": 0.1}).time_constants.gates == 0.1
