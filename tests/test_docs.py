"""Python examples of the README and of the site's pages run as they stand; commands, names and links are known ones.

Pages that are written when the site is built are checked by its build.
"""

import importlib
import re
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, create_autospec

import numpy as np
import pytest
import xarray as xr

import ntadyn.cli
import ntadyn.sweeps.cluster

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = ("_build", "api", "gallery")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if not set(path.relative_to(ROOT).parts) & set(WRITTEN)
}


def examples(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def run(page: str, index: int = 0) -> dict:
    names = {}
    exec(compile(examples(page)[index], page, "exec"), names)
    return names


def test_no_example_is_left_out():
    tried = {"README.md": 1, "docs/start.md": 2, "docs/howto/own_rule.md": 1, "docs/howto/own_network.md": 1}
    tried |= {"docs/howto/own_stream.md": 1, "docs/howto/sweeps.md": 1, "docs/howto/result_files.md": 1}
    tried |= {"docs/subjects/degeneracy.md": 1, "docs/howto/cluster.md": 1}
    assert {page: len(examples(page)) for page in PAGES if examples(page)} == tried


def test_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert examples("README.md")[0] == examples("docs/start.md")[0]
    names = run("README.md")
    assert capsys.readouterr().out.strip() == str(names["dataset"].gates.isel(record=-1).mean("seed").values.round(2))
    assert (tmp_path / "figure-2-flexible.png").stat().st_size > 10_000


@pytest.mark.slow
def test_first_simulation(capsys):
    run("docs/start.md", 1)
    succeeded, gates, error = re.match(r"(\w+)\n(.*)\n(\S+)\n", capsys.readouterr().out, re.DOTALL).groups()
    assert succeeded == "True"
    one_per_task = np.array(re.findall(r"[\d.e+-]+", gates), float).reshape(2, 2)
    assert np.all(one_per_task.max(axis=1) > 0.9)
    assert set(np.argmax(one_per_task, axis=1)) == {0, 1}
    assert float(error) < 1e-3


def test_sweep(capsys):
    names = run("docs/howto/sweeps.md")
    assert "gate_time_constant" in capsys.readouterr().out
    mean = names["result"].alignment.mean("seed").values
    assert mean[-1, 0] > 0.95  # long blocks, fast gates
    assert mean[0, -1] < 0.8


def test_loading_a_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("phase-diagram").mkdir()
    dims = ("block_duration", "strength", "seed")
    coordinates = {"block_duration": [0.1, 0.5], "strength": [0.0, 0.1], "seed": [0]}
    dataset = xr.Dataset({"alignment": (dims, np.ones((2, 2, 1)))}, coordinates)
    dataset.to_netcdf("phase-diagram/penalty.nc", engine="h5netcdf")
    names = run("docs/howto/result_files.md")
    assert names["penalty"].alignment.dims == dims


@pytest.mark.slow
def test_degeneracy(capsys):
    run("docs/subjects/degeneracy.md")
    printed = capsys.readouterr().out
    assert "of 2 parameters: SINGULAR_UNCHECKED" in printed
    assert printed.splitlines()[-1] in ("TRUSTED", "SAMPLER_DISAGREE")


def test_slurm(monkeypatch):
    pytest.importorskip("distributed")
    jobs = SimpleNamespace(scale=Mock(), wait_for_workers=Mock(), scheduler_address="tls://host:8786")
    slurm = Mock(return_value=jobs)
    monkeypatch.setitem(sys.modules, "dask_jobqueue", SimpleNamespace(SLURMCluster=slurm))
    cluster = create_autospec(ntadyn.sweeps.cluster.cluster, side_effect=lambda address, **_: nullcontext(address))
    monkeypatch.setattr(ntadyn.sweeps.cluster, "cluster", cluster)
    run_sweep = Mock(spec=ntadyn.sweeps.run_sweep)
    monkeypatch.setattr(ntadyn.sweeps, "run_sweep", run_sweep)
    exec(compile(examples("docs/howto/cluster.md")[0], "cluster", "exec"), {"plan": "plan", "folder": "folder"})
    run_sweep.assert_called_once_with("plan", compute="tls://host:8786", folder="folder")
    assert cluster.call_args.kwargs["security"] is slurm.call_args.kwargs["security"] is not None
    jobs.scale.assert_called_once_with(100)


def test_own_rule(capsys):
    final = run("docs/howto/own_rule.md")["trajectory"].final_state
    first, *_ = capsys.readouterr().out.split("\n")
    assert first == "True"
    x, y = 0.0, 0.0  # blocks of two time constants, in closed form
    for target in ((1, 0), (0, 1), (1, 0), (0, 1)):
        x, y = (t + (now - t) * np.exp(-2) for t, now in zip(target, (x, y), strict=True))
    np.testing.assert_allclose(final, (x, y), atol=1e-4)


def test_own_network_and_stream(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("docs/howto/own_network.md")
    run("docs/howto/own_stream.md")
    assert capsys.readouterr().out.splitlines() == ["(2,) (3, 2)", "('spring', 'autumn') [0 1 0]"]


def commands() -> list[str]:
    """All `ntadyn` commands, in the text and in blocks, but for those with a file that only the reader has."""
    text = "\n".join(PAGES.values())
    inline = [" ".join(command.split()) for command in re.findall(r"`(ntadyn [a-z][^`]*)`", text)]
    blocks = "".join(re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    found = {*inline, *re.findall(r"^(ntadyn .*)$", blocks, re.MULTILINE)}
    return sorted(command for command in found if "FILE.py" not in command)


@pytest.mark.parametrize("command", commands())
def test_commands_are_understood(command, monkeypatch):
    known = ntadyn.cli._defaults([])
    name, *options = shlex.split(command)[1:]
    assert name in known
    # The command of a spec is a class of its own below that of the command.
    kind = next(kind for kind in reversed(type(known[name]).__mro__) if "run" in vars(kind))
    monkeypatch.setattr(kind, "run", lambda self: 0)
    if options:
        with pytest.raises(SystemExit) as left:
            ntadyn.cli.main([name, *options])
        assert left.value.code == 0


def test_names_exist():
    text = re.sub(r"\]\([^)]*\)", "]", "\n".join(PAGES.values()))
    names = set(re.findall(r"\bntadyn(?:\.[A-Za-z_]\w*)+", text)) - {"ntadyn.mplstyle"}
    assert len(names) > 10
    for name in sorted(names):
        module, *rest = name.split(".")
        found = importlib.import_module(module)
        for part in rest:
            if not hasattr(found, part):  # a room that is not handed on, but can be imported
                importlib.import_module(f"{found.__name__}.{part}")
            found = getattr(found, part)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        path = folder / target
        written = path.parent.name in WRITTEN and page.startswith("docs")
        lesson = path.parent.name == "lessons" and (ROOT / "notebooks" / path.name).is_file()
        named = target.startswith("#") and page.startswith("docs")  # places that the build knows
        assert target.startswith("https://") or written or lesson or named or path.exists(), target


def test_the_readme_is_short_and_begins_with_a_picture():
    text = PAGES["README.md"]
    assert len(text.split()) < 1300
    assert "phase-diagram.png" in text.partition("```")[0]


def test_words_are_explained():
    words = PAGES["docs/glossary.md"]
    for word in ("similarity", "alignment", "contrast", "separatrix", "lane", "tile", "shard", "legacy", "tau_B"):
        assert word in words
        assert not re.search(rf"\b{word}s?\b", PAGES["README.md"].partition("## A first run")[0]), word
