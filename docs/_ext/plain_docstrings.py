"""Docstrings of ntadyn are plain text with code in single backticks; Sphinx reads reStructuredText.

Outside code, signs that reStructuredText would take for markup stand for themselves (`W*`, `|v|`). A name in backticks
becomes a link if there is something of that name, and anything else in backticks becomes code. Indented paragraphs are
equations or programs and are shown as they stand.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

_CODE = re.compile(r"``[^`]+``|`[^`]+`")
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
# An asterisk that begins an item of a list is markup.
_MARKUP = re.compile(r"(?<!^)\*|^\*(?! )|[\\|]|(?<=\w)_(?=_*(?:\W|$))", re.MULTILINE)
_BEFORE_COLON = re.compile(r"((?:`[^`]*`|[^`:])*:) (.+)")
_SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields|Note|Example|Examples):$")


def as_restructured_text(text: str) -> str:
    """The same text, in which nothing but code and items of lists is markup."""
    return "\n".join(_blocks(text.split("\n")))


def _blocks(lines: list[str]) -> Iterator[str]:
    """Text is converted, and a block that is set off by a blank line and an indentation is kept."""
    text: list[str] = []
    outer, shown = "", False
    for before, line in zip(["", *lines], lines, strict=False):
        deep = line.startswith("    ")
        starts = deep and not before.strip() and not _SECTION.match(outer)
        if starts and not shown:
            yield from _converted(text)
            text, shown = [], True
            yield from (".. code-block:: text", "")
        elif shown and line.strip() and not deep:
            shown = False
        if line.strip() and not deep:
            outer = line
        if shown:
            yield line
        else:
            text.append(line)
    yield from _converted(text)


def _converted(lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_plain(text[end : code.start()]), _code(code.group(), text[code.end() : code.end() + 1])]
        end = code.end()
    return "".join([*parts, _plain(text[end:])]).split("\n") if lines else []


def _plain(text: str) -> str:
    return _MARKUP.sub(lambda found: "\\" + found.group(), text)


def _code(code: str, following: str) -> str:
    inside = code.strip("`")
    apart = "\\ " if following and (following.isalnum() or following in "([{") else ""
    if "\n" in inside:  # a line of a docstring stays a line, so that its indentation does
        return "``" + re.sub(r"\s*\n(\s*)", r"``\n\1``", inside) + "``" + apart
    if _NAME.fullmatch(inside):
        return f":py:obj:`{inside}`{apart}"
    return f"``{inside}``{apart}"


def _convert(app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    # Of attributes napoleon takes for a type what stands before a colon, unless the line ends with it.
    if what in ("attribute", "property", "data") and lines and (parts := _BEFORE_COLON.fullmatch(lines[0])):
        lines[:1] = parts.groups()
    lines[:] = as_restructured_text("\n".join(lines)).split("\n")


def _shorten(
    app: Sphinx, what: str, name: str, found: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """`Float[Array, "m p"]`, without where the array comes from."""
    return tuple(text and text.replace("jaxlib._jax.Array", "Array") for text in (signature, returned))  # pyright: ignore


def _is_foreign(app: Sphinx, what: str, name: str, found: Any, skip: bool, options: object) -> bool | None:
    """Whether a member is a function of a library, the default of a field for example."""
    foreign = inspect.isroutine(found) and not (getattr(found, "__module__", None) or "ntadyn").startswith("ntadyn")
    return True if foreign else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Convert before napoleon looks for sections."""
    app.connect("autodoc-process-docstring", _convert, priority=100)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-skip-member", _is_foreign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
