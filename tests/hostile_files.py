"""Files that somebody may hand over as a result: damaged, forged, of other formats, or only unusual.

`KINDS` names them all. Each kind makes one file in a folder, and says whether it must be shown or refused.
"""

import json
import os
import re
import socket
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from ntadyn.results.storage import write_dataset
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced, to_json
from tests.finished_sweeps import ramp, sweep

NAME = "result.nc"
ESCAPE = "\x1b]0;owned\x07\x1b[31m"
SECRET = "what no other file may show"


@dataclass(frozen=True)
class HostileFile:
    """One kind of file.

    Attributes:
        name: of the kind.
        make: makes the file, given a folder of its own, and returns its path.
        refused: part of the sentence with which it is refused; None if it must be shown.
        printed: whether it is printed all the same when no picture is asked for.
    """

    name: str
    make: Callable[[Path], Path]
    refused: str | None
    printed: bool


KINDS: list[HostileFile] = []
# What would never come back, or take all memory, if it were not read in a process of its own.
DANGEROUS = (
    "texts that are read for ever",
    "a text of four megabytes fifty thousand times",
    "a text of a megabyte two thousand times in an attribute",
)


def kind(refused=None, picture_only=False):
    """Register a function that makes a file; what it returns is written unless it is the path of what it wrote."""

    def register(function):
        def make(folder):
            made = function(folder)
            if isinstance(made, xr.Dataset):
                return write_dataset(made, folder / NAME)
            if isinstance(made, bytes):
                (folder / NAME).write_bytes(made)
            return made if isinstance(made, Path) else folder / NAME

        KINDS.append(HostileFile(function.__name__.replace("_", " "), make, refused, refused is None or picture_only))
        return function

    return register


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


LONG, SHORT = "x" * 1_000_001, "y" * 77


def repeated(whole):
    """The content of a file with every reference to the text `SHORT` made one to the text `LONG`."""

    def references(length):
        # How many bytes, and in which heap; which of the texts there comes next.
        sizes = re.finditer(re.escape(struct.pack("<I", length)), whole)
        places = [size.start() for size in sizes if size.start() + 16 <= len(whole)]
        heaps = [struct.unpack_from("<Q", whole, place + 4)[0] for place in places]
        return [place for place, heap in zip(places, heaps, strict=True) if whole[heap : heap + 4] == b"GCOL"]

    (long,) = references(len(LONG))
    edited = bytearray(whole)
    for place in references(len(SHORT)):
        edited[place : place + 16] = whole[long : long + 16]
    return bytes(edited)


def attributes_of_texts(folder, texts):
    """The content of a file with the given attributes, which are in a place without a checksum of HDF5's own."""
    with h5py.File(folder / NAME, "w", libver="earliest") as file:
        for name, held in texts.items():
            file.attrs.create(name, held, dtype=h5py.string_dtype())
    return (folder / NAME).read_bytes()


def configured(text):
    return good_sweep().assign_attrs(configuration=text)


# Not ordinary files.


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


# Other formats.


@kind("of another format")
def a_table_of_text(folder):
    return b"block_duration,alignment\n0.1,0.9\n"


@kind("of another format")
def a_picture(folder):
    return b"\x89PNG\r\n\x1a\n" + bytes(1000)


@kind("of another format")
def an_older_kind_of_netcdf(folder):
    return bytes(good_sweep().to_netcdf(engine="scipy"))


@kind("of another format")
def an_archive(folder):
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        archive.writestr(NAME, content(good_sweep()))


@kind("its first block makes no sense")
def eight_right_bytes_and_then_zeros(folder):
    return b"\x89HDF\r\n\x1a\n\x09" + bytes(500)


@kind("its first block makes no sense")
def eight_right_bytes(folder):
    return b"\x89HDF\r\n\x1a\n"


@kind("made by another program")
def arrays_without_dimensions(folder):
    with h5py.File(folder / NAME, "w") as file:
        file["result"] = np.zeros((3, 2), int)


@kind("no result codes over seeds")
def a_dataset_of_something_else(folder):
    return content(xr.Dataset({"temperature": ("day", [1.0, 2.0])}))


@kind("no result codes over seeds")
def a_simulation_of_another_program(folder):
    return content(good_simulation().drop_vars("result"))


# Damage.


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


# What HDF5 can do and results do not.


@kind("files are not followed")
def values_in_another_file(folder):
    (folder / "secret").write_text(SECRET * 100, encoding="ascii")

    def edit(file):
        outside = [(str(folder / "secret"), 0, 360)]
        del file["contrast"]
        file.create_dataset("contrast", (3, 5, 3), float, external=outside)

    return forged(folder, edit)


@kind("links are not followed")
def a_link_to_another_file(folder):
    write_dataset(good_sweep(), folder / "other.nc")
    return forged(folder, lambda file: file.__setitem__("more", h5py.ExternalLink("other.nc", "/alignment")))


@kind("links are not followed")
def a_link_inside(folder):
    return forged(folder, lambda file: file.__setitem__("more", h5py.SoftLink("/alignment")))


@kind("files are not followed")
def a_view_of_another_file(folder):
    write_dataset(good_sweep(), folder / "other.nc")
    layout = h5py.VirtualLayout((3, 5, 3), float)
    layout[:] = h5py.VirtualSource(str(folder / "other.nc"), "alignment", (3, 5, 3))
    return forged(folder, lambda file: file.create_virtual_dataset("more", layout))


@kind("is a group or a type")
def a_group(folder):
    return forged(folder, lambda file: file.create_group("more"))


@kind("is a group or a type")
def a_type(folder):
    return forged(folder, lambda file: file.__setitem__("more", np.dtype(float)))


@kind("its numbers unpack to")
def a_trillion_cells_that_are_not_there(folder):
    return forged(folder, lambda file: file.create_dataset("more", (10**6, 10**6), float, chunks=(1, 1)))


@kind("its numbers unpack to")
def numbers_that_were_never_written(folder):
    return forged(folder, lambda file: file.create_dataset("more", (10**8,), float))


@kind("its numbers unpack to")
def one_number_in_a_chunk_of_a_gigabyte(folder):
    return forged(folder, lambda file: file.create_dataset("more", (1,), float, chunks=(2**27,), maxshape=(None,)))


@kind("its numbers unpack to")
def zeros_that_unpack_a_thousandfold(folder):
    def edit(file):
        file.create_dataset("more", data=np.zeros(4 * 10**7), chunks=(10**6,), compression="gzip", compression_opts=1)

    return forged(folder, edit)


@kind("is packed in a way that is not read")
def packed_with_a_program_of_ones_own(folder):
    return forged(folder, lambda file: file.create_dataset("more", data=np.zeros(9), chunks=(9,), compression="lzf"))


@kind("and at most 1,000 are read")
def two_thousand_variables(folder):
    def edit(file):
        for number in range(2000):
            file[f"x{number}"] = 0.0

    return forged(folder, edit)


@kind("attributes in one place")
def a_thousand_attributes(folder):
    return forged(folder, lambda file: file.attrs.update({f"x{number}": number for number in range(1000)}))


@kind("is larger than 4 MiB")
def an_attribute_of_eight_megabytes(folder):
    return content(good_sweep().assign_attrs(more=np.zeros(2**20)))


@kind("at most 100,000 are read")
def a_million_texts(folder):
    return forged(
        folder, lambda file: file.create_dataset("more", (10**6,), h5py.string_dtype(), chunks=True, compression="gzip")
    )


@kind("memory")
def a_text_of_four_megabytes_fifty_thousand_times(folder):
    number = 50_000
    texts = np.asarray(["x" * 2**22] + ["y"] * (number - 1), object)
    path = folder / NAME
    path.write_bytes(content(good_sweep().assign_coords(texts=("place", texts))))
    with h5py.File(path, "r") as file:
        place = file["texts"].id.get_offset()
    whole = bytearray(path.read_bytes())
    # Where a text is in the file takes 16 bytes.
    whole[place : place + 16 * number] = number * whole[place : place + 16]
    return bytes(whole)


@kind("its texts unpack to")
def a_text_of_a_megabyte_a_hundred_times_in_twenty_variables(folder):
    first = {"x": ("place", np.asarray([LONG] + [SHORT] * 99, object))}
    others = {f"x{number}": ("place", np.asarray([SHORT] * 100, object)) for number in range(19)}
    return repeated(content(good_sweep().assign(first | others)))


@kind("its texts unpack to")
def one_long_text_among_many_short_ones(folder):
    return content(good_sweep().assign(more=("place", np.asarray([LONG] + [SHORT] * 20_000, object))))


@kind("take more than 16 MiB")
def a_text_of_a_megabyte_fifty_times_in_an_attribute(folder):
    return repeated(attributes_of_texts(folder, {"more": [LONG] + [SHORT] * 49}))


@kind("memory")
def a_text_of_a_megabyte_two_thousand_times_in_an_attribute(folder):
    return repeated(attributes_of_texts(folder, {"more": [LONG] + [SHORT] * 1999}))


@kind("its texts unpack to")
def a_text_of_a_megabyte_in_two_hundred_attributes(folder):
    return repeated(attributes_of_texts(folder, {"x": LONG} | {f"x{number}": SHORT for number in range(199)}))


@kind("its numbers unpack to")
def an_attribute_in_a_thousand_names_of_one_variable(folder):
    def edit(file):
        file["more"] = 0.0
        file["more"].attrs.update({f"x{number}": np.zeros(7000) for number in range(10)})
        for number in range(900):
            file[f"x{number}"] = file["more"]

    return forged(folder, edit)


@kind("its numbers unpack to")
def small_numbers_that_become_large_ones(folder):
    def edit(file):
        file.create_dataset("more", (10**8,), np.int8).attrs["scale_factor"] = 0.5

    return forged(folder, edit)


@kind("holds neither numbers nor text")
def records_of_several_numbers(folder):
    record = np.zeros(3, [("a", float), ("b", int)])
    return forged(folder, lambda file: file.create_dataset("more", data=record))


@kind("holds neither numbers nor text")
def complex_numbers(folder):
    return forged(folder, lambda file: file.create_dataset("more", data=np.zeros(3, complex)))


@kind("holds neither numbers nor text")
def bytes_without_meaning(folder):
    return forged(folder, lambda file: file.create_dataset("more", data=np.zeros(3, "V7")))


@kind("holds neither numbers nor text")
def lists_of_numbers(folder):
    return forged(folder, lambda file: file.create_dataset("more", (3,), h5py.vlen_dtype(float)))


@kind("holds neither numbers nor text")
def references(folder):
    return forged(folder, lambda file: file.create_dataset("more", (3,), h5py.ref_dtype))


@kind("has no values")
def no_values_at_all(folder):
    return forged(folder, lambda file: file.create_dataset("more", data=h5py.Empty(float)))


@kind("more than 12 dimensions")
def twenty_dimensions(folder):
    return forged(folder, lambda file: file.create_dataset("more", data=np.zeros([1] * 20)))


@kind("the attribute 'more' holds neither numbers nor text")
def an_attribute_that_is_a_record(folder):
    return forged(folder, lambda file: file.attrs.create("more", np.zeros(1, [("a", float)])))


@kind("the attribute 'scale_factor' is not a number")
def a_scale_that_is_text(folder):
    return forged(folder, lambda file: file["alignment"].attrs.create("scale_factor", "large"))


@kind("the attribute '_FillValue' is not a number")
def a_fill_value_that_is_text(folder):
    return forged(folder, lambda file: file["result"].attrs.create("_FillValue", "none"))


@kind("the attribute 'add_offset' is not a number")
def an_offset_that_is_a_list(folder):
    return forged(folder, lambda file: file["alignment"].attrs.create("add_offset", np.zeros(3)))


# Parts that are missing, or of the wrong kind.


@kind()
def no_result_codes(folder):
    return good_sweep().drop_vars("result")


@kind()
def no_seeds(folder):
    return good_sweep().isel(seed=0)


@kind("result codes are not whole numbers")
def result_codes_with_fractions(folder):
    return changed(good_sweep(), "result", lambda codes: codes + 0.5)


@kind("holds no numbers")
def a_score_that_is_text(folder):
    return good_sweep().assign(beauty=(("seed",), ["fair", "fairer", "fairest"]))


@kind("result codes below -1")
def result_codes_below_those_that_exist(folder):
    dataset = good_sweep()
    dataset["result"][0, 0, 0] = -7
    return dataset


@kind("it has nothing along 'gate_time_constant'")
def no_cells(folder):
    return good_sweep().isel(gate_time_constant=slice(0))


@kind("it has nothing along 'seed'")
def no_repetitions(folder):
    return good_sweep().isel(seed=slice(0))


@kind("it has nothing along 'record'")
def no_records(folder):
    return good_simulation().isel(record=slice(0))


@kind()
def no_configuration(folder):
    dataset = good_sweep()
    del dataset.attrs["configuration"]
    return dataset


@kind("configuration is not text")
def a_configuration_that_is_a_number(folder):
    return configured(3.0)


@kind("configuration is not a JSON object")
def a_configuration_that_is_a_list(folder):
    return configured("[1, 2]")


@kind("configuration is not JSON")
def a_configuration_that_is_cut_short(folder):
    return configured(to_json(Configuration())[:50])


@kind("configuration is not JSON")
def a_configuration_that_is_nested_without_end(folder):
    return configured('{"a":' * 15_000 + "1" + "}" * 15_000)


@kind("nested too deeply")
def a_configuration_that_is_nested_deeply(folder):
    return configured('{"a":' * 100 + "1" + "}" * 100)


@kind("or is too long")
def a_configuration_of_two_megabytes(folder):
    return configured(json.dumps({"a": "x" * 2**21}))


@kind()
def a_configuration_without_time_constants(folder):
    return configured('{"seed": 1}')


@kind("no positive number for time_constants.weights")
def a_time_constant_of_zero(folder):
    return configured('{"time_constants": {"weights": 0}}')


@kind("no positive number for time_constants.weights")
def a_time_constant_that_is_text(folder):
    return configured('{"time_constants": {"weights": "slow"}}')


@kind("'max_step' is not a number")
def a_step_that_is_text(folder):
    return good_sweep().assign_attrs(max_step="short")


@kind()
def a_simulation_without_loss(folder):
    return good_simulation().drop_vars("loss")


@kind()
def a_simulation_without_times(folder):
    return good_simulation().drop_vars("time")


@kind("times do not ascend")
def times_that_run_backwards(folder):
    dataset = good_simulation()
    return dataset.assign_coords(time=("record", dataset.time.values[::-1]))


@kind("times do not ascend")
def times_that_are_no_numbers(folder):
    return good_simulation().assign_coords(time=("record", np.full(5, np.nan)))


@kind()
def blocks_without_edges(folder):
    dataset = good_simulation()
    del dataset.attrs["edges"]
    return dataset


@kind("which task every block has")
def more_tasks_than_blocks(folder):
    return good_simulation().assign_attrs(block_tasks=np.arange(7))


@kind("which task every block has")
def edges_that_are_text(folder):
    return good_simulation().assign_attrs(edges=["a", "b", "c"])


@kind("blocks do not ascend")
def edges_that_are_no_numbers(folder):
    return good_simulation().assign_attrs(edges=np.asarray([0.0, np.nan, 4.0]))


@kind("negative task")
def a_task_below_zero(folder):
    return good_simulation().assign_attrs(block_tasks=np.asarray([0, -1]))


@kind("how many teachers")
def a_number_of_teachers_that_is_text(folder):
    return good_simulation().assign_attrs(num_base="two")


@kind()
def teachers_without_names(folder):
    return good_simulation().drop_vars("teacher")


@kind("has the dimensions")
def gates_along_other_dimensions(folder):
    return good_simulation().transpose("path", "teacher", "record", "seed")


@kind("pairs of teachers and paths", picture_only=True)
def a_thousand_paths(folder):
    return xr.concat([good_simulation()] * 500, "path", data_vars="minimal", coords="minimal", compat="override")


@kind("10,000 blocks, and 2,000 are the most", picture_only=True)
def ten_thousand_blocks(folder):
    return good_simulation(blocks=10_000)


@kind("at most 20,000 are described")
def thirty_thousand_repetitions(folder):
    return sweep(np.full(30_000, 0.9))


@kind("at most 10,000 are described")
def an_axis_of_twenty_thousand_values(folder):
    return sweep(np.full((20_000, 1), 0.9), block_duration=np.arange(20_000.0))


@kind("cells, and 2,000 are the most", picture_only=True)
def a_line_of_five_thousand_cells(folder):
    return sweep(np.full((5_000, 1), 0.9), block_duration=np.arange(5_000.0))


@kind("stretches of cells with failures", picture_only=True)
def a_chessboard_of_failures(folder):
    dataset = sweep(np.full((150, 150, 1), 0.9), block_duration=np.arange(150.0), strength=np.arange(150.0))
    dataset["result"][:] = np.add.outer(np.arange(150), np.arange(150))[..., None] % 2
    return dataset


@kind()
def an_axis_with_the_name_of_something_else(folder):
    return good_sweep().rename(block_duration="quantile")


@kind("beyond 1e100")
def numbers_beyond_all_measure(folder):
    return changed(good_sweep(), "alignment", lambda values: values * 1e200)


@kind("beyond 1e100")
def an_axis_beyond_all_measure(folder):
    return good_sweep().assign_coords(block_duration=[1.0, 2.0, 1e300])


@kind("is infinite in repetitions that ended well")
def a_simulation_that_is_infinite(folder):
    return changed(good_simulation(), "similarity", lambda values: values * np.inf)


@kind("is not a number per trajectory")
def an_error_per_cell(folder):
    return good_sweep().assign(gate_error=("block_duration", np.zeros(3)))


@kind("is not a usable name")
def a_variable_whose_name_a_terminal_obeys(folder):
    return content(good_sweep().rename(alignment=ESCAPE), invalid_netcdf=True)


@kind("is not a usable name")
def a_variable_with_an_endless_name(folder):
    return good_sweep().rename(contrast="x" * 5000)


# Unusual, and all the same results.


@kind()
def a_good_sweep(folder):
    return good_sweep()


@kind()
def a_good_simulation(folder):
    return good_simulation()


@kind()
def a_file_without_a_checksum(folder):
    return content(good_sweep())


@kind()
def a_file_that_was_changed_with_xarray(folder):
    path = write_dataset(good_sweep(), folder / "first.nc")
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        return content(opened.load().assign_attrs(remark="mine").isel(gate_time_constant=slice(1, 4)))


@kind()
def a_file_that_was_edited_in_place(folder):
    return forged(folder, lambda file: file.attrs.create("remark", "mine"))


@kind()
def a_file_that_was_compressed(folder):
    return content(good_sweep(), encoding={"alignment": {"zlib": True, "shuffle": True, "fletcher32": True}})


@kind()
def a_large_map_that_was_compressed_to_a_fiftieth(folder):
    dataset = sweep(np.full((80, 80, 20), 0.9), block_duration=np.arange(1.0, 81.0), strength=np.arange(80.0))
    dataset["result"][:, 5:] = -1
    scores = {name: dataset[name].where(dataset.result == 0) for name in ("alignment", "contrast", "gates")}
    made = content(dataset.assign(scores), encoding={name: {"zlib": True} for name in dataset.data_vars})
    assert dataset.nbytes > 50 * len(made)
    return made


@kind()
def numbers_that_were_packed(folder):
    return content(
        good_sweep(), encoding={"alignment": {"dtype": "int16", "scale_factor": 1e-4, "_FillValue": np.int16(-1)}}
    )


@kind()
def numbers_of_another_kind_of_machine(folder):
    dataset = good_sweep()
    return content(dataset.assign(alignment=dataset.alignment.astype(">f8"), contrast=dataset.contrast.astype(">f4")))


@kind()
def single_precision(folder):
    dataset = good_sweep()
    single = {name: dataset[name].astype(np.float32) for name in ("alignment", "contrast", "gates")}
    return dataset.assign(single | {"result": dataset.result.astype(np.uint8)})


@kind()
def commands_to_a_terminal(folder):
    dataset = good_sweep().assign_attrs(name=ESCAPE, command=ESCAPE, created="\n\r\u202e")
    dataset["alignment"].attrs["long_name"] = dataset["block_duration"].attrs["units"] = ESCAPE
    return dataset


@kind()
def names_of_values_that_a_terminal_obeys(folder):
    return good_sweep().assign_coords(block_duration=[ESCAPE, "\n\n", "\x9b2J"])


@kind()
def broken_formulas(folder):
    dataset = good_sweep().assign_attrs(name=r"$\frac{$ \undefined $")
    for name in ("alignment", "block_duration"):
        dataset[name].attrs["long_name"] = r"$\frac{1}$ and $x_{$ $$ \input{/etc/passwd}"
    return dataset


@kind()
def formulas_as_names(folder):
    named = good_simulation().assign_coords(teacher=[r"$\frac{", r"$$x^$"])
    return named.assign_attrs(name="$")


@kind()
def a_variable_with_dollars_in_its_name(folder):
    dataset = good_sweep().rename(gate_time_constant="a$b$c")
    del dataset["a$b$c"].attrs["long_name"]
    return dataset


@kind()
def labels_without_end(folder):
    dataset = good_sweep().assign_attrs(name="endless " * 10_000)
    for name in ("alignment", "block_duration"):
        dataset[name].attrs |= {"long_name": "endless " * 10_000, "units": "x" * 10_000}
    return dataset


@kind()
def letters_of_all_scripts(folder):
    return good_simulation().assign_coords(teacher=["教師", "\U0001f984 λ é"])


@kind()
def units_of_time_on_a_score(folder):
    dataset = good_sweep()
    dataset["alignment"].attrs["units"] = "days since 1900-01-01"
    dataset["contrast"].attrs["units"] = "seconds"
    return dataset


@kind()
def units_of_time_that_make_no_sense(folder):
    dataset = good_simulation()
    dataset["time"].attrs |= {"units": "days since the flood", "calendar": "none"}
    return dataset


@kind()
def attributes_of_other_kinds(folder):
    dataset = good_sweep().assign_attrs(command=np.arange(1000), created=3.5, ntadyn_version=["a", "b"], name=7)
    dataset["block_duration"].attrs |= {"parameter": 3.0, "long_name": np.arange(9), "units": 2}
    return dataset


@kind()
def a_configuration_of_another_version(folder):
    return configured('{"colour": "red", "list": [1, [2]], "mixing": NaN, "time_constants": {"weights": 1e-30}}')


@kind()
def scores_without_numbers(folder):
    return changed(good_sweep(), "alignment", lambda values: np.full(values.shape, np.nan))


@kind()
def scores_without_bounds(folder):
    return changed(good_sweep(), "alignment", lambda values: np.where(values > 0.9, np.inf, -np.inf))


@kind()
def nothing_but_failures(folder):
    dataset = good_sweep()
    dataset["result"][:] = 1
    return changed(dataset, "alignment", lambda values: np.full(values.shape, 1e300))


@kind()
def a_simulation_of_failures(folder):
    dataset = good_simulation()
    dataset["result"][:] = 1
    for name in ("loss", "gates", "similarity", "gates_error"):
        dataset[name][:] = np.inf
    return dataset


@kind()
def a_map_of_which_hardly_anything_was_run(folder):
    dataset = sweep(np.full((150, 150, 1), 0.9), block_duration=np.arange(1.0, 151.0), strength=np.arange(150.0))
    dataset["result"][:, :140] = -1
    return dataset


@kind()
def result_codes_of_a_later_version(folder):
    dataset = good_sweep()
    dataset["result"][0, 0] = [3, 4, 70]
    return dataset


@kind()
def errors_that_are_unresolved(folder):
    dataset = good_sweep()
    errors = np.where(dataset.alignment.values > 0.9, np.inf, 1e-5)
    return dataset.assign(gate_error=(dataset.alignment.dims, errors), perturbation=(dataset.alignment.dims, errors))


@kind()
def errors_that_are_all_unresolved(folder):
    dataset = good_sweep()
    return dataset.assign(gate_error=dataset.alignment * np.inf, alignment_error=dataset.alignment * np.nan)


@kind()
def a_simulation_whose_errors_are_unresolved(folder):
    dataset = good_simulation()
    dataset["gates_error"][1] = np.inf
    return dataset


@kind()
def axes_without_numbers(folder):
    return good_sweep().assign_coords(block_duration=[np.nan, np.inf, 1.0], gate_time_constant=np.full(5, np.nan))


@kind()
def axes_of_one_value(folder):
    return good_sweep().assign_coords(block_duration=np.ones(3), gate_time_constant=np.zeros(5))


@kind()
def axes_out_of_order(folder):
    return good_sweep().assign_coords(block_duration=[2.0, 1.0, 3.0], gate_time_constant=[5, 4, 3, 2, 1])


@kind()
def axes_at_the_edge_of_numbers(folder):
    return good_sweep().assign_coords(block_duration=[-1e99, 0.0, 1e99], gate_time_constant=np.linspace(0, 1e-320, 5))


@kind()
def axes_without_values(folder):
    return good_sweep().drop_vars(["block_duration", "gate_time_constant"])


@kind()
def an_axis_of_a_thousand_names(folder):
    values = np.tile(ramp([0.3, 0.4], np.linspace(0, 1, 2)), (1000, 1, 1))
    return sweep(values, kind=[f"name {number}" for number in range(1000)], block_duration=[1.0, 2.0])


@kind()
def three_axes(folder):
    values = np.full((3, 4, 2, 2), 0.8)
    return sweep(values, block_duration=[1.0, 2.0, 3.0], gate_time_constant=np.arange(1.0, 5.0), kind=["A", "B"])


@kind()
def a_single_cell(folder):
    return sweep([0.8, 0.9])


@kind()
def a_single_trajectory(folder):
    return sweep([[0.8]], block_duration=[1.0])


@kind()
def a_single_record(folder):
    return good_simulation(seeds=1).isel(record=[0])


@kind()
def a_single_block(folder):
    return good_simulation(blocks=1)


@kind()
def more_teachers_than_there_are(folder):
    return good_simulation().assign_attrs(num_base=100)


@kind()
def random_streams_that_are_text(folder):
    return good_sweep().assign_coords(teachers_seed=("seed", ["a", "b", "b"]), initial_seed=("seed", [0.5, np.nan, 1]))


@kind()
def a_variable_of_ones_own(folder):
    return good_sweep().assign(remark=("place", np.arange(4.0)))


# Data sets that ntadyn wrote and that are neither simulations nor sweeps.


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


PLAIN = []


def plain(function):
    """Register a plain data set that must be shown, and is drawn as far as it goes."""
    PLAIN.append(function.__name__.replace("_", " "))
    return kind()(function)


@plain
def a_plain_data_set(folder):
    return good_dataset()


@plain
def a_plain_data_set_without_a_checksum(folder):
    return content(good_dataset())


@plain
def a_data_set_of_nothing(folder):
    return xr.Dataset(attrs={"ntadyn_version": "0.1.0"})


@plain
def a_data_set_of_texts(folder):
    return good_dataset()[[]].assign(word=("place", [ESCAPE, "$\\frac{$", "\n"]))


@plain
def a_data_set_whose_numbers_are_beyond_all_measure(folder):
    dataset = good_dataset()
    return dataset.assign(energy=dataset.energy * 1e300, weights=dataset.weights * np.inf)


@plain
def a_data_set_of_nans(folder):
    dataset = good_dataset()
    return dataset.assign(energy=dataset.energy * np.nan, weights=dataset.weights * np.nan)


@plain
def a_data_set_whose_axes_make_no_sense(folder):
    axes = {"x": np.full(12, np.nan), "y": np.linspace(-1e300, 1e300, 10), "time": ("record", np.arange(9.0)[::-1])}
    return good_dataset().assign_coords(axes)


@plain
def a_data_set_with_blocks_that_make_no_sense(folder):
    return good_dataset().assign_attrs(edges=[3.0, 1.0], block_tasks=["a"], num_base="two", preset=7)


@plain
def a_data_set_that_a_terminal_obeys(folder):
    dataset = good_dataset().assign_attrs(
        {"remark": ESCAPE, "name": ESCAPE, "preset": ESCAPE, "endless": "x" * 100_000}
    )
    for item in dataset.variables.values():
        item.attrs |= {"long_name": ESCAPE + "$" * 7 + "x" * 10_000, "units": "$\\frac{" + ESCAPE}
    return dataset


@plain
def a_data_set_of_many_lines(folder):
    values = {f"a{number}": (("record", "b", "c"), np.zeros((40, 30, 20))) for number in range(30)}
    return xr.Dataset(values, attrs={"ntadyn_version": "0.1.0"})


@plain
def a_data_set_with_a_configuration_of_another_kind(folder):
    return good_dataset().assign_attrs(configuration='{"tau_v": 0.3, "layers": [1, 2], "inner": {"rate": "$x$"}}')


@kind("configuration is not JSON")
def a_data_set_whose_configuration_is_none(folder):
    return good_dataset().assign_attrs(configuration="tau = 3")


@kind("is not a usable name")
def a_data_set_whose_variable_has_no_name(folder):
    return content(good_dataset().rename(energy=ESCAPE), invalid_netcdf=True)


@kind("its attribute 'max_step' is not a number")
def a_data_set_whose_step_is_a_text(folder):
    return good_dataset().assign_attrs(max_step="short")
