"""A real sweep, small and cut into many tiles, for processes that are killed or set upon each other.

Run as `python real_sweep.py FOLDER KILLS SEED`; sweeps go to the folders "whole", "shared" and "killed" in it, and
their results beside them. Every start of a sweep is a fork of this process, which has imported all that is needed but
has not woken JAX: it lays out, compiles and computes as any other start does, and only the seconds that imports take
are saved. What the first start compiles is kept on disk for the others.
"""

import io
import os
import shutil
import sys
import time
import traceback
from pathlib import Path

import jax
import numpy as np
import xarray as xr
from killing import kill_and_resume

from ntadyn.results import storage
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Sweep, Threads, as_axes, layout, run_sweep, shards  # noqa: F401 (now, not in every fork)

NUM_TILES = 40
# How the shared sweep is found: these tiles are cut short, altered or there; the others are missing.
CUT, ALTERED, THERE = 0, 1, range(2, 10)
BASE = {"teachers.d_in": 4, "teachers.d_out": 2, "randomness.num_seeds": 2, "curriculum.total_time": 4.0}
AXES = {
    "curriculum.block_duration": [0.2 + 0.02 * k for k in range(NUM_TILES)],
    "time_constants.gates": [0.03, 0.08],
}


def run(folder, max_step, company):
    def noted(tiled, tiles, done):
        def note(tile, dataset):
            done(tile, dataset)
            os.write(1, f"{folder.name} {os.getpid()} {tile}\n".encode())  # at once, whoever else writes

        folder.with_suffix(f".{os.getpid()}").touch()
        while len(list(folder.parent.glob(f"{folder.name}.*"))) < company:
            time.sleep(0.01)
        Threads()(tiled, tiles, note)

    plan = Sweep(replaced(Configuration(), BASE | {"max_step": max_step}), as_axes(AXES))
    storage.write_dataset(run_sweep(plan, compute=noted, folder=folder), folder.with_name(f"{folder.name}-result.nc"))


def start(folder, max_step, company=1):
    process = os.fork()
    if process:
        return process
    try:
        run(folder, max_step, company)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def finish(*processes):
    if any([os.waitpid(process, 0)[1] for process in processes]):
        sys.exit("a start failed")


def shard(folder, tile):
    (path,) = folder.glob(f"tile-{tile:05d}.*.nc")
    return path


def damaged(whole, folder):
    shutil.copytree(whole, folder)
    os.truncate(shard(folder, CUT), shard(folder, CUT).stat().st_size // 2)
    content = bytearray(shard(folder, ALTERED).read_bytes())
    content[-20] ^= 1
    shard(folder, ALTERED).write_bytes(content)
    for tile in set(range(NUM_TILES)) - {CUT, ALTERED, *THERE}:
        shard(folder, tile).unlink()
    return folder


def written(folder):
    return sorted(path.stat().st_mtime for path in folder.glob("tile-*.nc"))


def main(folder, kills, seed):
    max_step = 2e-3 / kills  # the more often they are hit, the longer tiles take
    whole, shared, killed = (folder / name for name in ("whole", "shared", "killed"))
    finish(start(whole, max_step))
    working = written(whole)[-1] - written(whole)[0]
    damaged(whole, shared)
    began = time.time()
    finish(start(shared, max_step, company=2), start(shared, max_step, company=2))
    preparing = min(time for time in written(shared) if time > began) - began
    began = time.time()
    # No kill can come too late as long as all starts together are granted less than the work takes.
    granted = working / (1.5 * kills)
    rng = np.random.default_rng(seed)
    hits = kill_and_resume(lambda: start(killed, max_step), killed, kills, rng, granted, preparing)
    took = f"{preparing:.1f} s to prepare, {working:.1f} s to compute, {time.time() - began:.0f} s in all"
    print(f"{hits} of {kills} kills hit; {took}")


if __name__ == "__main__":
    place, number, moments = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_disable_most_optimizations", True)
    jax.config.update("jax_compilation_cache_dir", str(place / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    layout.TILE_STEPS = 1
    # xarray imports much on first use.
    content = bytes(xr.Dataset({"x": ("cell", np.ones(1))}).to_netcdf(engine="scipy"))
    xr.concat([xr.open_dataset(io.BytesIO(content), engine="scipy")] * 2, "cell")
    main(place, number, moments)
