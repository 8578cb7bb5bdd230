"""Lessons as pages: copies of the notebooks, each with its claims in a last cell that is run and not shown.

The claims of a lesson are a file of its name in `tests/notebooks/claims`, statements about the variables that the
lesson leaves. One that does not hold ends the build.
"""

import os
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from written_pages import write_pages

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = ROOT / "tests" / "notebooks" / "claims"
# Lessons that continuous integration runs, one of each kind; the others are shown without their outputs.
REPRESENTATIVES = ("first_simulation", "exact_solution_and_conservation_laws")


def with_claims(path: Path) -> str:
    """The text of a notebook, and its claims."""
    claims = (CLAIMS / path.name).read_text(encoding="utf-8")
    return f'{path.read_text(encoding="utf-8")}\n# %% tags=["remove-cell"]\n{claims}'


def choose_lessons(app: Sphinx, config: Config) -> None:
    """With NTADYN_LESSONS=some only representatives are run."""
    if os.environ.get("NTADYN_LESSONS") == "some":
        names = sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
        config.nb_execution_excludepatterns = [f"lessons/{name}.py" for name in names if name not in REPRESENTATIVES]


def write_lessons(app: Sphinx) -> None:
    """Write all lessons."""
    lessons = sorted((ROOT / "notebooks").glob("*.py"))
    write_pages(Path(app.srcdir, "lessons"), {path.name: with_claims(path) for path in lessons}, ".py")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the lessons when a build begins."""
    app.connect("config-inited", choose_lessons)
    app.connect("builder-inited", write_lessons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
