"""A spec of somebody's own, from a file that workers cannot import, on a cluster and refined by a score of its own."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest

from ntadyn.sweeps import OUTCOME, Measures, Sweep, Threads, as_axes, group_sizes, layout, run_sweep
from ntadyn.sweeps.cluster import cluster
from ntadyn.sweeps.refinement import refine_sweep
from tests.sweeps import own_spec

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

NAME = "tanh_of_somebody"
AXES = {"scale": (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0), "speeds.tau_v": (0.05, 0.1, 0.2, 0.3, 0.4)}


def grown(record):
    """By which factor the norm of the hidden weights has grown."""
    norm = record.values["norm"]
    return norm[-1] / norm[0]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The module of the spec, under a name and in a folder that nobody else knows."""
    file = tmp_path_factory.mktemp("elsewhere") / f"{NAME}.py"
    shutil.copy(own_spec.__file__, file)
    found = importlib.util.spec_from_file_location(NAME, file)
    module = importlib.util.module_from_spec(found)
    sys.modules[NAME] = module
    found.loader.exec_module(module)
    yield module
    del sys.modules[NAME]


@pytest.fixture(scope="module")
def plan(elsewhere):
    return Sweep(elsewhere.TanhOnData(), as_axes(AXES), num_seeds=1)


@pytest.fixture(scope="module")
def measures(elsewhere):
    return Measures({"norm": elsewhere.norm}, {"grown": grown, "result": OUTCOME.scores["result"]})


@pytest.fixture(scope="module", autouse=True)
def _several_tiles():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "OTHER_TILE_STEPS", 1)
        patch.setattr(group_sizes, "CPU_LANES", 8)
        yield


@pytest.fixture(scope="module")
def whole(plan, measures):
    return run_sweep(plan, measures, compute=Threads(1))


@pytest.fixture(scope="module")
def compute():
    with cluster(None, 1) as compute:
        yield compute


def findable(name):
    import importlib.util

    return importlib.util.find_spec(name) is not None


def test_workers_run_a_spec_that_they_cannot_import(plan, measures, whole, compute):
    assert compute.client.submit(findable, "ntadyn").result()
    assert not compute.client.submit(findable, NAME).result()
    found = run_sweep(plan, measures, compute=compute)
    assert (found["result"] == 0).all()
    np.testing.assert_array_equal(found.grown, whole.grown)
    assert len(np.unique(whole.grown)) == whole.grown.size


def border_between(above):
    """The corners of every square of neighbours that a level runs through."""
    corners = np.stack([above[a:, b:][: above.shape[0] - 1, : above.shape[1] - 1] for a in (0, 1) for b in (0, 1)])
    crossed = corners.any(0) & ~corners.all(0)
    cells = np.zeros(above.shape, bool)
    for a in (0, 1):
        for b in (0, 1):
            cells[a : a + crossed.shape[0], b : b + crossed.shape[1]] |= crossed
    return cells


def test_its_border_is_refined_by_a_score_of_its_own_there_too(plan, measures, whole, compute, tmp_path):
    level = float(whole.grown.median())
    found = refine_sweep(plan, 4, measures, score="grown", level=level, compute=compute, folder=tmp_path)
    run = found.evaluated.values
    assert 0 < run.sum() < run.size
    np.testing.assert_array_equal(found.grown.values[run], whole.grown.values[run])
    border = border_between(whole.grown.values[..., 0] > level)
    assert border.any()
    assert run[border].all()
    again = refine_sweep(plan, 4, measures, score="grown", level=level, compute=compute, folder=tmp_path)
    assert again.attrs["computed"] == 0
    np.testing.assert_array_equal(again.grown, found.grown)
