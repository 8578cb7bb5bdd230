"""Pages of all experiments: what each shows, its picture where a small copy is kept, and its verdict."""

import re
from pathlib import Path

from sphinx.application import Sphinx
from written_pages import write_pages

from experiments.harness.registry import Package, packages, title
from experiments.harness.verdicts import VERDICT

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
# Pictures of commands and of further runs -> (page that explains it, what it shows).
OTHERS = {
    "phase-diagram": ("/explanation/figure_5", "Where networks specialise: the maps of `ntadyn phase-diagram`"),
    "border": (
        "/subjects/stability",
        "The border, predicted without a simulation, as `ntadyn phase-diagram --predict` draws it",
    ),
    "doubt": ("/howto/sweeps", "What `ntadyn show` draws of a map, with its uncertainty"),
    "verification": ("/explanation/exact", "Simulations beside the exact solution"),
    "degeneracy": ("/subjects/degeneracy", "The learning coefficient along training"),
    "development": ("/subjects/degeneracy", "Coefficients while networks specialise, or do not"),
    "contexts": ("/subjects/nested", "Which level takes the tasks, and which the contexts"),
    "arena": ("/subjects/continual", "Rival methods on one stream"),
    "cost": ("/explanation/speed", "What a trajectory costs"),
}


def package_page(package: Package) -> str:
    """All experiments of a package."""
    parts = [f"# {package.title[0].upper()}{package.title[1:]}\n"]
    for name, line in package.experiments.items():
        parts.append(
            f"(verdict-{name})=\n## {title(name)}\n\n*{line[0].upper()}{line[1:]}.*"
            f" `python -m experiments run {name}`\n"
        )
        if (EXPERIMENTS / "gallery" / f"{name}.png").is_file():
            parts.append(f"![{line}](../../experiments/gallery/{name}.png)\n")
        parts.append(verdict(EXPERIMENTS / package.name / name))
    return "\n".join(parts)


def verdict(folder: Path) -> str:
    """What is said about an experiment; its headings become those of a part."""
    path = folder / VERDICT if folder.is_dir() else folder.with_suffix(".md")
    return re.sub(r"^## ", "### ", path.read_text(encoding="utf-8"), flags=re.MULTILINE) if path.is_file() else ""


def first_page() -> str:
    """All pictures, and where they are explained."""
    named = {
        name: (f"/gallery/{package.name}", line) for package in packages() for name, line in package.experiments.items()
    }
    cards = []
    for picture in sorted(
        (EXPERIMENTS / "gallery").glob("*.png"), key=lambda path: (path.stem not in named, path.stem)
    ):
        page, line = OTHERS[picture.stem] if picture.stem in OTHERS else named[picture.stem]
        image = f":img-top: ../../experiments/gallery/{picture.name}\n:img-alt: {line.replace('`', '')}\n"
        cards.append(f":::{{grid-item-card}}\n:link: {page}\n:link-type: doc\n{image}\n{line}\n:::\n")
    listed = "\n".join(package.name for package in packages())
    return "\n".join(
        [
            "# Gallery\n",
            "Every figure comes from one command, and its numbers are compared by machine; misses are stated.",
            "Below are the pictures that are kept small beside the code; the pages hold the verdicts of all figures.\n",
            f"```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n",
            "::::{grid} 1 2 2 3\n:gutter: 3\n",
            *cards,
            "::::\n",
        ]
    )


def write_gallery(app: Sphinx) -> None:
    """Write all pages."""
    pages = {f"{package.name}.md": package_page(package) for package in packages()}
    write_pages(Path(app.srcdir, "gallery"), {**pages, "index.md": first_page()}, ".md")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages when a build begins."""
    app.connect("builder-inited", write_gallery)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
