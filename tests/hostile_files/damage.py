"""Damage."""

import os
import struct

import numpy as np

from ntadyn.results.storage import write_dataset
from tests.hostile_files.good import content, good_sweep
from tests.hostile_files.registry import NAME, kind


@kind("cut short")
def half_of_a_file(folder):
    path = write_dataset(good_sweep(), folder / NAME)
    os.truncate(path, path.stat().st_size // 2)


@kind("it is damaged")
def a_file_without_its_last_bytes(folder):
    path = write_dataset(good_sweep(), folder / NAME)
    os.truncate(path, path.stat().st_size - 10)


def damaged(folder, place):
    """A good file with one bit flipped at a place that is found in it."""
    path = write_dataset(good_sweep(), folder / NAME)
    whole = bytearray(path.read_bytes())
    whole[place(bytes(whole))] ^= 1
    path.write_bytes(whole)


@kind("it is damaged")
def a_flipped_bit_in_a_number(folder):
    damaged(folder, lambda whole: whole.find(struct.pack("<d", 0.9 + 0.5 * (0.5 - 0.2))))


@kind("it is damaged")
def a_flipped_bit_in_an_attribute(folder):
    damaged(folder, lambda whole: whole.find(b"ntadyn phase-diagram"))


@kind("it is damaged")
def a_flipped_bit_in_a_coordinate(folder):
    damaged(folder, lambda whole: whole.find(np.asarray([1.0, 2.0, 3.0]).tobytes()))


@kind("it is damaged")
def a_flipped_bit_in_the_checksum(folder):
    damaged(folder, lambda whole: len(whole) - 20)


@kind("it is damaged")
def zeros_at_the_end(folder):
    path = write_dataset(good_sweep(), folder / NAME)
    path.write_bytes(path.read_bytes()[:-4096] + bytes(4096))


@kind("it is damaged")
def more_than_a_file(folder):
    path = write_dataset(good_sweep(), folder / NAME)
    path.write_bytes(2 * path.read_bytes())


@kind("does not come to an end in time")
def texts_that_are_read_for_ever(folder):
    whole = bytearray(content(good_sweep()))
    heap = whole.find(b"GCOL")
    place = heap + 16
    # The list of texts ends with number 0, the length of which leads back to itself.
    while struct.unpack_from("<H", whole, place)[0]:
        place += 16 + (struct.unpack_from("<Q", whole, place + 8)[0] + 7) // 8 * 8
    struct.pack_into("<Q", whole, place + 8, 0)
    return bytes(whole)
