"""How the site is built: `sphinx-build -W -j auto docs docs/_build`."""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS / "_ext"), str(ROOT)]

import ntadyn  # noqa: E402

# Lessons do less of the same, and programs are compiled quickly rather than made quick.
os.environ.setdefault("NTADYN_FAST", "1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

project = "ntadyn"
author = "The ntadyn contributors"
copyright = author  # noqa: A001
version = release = ntadyn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "api_pages",
    "plain_docstrings",
    "mathml",
    "lesson_pages",
    "gallery_pages",
    "house_picture",
]
exclude_patterns = ["_build", "_ext", "conf.py", "**/.ipynb_checkpoints"]
# A word that several classes of the API share is a link to one of them.
suppress_warnings = ["ref.python"]
language = "en"

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"show-inheritance": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False  # what is returned is described, and its type is in the signature
napoleon_attr_annotations = False  # signatures have them

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_title = "ntadyn"
html_static_path = ["_static"]
html_css_files = ["ntadyn.css"]
html_use_index = False  # the search finds names
html_domain_indices = False
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {page: [] for page in ("index", "start", "calls")}
html_theme_options = {
    "show_toc_level": 2,
    "header_links_before_dropdown": 8,
    "navigation_with_keys": False,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_timeout = 3600
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
