"""The page in a real browser: what is clicked is what the simulator gives, and views come back."""

import dataclasses
import http.client
import re
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import xarray as xr

from ntadyn.results.provenance import provenance
from ntadyn.results.quantities import FOLD, PREDICTED
from ntadyn.results.storage import write_dataset
from ntadyn.specs.paths import replaced, to_json
from ntadyn.specs.presets import figure_5_published
from ntadyn.specs.run import run
from ntadyn.sweeps import Axis, Sweep, run_sweep
from ntadyn.sweeps.plan import Backend

sys.path.append(str(Path(__file__).parent))
import browser as browsers

pytestmark = pytest.mark.slow

DURATIONS, GATES, STRENGTHS = (0.5, 0.75, 1.0), (0.01, 0.02, 0.04), (0.1, 0.2)
SPEC = replaced(figure_5_published(), {"randomness.num_seeds": 2, "curriculum.total_time": 4.0})
AXES = (
    Axis("curriculum.block_duration", DURATIONS),
    Axis("time_constants.gates", GATES),
    Axis("penalties.strength", STRENGTHS),
)
# What a cell is run with does not matter to the page, and Numba's kernels take long to compile.
PLAN = Sweep(SPEC, AXES, backend=Backend.XLA)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A sweep over three axes, one over two with what theory says of it, and a damaged file."""
    folder = tmp_path_factory.mktemp("results")
    whole = run_sweep(PLAN).assign_attrs(provenance())
    write_dataset(whole, folder / "three-axes.nc")
    attributes = {"configuration": to_json(replaced(SPEC, {"penalties.strength": STRENGTHS[1]}))}
    part = whole.isel(strength=1, drop=True).assign_attrs(attributes)
    share = np.linspace(1, 0, 9).reshape(3, 3, order="F")
    part = part.assign(
        {PREDICTED: (part.alignment.dims[:2], share), FOLD: (part.alignment.dims[:1], [0.02, 0.03, 0.05])}
    )
    content = write_dataset(part, folder / "two-axes.nc").read_bytes()
    (folder / "damaged.nc").write_bytes(content[: len(content) // 2])
    return folder


@pytest.fixture(scope="module")
def whole(folder) -> xr.Dataset:
    return xr.load_dataset(folder / "three-axes.nc", engine="h5netcdf")


@pytest.fixture(scope="module")
def chromium():
    browsers.needed_or_skipped()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=browsers.chromium(), args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def url(chromium, folder):
    with browsers.served(str(folder), JAX_DISABLE_MOST_OPTIMIZATIONS="1") as url:
        yield url


def asked(url: str, path: str, headers: dict | None = None) -> int:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    with closing(connection):
        connection.request("GET", path, headers=headers or {})
        with connection.getresponse() as response:
            return response.status


def test_only_who_knows_the_token_gets_in(url):
    path = urlsplit(url).path
    assert asked(url, path) == 200
    for other in ("/", "/ws", "/static/js/bokeh.min.js", f"{path[:-2]}x/", path.upper(), f"/x{path}"):
        assert asked(url, other) == 403, other
    assert asked(url, path, {"Host": "evil.example"}) == 403
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert asked(url, "/ws", upgrade) == 403
    assert asked(url, f"{path}ws", upgrade | {"Origin": "http://evil.example"}) == 403


def test_a_session(chromium, url, whole, tmp_path, monkeypatch):
    tab = browsers.Tab(chromium, f"{url}?file=three-axes.nc&columns=gate_time_constant&rows=block_duration")
    tab.wait_for_run()

    # A click runs that cell: the same scores as in the file, the same losses as from `simulate`.
    cell = np.ravel_multi_index((1, 0, 1), PLAN.shape)
    tab.click(int(cell))
    tab.wait_for_text(f"cell {cell}: .*run in")
    # Not always the same bits: the file was written by a process that optimises less.
    assert re.search(r"same to the last bit|differs by up to \d\.\de-1\d", tab.text())
    spec = replaced(SPEC, PLAN.changes(int(cell)))
    truth = run(dataclasses.replace(spec, max_step=2e-3), records_per_block=0)
    (loss,), (time,) = tab.lines("cell-loss-means"), tab.lines("cell-loss-means", "xs")
    for start, end, value in zip(
        truth.attrs["edges"], truth.attrs["edges"][1:], truth.loss.mean("seed").values[1::2], strict=False
    ):
        before = np.flatnonzero(np.isclose(time, end))[0]
        assert loss[before] == pytest.approx(value, abs=1e-3), start
    assert loss[-1] == pytest.approx(float(whole.loss[1, 0, 1].mean()), abs=1e-3)
    assert len(tab.lines("cell-plane-lines")) == 3  # two nullclines and the exact curve

    # A second click pins it, the keyboard moves on.
    tab.click(int(cell))
    tab.wait('() => named("pin 0-loss-means")?.data.ys?.length > 0')
    assert tab.lines("pin 0-loss-means") == [loss]
    map = tab.page.locator("[data-ntadyn=map]")
    map.focus()
    tab.page.keyboard.press("ArrowRight")
    neighbour = np.ravel_multi_index((1, 1, 1), PLAN.shape)
    tab.wait_for_text(f"cell {neighbour}: gate time constant 0.02, block duration 0.75")
    tab.page.keyboard.press("Enter")
    tab.wait("(loss) => named('cell-loss-means').data.ys[0].at(-1) != loss", loss[-1])

    # A slider moves a parameter of the cell; layers and held axes change the map.
    before = tab.lines("cell-loss-means")[0][-1]
    tab.page.locator("[role=slider]").nth(4).press("ArrowRight")
    tab.wait("(loss) => named('cell-loss-means').data.ys[0].at(-1) != loss", before)
    tab.wait_for_text("penalties|weights|total|initial")
    assert "set=" in tab.page.url
    tab.choose("Layer", "regime")
    tab.wait("() => named('cells').data.value.every((value) => Number.isInteger(value))")

    # Everything is saved, and a link brings it back, in a session of its own beside this one.
    assert tab.download("PNG", tmp_path / "view.png")[:4] == b"\x89PNG"
    assert tab.download("PDF", tmp_path / "view.pdf")[:4] == b"%PDF"
    program = tab.download("Python", tmp_path / "view.py").decode()
    names: dict = {}
    monkeypatch.chdir(tmp_path)
    exec(program.replace("ntadyn.compile_whole_loops()", ""), names)
    for name, made in zip(("cell", "pin 0"), names["runs"], strict=True):
        shown = np.asarray(tab.lines(f"{name}-loss-means")[0])
        np.testing.assert_allclose(made.trajectories.loss.mean("seed").values, shown, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(
        names["layer"].values.ravel(), tab.value("() => Array.from(named('cells').data.value)")
    )
    assert (tmp_path / "view.pdf").stat().st_size > 10_000
    other = browsers.Tab(chromium, tab.page.url, width=400)
    other.wait_for_run()
    other.wait('() => named("pin 0-loss-means")?.data.ys?.length > 0')
    assert other.lines("cell-loss-means") == tab.lines("cell-loss-means")
    assert other.lines("pin 0-loss-means") == [loss]
    assert other.page.url == tab.page.url
    assert other.value("() => document.documentElement.scrollWidth") <= 400
    other.page.get_by_text("Clear pins", exact=True).click()
    other.wait_for_text("Cell: ")
    assert tab.lines("pin 0-loss-means") == [loss]
    assert tab.wrong == []
    assert other.wrong == []


def test_other_files(chromium, url):
    tab = browsers.Tab(chromium, f"{url}?cell=x")
    tab.wait_for_text("must be a whole number")
    tab.wait_for_run()
    tab.choose("Map", "file damaged.nc")
    tab.wait_for_text("damaged.nc.*cut short")
    tab.choose("Map", "file two-axes.nc")
    tab.wait_until_gone("cut short")
    tab.wait_for_text("cell 4: .*run in")
    tab.page.get_by_text("Predicted lines", exact=True).click()
    tab.wait('() => Array.from(models()).some((model) => model.label?.value?.startsWith("contact band closes"))')
    tab.page.goto(f"{url}?file=none.nc")
    tab.wait_for_text("there is no file")
    assert tab.wrong == []
