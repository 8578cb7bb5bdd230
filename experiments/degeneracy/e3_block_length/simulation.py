"""Networks after blocks of many lengths, for two kinds of teachers."""

from dataclasses import dataclass

import jax
import numpy as np
import xarray as xr

from experiments.degeneracy.joint.conditions import Sizes, distinct, gated, trained, with_blocks
from experiments.degeneracy.joint.graphs import graphs, over_tables
from experiments.degeneracy.joint.measures import alignment, cosines, laplace
from experiments.degeneracy.joint.predictions import CUTOFFS, GAPS, RESOLUTIONS
from experiments.harness.runs import Run


@dataclass(frozen=True)
class Parameters(Sizes):
    """What the experiment is made of.

    Attributes:
        lengths: of blocks, ascending.
        total: time of every run.
    """

    lengths: tuple[float, ...] = (0.1, 0.25, 0.35, 0.5, 1.0, 2.0)
    total: float = 20.0


KINDS = ("distinct", "equal")


def runs(parameters: Parameters) -> list[Run]:
    """One for each kind of teachers and each length."""
    return [
        Run(f"e3_{kind}_{length:g}", of_length, {"parameters": parameters, "kind": kind, "length": length},
            name_of(kind, length))
        for kind in KINDS
        for length in parameters.lengths
    ]  # fmt: skip


def name_of(kind: str, length: float) -> str:
    """The name of the data of one run."""
    return f"{kind} {length:g}"


def of_length(parameters: Parameters, kind: str, length: float) -> xr.Dataset:
    """All numbers at the end, over seeds."""
    spec = gated(parameters.sizes, parameters.seeds, 1)
    spec = with_blocks(distinct(spec) if kind == "distinct" else spec, length, parameters.total)
    found = trained(spec)
    tables = jax.tree.map(lambda leaf: leaf[:, -1:], found.tables)
    modular = over_tables(tables, lambda table: graphs(found.network, table))
    return xr.Dataset(
        {
            "laplace": (("seed", "cutoff"), laplace(tables)[:, 0]),
            "alignment": ("seed", alignment(cosines(tables.weights, found.teachers))[:, 0]),
            "by_gap": (("seed", "gap"), modular["gap"][:, 0]),
            "by_resolution": (("seed", "resolution"), modular["resolution"][:, 0]),
            "neuron": ("seed", modular["neuron"][:, 0]),
        },
        {"cutoff": list(CUTOFFS), "gap": list(GAPS), "resolution": list(RESOLUTIONS), "length": length, "kind": kind},
        attrs={"entries": parameters.entries, "blocks": len(np.asarray(found.tasks))},
    )
