"""A sweep without JAX, for processes that are killed, starved of disk space, or set upon each other.

Run as `python small_sweep.py MODE FOLDER [ARGUMENTS]`.
"""

import importlib.util
import io
import os
import sys
import time
import types
from pathlib import Path

import numpy as np
import xarray as xr

NUM_TILES = 60
IDENTITY = {
    "configuration": {"time_constants": {"gates": 0.03, "weights": 1.3}},
    "axes": [{"name": "a", "values": [0]}],
}


def compute(tile):
    rng = np.random.default_rng(tile)
    values = rng.normal(size=(4, 3)).astype(np.float32)
    values[0, 0] = np.nan
    cells = {"loss": (("cell", "seed"), values), "gates": (("cell", "seed", "path"), rng.normal(size=(4, 3, 2)))}
    return xr.Dataset(cells | {"result": (("cell", "seed"), np.isnan(values).astype(np.int32))})


def without_jax():
    """Import the shards without the package around them, which imports JAX for what is not needed here."""
    package = types.ModuleType("ntadyn.sweeps")
    (root,) = importlib.util.find_spec("ntadyn").submodule_search_locations
    package.__path__ = [str(Path(root) / "sweeps")]
    sys.modules["ntadyn.sweeps"] = package


def run(folder, seconds_per_tile=0.0):
    from ntadyn.sweeps.shards import ShardStore

    store = ShardStore.open(folder, IDENTITY, NUM_TILES, report=print)
    for tile in store.pending(poll_seconds=0.01):
        time.sleep(seconds_per_tile)
        store.write(tile, compute(tile))
        os.write(1, f"wrote {tile}\n".encode())  # at once, whoever else writes
    store.merged()


def hold_the_first(folder):
    from ntadyn.sweeps.shards import ShardStore

    store = ShardStore.open(folder, IDENTITY, NUM_TILES, report=print)
    pending = store.pending()
    held, written = next(pending), next(pending)
    store.write(written, compute(written))
    print(f"holds {held}, wrote {written}", flush=True)
    time.sleep(600)


def fork_run(folder):
    process = os.fork()
    if process:
        return process
    try:
        run(folder, 0.005)
    except BaseException as error:
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0)


def together(folder, count):
    processes = [fork_run(folder) for _ in range(count)]
    if any(os.waitpid(process, 0)[1] for process in processes):
        sys.exit("one of them failed")


def be_killed(folder, kills, seed):
    from killing import kill_and_resume

    # All tiles take 0.3 s at least, and all starts together are granted 0.25 s: no kill can come too late.
    hits = kill_and_resume(lambda: fork_run(folder), folder, kills, np.random.default_rng(seed), within=0.0125)
    print("hits", hits)


MODES = {"run": run, "hold": hold_the_first, "together": together, "killed": be_killed}

if __name__ == "__main__":
    without_jax()
    import ntadyn.sweeps.shards  # noqa: F401

    # All that is imported on first use is, so that forks start at once.
    xr.concat([xr.open_dataset(io.BytesIO(bytes(compute(0).to_netcdf(engine="scipy"))), engine="scipy")] * 2, "cell")
    mode, path, *rest = sys.argv[1:]
    MODES[mode](Path(path), *map(int, rest))
    if "jax" in sys.modules:
        sys.exit("this was meant to run without JAX")
