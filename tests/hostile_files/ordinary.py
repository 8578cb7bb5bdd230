"""What is not an ordinary file."""

import os
import socket

from ntadyn.results.storage import write_dataset
from tests.hostile_files.good import good_sweep
from tests.hostile_files.registry import NAME, kind


@kind("is a folder")
def a_folder(folder):
    (folder / NAME).mkdir()


@kind("is not an ordinary file")
def a_pipe(folder):
    os.mkfifo(folder / NAME)


@kind("is not an ordinary file")
def a_link_to_a_device_without_end(folder):
    (folder / NAME).symlink_to("/dev/zero")


@kind("is not an ordinary file")
def a_socket(folder):
    with socket.socket(socket.AF_UNIX) as opened:
        # A path of a socket may have 107 bytes.
        before = os.getcwd()
        os.chdir(folder)
        try:
            opened.bind(NAME)
        finally:
            os.chdir(before)


@kind("cannot open")
def a_link_to_itself(folder):
    (folder / NAME).symlink_to(folder / NAME)


@kind("there is no file")
def a_link_to_nowhere(folder):
    (folder / NAME).symlink_to(folder / "nowhere")


@kind("it is empty")
def an_empty_file(folder):
    return b""


@kind("files of up to 2 GiB")
def a_file_of_a_terabyte_of_nothing(folder):
    with open(folder / NAME, "wb") as file:
        file.truncate(2**40)


@kind()
def a_link_to_a_good_file(folder):
    (folder / NAME).symlink_to(write_dataset(good_sweep(), folder / "other.nc"))
