import numpy as np
import pytest
from PIL import Image

from experiments.harness.small_copies import COLORS, WIDTH, write_small_copies


@pytest.fixture
def folder(tmp_path):
    """A folder with one wide picture: red on the left, a ramp of blues on the right."""
    values = np.zeros((500, 2000, 3), np.uint8)
    values[:, :1000, 0] = 255
    values[:, 1000:, 2] = np.linspace(0, 255, 1000, dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "figure_2.png")
    return tmp_path


def test_copies_keep_shape_and_look_with_few_colours(folder):
    (path,) = write_small_copies(["figure_2"], folder, folder / "new" / "gallery")
    with Image.open(path) as copy:
        assert copy.size == (WIDTH, WIDTH // 4)
        colors = copy.convert("RGB").getcolors(COLORS)
        left, right = (copy.convert("RGB").getpixel((x, WIDTH // 8)) for x in (10, WIDTH - 2))
    assert colors is not None
    np.testing.assert_allclose(left, (255, 0, 0), atol=8)
    np.testing.assert_allclose(right, (0, 0, 255), atol=8)


def test_a_missing_picture_is_named_before_anything_is_written(folder):
    with pytest.raises(ValueError, match="figure_4.png is not in"):
        write_small_copies(["figure_2", "figure_4"], folder, folder / "gallery")
    assert not (folder / "gallery").exists()
