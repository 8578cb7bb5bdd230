"""Folders of shards that are filled, opened again, looked into and compared bit by bit."""

from ntadyn.sweeps.shards import ShardStore
from tests.sweeps.small_sweep import IDENTITY, compute

FEW = 4


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def fill(store):
    done = []
    for tile in store.pending():
        store.write(tile, compute(tile))
        done.append(tile)
    return done


def reopen(folder, reports=None):
    return ShardStore.open(folder, IDENTITY, FEW, *([] if reports is None else [reports.append]))


def assert_same_bits(left, right):
    assert left.sizes == right.sizes
    assert set(left.variables) == set(right.variables)
    for name in left.variables:
        assert left[name].dims == right[name].dims
        assert left[name].dtype == right[name].dtype
        assert left[name].values.tobytes() == right[name].values.tobytes()
        assert left[name].attrs == right[name].attrs
    assert left.attrs == right.attrs


def shard(folder, tile):
    (path,) = folder.glob(f"tile-{tile:05d}.*nc")
    return path
