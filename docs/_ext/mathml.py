"""Equations as MathML, which browsers draw by themselves: no script, no fonts from elsewhere, nothing to wait for."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

_LOGGER = logging.getLogger(__name__)
# Fences that the converter knows without a side.
_FENCE = re.compile(r"\\[lr]([Vv]ert)\b")
_FENCES = {"Vert": r"\|", "vert": "|"}


def as_mathml(node: nodes.math | nodes.math_block, display: str) -> str:
    """The equation; a command that the converter does not know is a warning."""
    found = convert(_FENCE.sub(lambda fence: _FENCES[fence.group(1)], node.astext()), display=display)
    if "\\" in found:
        _LOGGER.warning("an equation has a command that is not known: %s", node.astext(), location=node)
    return found


def _inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(as_mathml(node, "inline"))
    raise nodes.SkipNode


def _block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="equation">{as_mathml(node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the renderer under the name `mathml`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
