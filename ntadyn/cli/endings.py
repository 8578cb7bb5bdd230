"""How commands end whose result is one data set: it is kept and drawn, and what it says is printed."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


def of_preset(dataset: "xr.Dataset", preset: str) -> "xr.Dataset":
    """The data set with where it comes from.

    Args:
        dataset: what was computed.
        preset: from which the command started.
    """
    from ntadyn.results.provenance import provenance

    return dataset.assign_attrs(provenance() | {"preset": preset})


def keep(dataset: "xr.Dataset", target: Path, draw: "Callable[[xr.Dataset], Figure]") -> list[Path]:
    """Write the data set first, so that it is there if drawing fails, and then its picture.

    Args:
        dataset: what to write.
        target: the files, without a suffix.
        draw: makes the picture of it.

    Returns:
        The paths of all files.
    """
    from ntadyn.plotting.style import save_figure
    from ntadyn.results import storage

    return [storage.write_dataset(dataset, target.with_suffix(".nc")), *save_figure(draw(dataset), target)]


def tell(lines: Iterable[str], written: Iterable[Path]) -> None:
    """The result on standard output, and where it lies.

    Args:
        lines: the report.
        written: the files.
    """
    print("\n".join(lines))
    for path in written:
        print(f"wrote {path}")
