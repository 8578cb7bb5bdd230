"""Threads that compute the tiles of a sweep."""

import threading

import pytest
import xarray as xr

from ntadyn.sweeps import Threads
from ntadyn.sweeps.tiles import TiledSweep


class Stub(TiledSweep):
    """Tiles that say who computed them, or fail."""

    def __init__(self, failing=()):
        self.failing, self.started, self.lock = failing, [], threading.Lock()

    def compute(self, number, device=None):
        with self.lock:
            self.started.append((number, device, threading.get_ident()))
        if number in self.failing:
            raise RuntimeError(f"tile {number} is lost")
        return xr.Dataset(attrs={"tile": number})


def test_threads_hand_over_in_the_thread_that_calls():
    stub, handed = Stub(), []
    Threads(2, ("one", "other"))(stub, range(20), lambda tile, data: handed.append((tile, threading.get_ident())))
    assert sorted(tile for tile, _ in handed) == list(range(20))
    assert {thread for _, thread in handed} == {threading.get_ident()}
    assert {device for _, device, _ in stub.started} == {"one", "other"}
    assert threading.get_ident() not in {thread for _, _, thread in stub.started}


def test_threads_ask_for_no_more_tiles_than_they_have_room_for():
    stub, asked, done = Stub(), [], []

    def tiles():
        for tile in range(10):
            asked.append(tile)
            yield tile

    Threads(2, ("one",))(stub, tiles(), lambda tile, data: done.append(len(asked) - len(done)))
    assert max(done) <= 3


def test_a_tile_that_fails_stops_the_sweep():
    stub, done = Stub(failing=(3,)), []
    with pytest.raises(RuntimeError, match="tile 3 is lost"):
        Threads(1, ("one",))(stub, range(20), lambda tile, data: done.append(tile))
    assert done == [0, 1, 2]
