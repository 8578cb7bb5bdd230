"""What HDF5 can do and results do not."""

import re
import struct

import h5py
import numpy as np

from ntadyn.results.storage import write_dataset
from tests.hostile_files.good import content, forged, good_sweep
from tests.hostile_files.registry import NAME, SECRET, kind

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
