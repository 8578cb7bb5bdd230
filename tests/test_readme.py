"""The README's Python examples run as they stand; its commands, names and links are those that there are."""

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

README = Path(__file__).resolve().parents[1] / "README.md"


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


def test_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(examples()[0], "README.md", "exec"), names)
    assert capsys.readouterr().out.strip() == str(names["dataset"].gates.isel(record=-1).mean("seed").values.round(2))
    assert (tmp_path / "figure-2-flexible.png").stat().st_size > 10_000


@pytest.mark.slow
def test_first_simulation(capsys):
    exec(compile(examples()[1], "README.md", "exec"), {})
    succeeded, gates, error = re.match(r"(\w+)\n(.*)\n(\S+)\n", capsys.readouterr().out, re.DOTALL).groups()
    assert succeeded == "True"
    one_per_task = np.array(re.findall(r"[\d.e+-]+", gates), float).reshape(2, 2)
    assert np.all(one_per_task.max(axis=1) > 0.9)
    assert set(np.argmax(one_per_task, axis=1)) == {0, 1}
    assert float(error) < 1e-3


def test_sweep(capsys):
    names = {}
    exec(compile(examples()[2], "README.md", "exec"), names)
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
    names = {}
    exec(compile(examples()[3], "README.md", "exec"), names)
    assert names["penalty"].alignment.dims == dims


@pytest.mark.slow
def test_degeneracy(capsys):
    exec(compile(examples()[4], "README.md", "exec"), {})
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
    exec(compile(examples()[5], "README.md", "exec"), {"plan": "plan", "folder": "folder"})
    run_sweep.assert_called_once_with("plan", compute="tls://host:8786", folder="folder")
    assert cluster.call_args.kwargs["security"] is slurm.call_args.kwargs["security"] is not None
    jobs.scale.assert_called_once_with(100)


def commands() -> list[str]:
    """All `ntadyn` commands, in the text and in blocks, but for those with a file that only the reader has."""
    text = README.read_text()
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
    names = set(re.findall(r"\bntadyn(?:\.[A-Za-z_]\w*)+", README.read_text())) - {"ntadyn.mplstyle"}
    assert len(names) > 10
    for name in sorted(names):
        module, *rest = name.split(".")
        found = importlib.import_module(module)
        for part in rest:
            if not hasattr(found, part):  # a room that is not handed on, but can be imported
                importlib.import_module(f"{found.__name__}.{part}")
            found = getattr(found, part)


def test_links_lead_somewhere():
    text = README.read_text()
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert len(targets) > 10
    for target in targets:
        if not target.startswith("https://"):
            assert target in anchors or (README.parent / target).exists(), target


def test_words_are_linked_or_explained_before_they_are_used():
    before, words, after = re.split(r"^## Words$|^## A first simulation$", README.read_text(), flags=re.MULTILINE)
    assert "(#words)" in before
    for word in ("similarity", "alignment", "contrast", "separatrix", "lane", "tile", "shard", "legacy", "tau_B"):
        assert word in words
        assert not re.search(rf"\b{word}s?\b", before), word
    assert "phase-diagram.png" in before.partition("```")[0]
    assert "phase-diagram.png" not in after
