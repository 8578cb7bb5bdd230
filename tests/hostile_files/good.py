"""Good results, which kinds of hostile files change."""

import h5py
import numpy as np
import xarray as xr

from ntadyn.results.storage import write_dataset
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json
from tests.finished_sweeps import ramp, sweep
from tests.hostile_files.registry import NAME


def good_sweep():
    columns = np.linspace(0.1, 0.5, 5)
    values = np.stack([ramp([0.2, 0.25, 0.3], columns, slope=0.5)] * 3)
    dataset = sweep(values, block_duration=[1.0, 2.0, 3.0], gate_time_constant=columns)
    return dataset.assign_attrs(ntadyn_version="0.1.0", command="ntadyn phase-diagram", max_step=0.0125)


def good_simulation(seeds=3, records=5, blocks=2):
    similarity = np.broadcast_to(np.asarray([[0.9, 0.1], [0.2, 0.8]]), (seeds, records, 2, 2)).copy()
    return xr.Dataset(
        {
            "loss": (("seed", "record"), np.full((seeds, records), 0.25), {"long_name": "task loss", "units": "1"}),
            "gates": (("seed", "record", "path"), np.ones((seeds, records, 2))),
            "similarity": (("seed", "record", "teacher", "path"), similarity),
            "gates_error": (("seed", "record", "path"), np.full((seeds, records, 2), 2e-4)),
            "result": ("seed", np.zeros(seeds, int)),
        },
        {
            "time": ("record", np.linspace(0, 2 * blocks, records), {"units": "unit of the time constants"}),
            "teacher": ["A", "B"],
        },
        {
            "configuration": to_json(replaced(Configuration(), {"time_constants.gates": 0.5})),
            "edges": 2.0 * np.arange(blocks + 1),
            "block_tasks": np.arange(blocks) % 2,
            "num_base": 2,
        },
    )


def content(dataset, **options):
    """A NetCDF file as another program writes it, without a checksum."""
    return bytes(dataset.to_netcdf(engine="h5netcdf", **options))


def forged(folder, edit):
    """A good sweep that was edited with h5py, which leaves no checksum."""
    path = write_dataset(good_sweep(), folder / NAME)
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def changed(dataset, name, function):
    """A dataset with the values of one variable replaced."""
    values = dataset[name].values.astype(float)
    return dataset.assign({name: dataset[name].copy(data=function(values))})


def good_dataset():
    time = np.linspace(0, 4, 9)
    return xr.Dataset(
        {
            "weights": (("record", "path"), np.stack([np.sin(time), np.cos(time)], axis=1), {"long_name": "weights"}),
            "energy": (("y", "x"), np.add.outer(np.arange(10.0), np.arange(12.0))),
        },
        {"time": ("record", time), "x": np.arange(12.0), "y": np.arange(10.0)},
        {"ntadyn_version": "0.1.0", "remark": "mine"},
    )


def configured(text):
    return good_sweep().assign_attrs(configuration=text)
