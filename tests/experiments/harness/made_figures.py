"""Figures that need no simulation, and what was written about them."""

import dataclasses
import json
import sys
import types
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import xarray as xr

from experiments import sandbrink_2024 as package
from experiments.harness.acceptance import near, single
from experiments.harness.runs import Run
from experiments.harness.sources import OURS


@dataclasses.dataclass(frozen=True)
class Parameters:
    value: float = 1.0
    seed: int = 3
    limit: float = float("inf")
    reference: Path | None = None


def figure_module(name: str, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A figure that needs no simulation: it expects 1, and counts how often it is run."""
    module = types.ModuleType(f"experiments.sandbrink_2024.{name}")
    module.PARAMETERS, module.FAST = Parameters(), Parameters(value=2.0)
    module.count = 0

    def run(parameters):
        module.count += 1
        return {"numbers": xr.Dataset({"x": parameters.value})}

    module.run = run
    module.runs = lambda parameters: [Run(name, lambda parameters: module.run(parameters), {"parameters": parameters})]
    module.plot = lambda data: plt.figure(figsize=(0.5, 0.5))
    module.accept = lambda data: [near("x", 1.0, 0.5, single(data["numbers"].x), OURS)]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(package.EXPERIMENTS, name, "a test")
    return module


def document_of(folder: Path, stem: str = "figure_x") -> dict:
    return json.loads((folder / f"{stem}_acceptance.json").read_text())
