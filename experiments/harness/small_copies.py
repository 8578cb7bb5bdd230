"""Small copies of pictures, for a page that many people load."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ntadyn.results.storage import writing

WIDTH = 880  # pixels, of which a README shows half
COLORS = 256


def write_small_copies(names: Sequence[str], source: Path, target: Path) -> list[Path]:
    """Write a small copy of each picture, with few colours.

    Args:
        names: of experiments.
        source: folder that they were run into.
        target: folder for the copies.

    Returns:
        The copies.

    Raises:
        ValueError: if one of the pictures is not there; nothing is written then.
    """
    pictures = [source / f"{name}.png" for name in names]
    missing = [path.name for path in pictures if not path.is_file()]
    if missing:
        raise ValueError(
            f"{missing[0]} is not in {str(source)!r}; run the experiment first, or name its folder with --out."
        )
    return [_small_copy(picture, target / picture.name) for picture in pictures]


def _small_copy(picture: Path, target: Path) -> Path:
    with Image.open(picture) as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        # The usual choice of colours goes by area, and turns thin lines over a map grey.
        small = small.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with writing(target) as temporary:
        small.save(temporary, format="PNG", optimize=True)
    return target
