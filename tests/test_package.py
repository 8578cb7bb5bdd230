import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import ntadyn

HEAVY = ("numpy", "jax", "xarray", "matplotlib", "diffrax", "equinox", "h5netcdf", "scipy")


@pytest.mark.parametrize("package", ["", ".tasks", ".specs", ".sweeps", ".maps", ".results", ".training", ".stability"])
def test_every_lazy_name_resolves(package):
    module = importlib.import_module(f"ntadyn{package}")
    stub = Path(module.__file__).with_suffix(".pyi").read_text()
    told = set(re.findall(r"\b(\w+) as \1\b", stub))
    assert set(dir(module)) == told
    for name in told:
        assert getattr(module, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No ntadyn attribute gatedlinear"):
        ntadyn.gatedlinear  # noqa: B018


def test_every_module_imports():
    names = [item.name for item in pkgutil.walk_packages(ntadyn.__path__, "ntadyn.") if item.name != "ntadyn.__main__"]
    assert {"ntadyn.cli", "ntadyn.sweeps.engine", "ntadyn.plotting.style", "ntadyn.dynamics.online"} <= set(names)
    for name in names:
        assert importlib.import_module(name).__doc__, f"{name} does not say what it is for"


EVERYTHING = """
import importlib, pkgutil
import ntadyn
for item in pkgutil.walk_packages(ntadyn.__path__, "ntadyn."):
    if item.name != "ntadyn.__main__":
        importlib.import_module(item.name)
"""


def test_no_import_starts_jax():
    """Options of XLA are set after the import of whatever is used; on a platform that is none, a start would fail."""
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING],
        env=os.environ | {"JAX_PLATFORMS": "none_at_all"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_versions_agree():
    assert re.fullmatch(r"\d+\.\d+\.\d+", ntadyn.__version__)
    citation = Path(ntadyn.__file__).parents[1] / "CITATION.cff"
    if citation.is_file():
        assert re.findall(r"^version: *\"?([^\"\n]+)", citation.read_text(), re.MULTILINE) in ([], [ntadyn.__version__])
    try:
        installed = metadata.version("ntadyn")
    except metadata.PackageNotFoundError:
        return  # run from a checkout that is not installed
    assert installed == ntadyn.__version__


def test_importing_the_package_and_asking_for_help_stays_light():
    script = f"""
import contextlib, io, json, sys
import ntadyn, ntadyn.cli
seen = {{}}
for command in ([], ["simulate"], ["phase-diagram"], ["verify"], ["show"]):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            ntadyn.cli.main([*command, "--help"])
        except SystemExit as end:
            seen[" ".join(command)] = [end.code, text.getvalue()]
seen["heavy"] = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps(seen))
"""
    environment = os.environ | {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    seen = json.loads(done.stdout)
    assert seen.pop("heavy") == []
    assert set(seen) == {"", "simulate", "phase-diagram", "verify", "show"}
    for command, (code, text) in seen.items():
        assert code == 0
        assert f"usage: ntadyn {command}".strip() in text
    for option in ("--preset", "--size", "--seeds", "--out", "--block-duration", "--gate-time-constant", "--strength"):
        assert option in seen["phase-diagram"][1]
    for option in ("--preset", "--out", "--time-constants.gates", "--teachers.d-in", "--penalties.unit-l1"):
        assert option in seen["simulate"][1]
