import gzip
import struct

import numpy as np
import pytest

from ntadyn.tasks import idx

SHAPE = (2, 3)
# How often every digit occurs in the ten thousand test images of MNIST, as its authors' file has it.
COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def images_file(pixels: np.ndarray, magic: int = 2051) -> bytes:
    return struct.pack(">4I", magic, *pixels.shape) + pixels.astype(np.uint8).tobytes()


def labels_file(labels: list[int], magic: int = 2049) -> bytes:
    return struct.pack(">2I", magic, len(labels)) + bytes(labels)


def pixels_of(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (number, *SHAPE))


def write(folder, part: str, pixels: np.ndarray, labels: list[int], ending: str = "") -> None:
    pack = gzip.compress if ending else bytes
    (folder / f"{part}-images-idx3-ubyte{ending}").write_bytes(pack(images_file(pixels)))
    (folder / f"{part}-labels-idx1-ubyte{ending}").write_bytes(pack(labels_file(labels)))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_round_trip(tmp_path, ending):
    train, test = pixels_of(3), pixels_of(2)
    write(tmp_path, "train", train, [7, 0, 9], ending)
    write(tmp_path, "t10k", test, [1, 2], ending)
    np.testing.assert_array_equal(idx.read_images(tmp_path / f"train-images-idx3-ubyte{ending}"), train)
    assert idx.read_labels(tmp_path / f"train-labels-idx1-ubyte{ending}").tolist() == [7, 0, 9]
    found = idx.folder(tmp_path)
    assert found.pixels.dtype == np.float32
    np.testing.assert_allclose(found.pixels, np.concatenate([train, test]) / 255, rtol=1e-7)
    assert found.labels.tolist() == [7, 0, 9, 1, 2]
    assert found.held_out.tolist() == [False] * 3 + [True] * 2
    assert found.name == f"{tmp_path.name}, 2x3 (IDX)"
    assert found.split == "3 images of train, 2 of t10k held out"


def test_the_test_pair_alone_is_split_by_class_and_says_so(tmp_path):
    labels = [label for label in (3, 8) for _ in range(10)]
    pixels = pixels_of(20)
    write(tmp_path, "t10k", pixels, labels)
    found = idx.folder(tmp_path, seed=5)
    assert found.split == "the 20 images of t10k alone, split 80/20 by seed 5"
    assert np.bincount(found.labels[found.held_out]).tolist()[3::5] == [2, 2]
    # Every image is there once, with its label.
    order = np.lexsort(found.pixels.reshape(20, -1).T)
    known = np.lexsort((pixels / np.float32(255)).astype(np.float32).reshape(20, -1).T)
    np.testing.assert_array_equal(found.labels[order], np.asarray(labels)[known])
    again, other = idx.folder(tmp_path, seed=5), idx.folder(tmp_path, seed=6)
    np.testing.assert_array_equal(again.pixels, found.pixels)
    assert np.any(other.pixels != found.pixels)


def test_plain_files_come_before_compressed_ones(tmp_path):
    write(tmp_path, "t10k", pixels_of(4), [1, 2, 3, 4])
    write(tmp_path, "t10k", pixels_of(3), [1, 2, 3], ".gz")
    assert len(idx.folder(tmp_path).labels) == 4


def damaged(content: bytes, how: str) -> bytes:
    return {
        "truncated": content[:-1],
        "trailing": content + b"\0",
        "headless": content[:7],
        "empty": b"",
        "magic": b"\0\0\x0d\x03" + content[4:],
    }[how]


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "is truncated: 17 bytes follow its header, but images of the shape .3, 2, 3. take 18"),
        ("trailing", "is too long: 19 bytes follow"),
        ("headless", "has 7 bytes, fewer than the 16 of the header of images"),
        ("empty", "has 0 bytes"),
        ("magic", "begins with 0x00000d03; images in IDX form begin with 0x00000803"),
    ],
)
def test_damaged_images_are_refused(tmp_path, how, message, ending):
    path = tmp_path / f"some{ending}"
    content = damaged(images_file(pixels_of(3)), how)
    path.write_bytes(gzip.compress(content) if ending else content)
    with pytest.raises(ValueError, match=message):
        idx.read_images(path)


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "some.gz"
    content = gzip.compress(images_file(pixels_of(3)))
    for bad in (content[:-9], b"plain" + content, content[:12] + b"\xff\xff" + content[14:]):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="cannot be read"):
            idx.read_images(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (images_file(pixels_of(3)), "begins with 0x00000803, which is that of images; labels in IDX form"),
        (labels_file([3, 10, 2]), "label 1 is 10; allowed are 0 to 9"),
        (labels_file([]), "none"),
        (labels_file([1, 2])[:-1], "truncated"),
        (labels_file([1, 2]) + b"\1", "too long"),
    ],
)
def test_damaged_labels_are_refused(tmp_path, content, message):
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        idx.read_labels(path)


def test_sizes_beyond_any_file_are_refused_without_being_allocated(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(struct.pack(">4I", 2051, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"\0")
    with pytest.raises(ValueError, match="truncated"):
        idx.read_images(path)


def test_folders_that_lack_something_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        idx.folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte"):
        idx.folder(tmp_path)
    write(tmp_path, "train", pixels_of(3), [1, 2, 3])
    with pytest.raises(ValueError, match="there is nothing to judge by"):
        idx.folder(tmp_path)
    write(tmp_path, "t10k", pixels_of(3), [1, 2])
    with pytest.raises(ValueError, match="has 3 images and t10k-labels-idx1-ubyte has 2 labels"):
        idx.folder(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="one file of t10k, but no t10k-labels-idx1-ubyte"):
        idx.folder(tmp_path)


def test_parts_of_different_sizes_are_refused(tmp_path):
    write(tmp_path, "train", np.zeros((2, 4, 4)), [1, 2])
    write(tmp_path, "t10k", pixels_of(2), [1, 2])
    with pytest.raises(ValueError, match="belong to different sets"):
        idx.folder(tmp_path)


def test_ten_thousand_images_of_mnist(shared):
    found = idx.folder(shared / "data")
    assert found.pixels.shape == (10000, 28, 28)
    assert np.bincount(found.labels).tolist() == COUNTS
    assert found.held_out.sum() == 2000
    assert found.split == "the 10000 images of t10k alone, split 80/20 by seed 0"
    assert np.all(np.abs(np.bincount(found.labels[found.held_out]) - 0.2 * np.asarray(COUNTS)) < 1)
    assert (found.pixels.min(), found.pixels.max()) == (0, 1)
    # The published mean and spread of pixels, 0.1307 and 0.3081, are those of the 60000 others.
    np.testing.assert_allclose(
        [found.pixels.mean(dtype=float), found.pixels.std(dtype=float)], [0.13, 0.31], atol=0.005
    )
