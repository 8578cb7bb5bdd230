"""The house as it is built: rooms in the rows of the contract in pyproject.toml, arrows from what the code imports.

An arrow leads from a room to one that it imports. One that follows from others is left out: if a imports b and b
imports c, that a may know c goes without saying.
"""

import html
import tomllib
from pathlib import Path

import grimp
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
ROW, BOX, GAP = 62, 26, 14  # pixels


def rows() -> list[list[str]]:
    """Rooms, from the roof down, as the contract lists them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contract = next(each for each in settings["contracts"] if each["type"] == "layers")
    return [[room.strip() for room in row.split("|")] for row in contract["layers"]]


def imports(rooms: list[str]) -> dict[str, set[str]]:
    """Room -> rooms that any of its modules imports."""
    graph = grimp.build_graph("ntadyn")
    for room in rooms:
        graph.squash_module(f"ntadyn.{room}")
    known = {f"ntadyn.{room}": room for room in rooms}
    return {
        room: {known[other] for other in graph.find_modules_directly_imported_by(module) if other in known} - {room}
        for module, room in known.items()
    }


def without_consequences(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that do not follow from others."""

    def reached(room: str) -> set[str]:
        return arrows[room].union(*(reached(other) for other in arrows[room]))

    beyond = {room: reached(room) for room in arrows}
    return {
        room: {other for other in others if not any(other in beyond[between] for between in others)}
        for room, others in arrows.items()
    }


def drawn() -> str:
    """The picture as SVG, in the colours of the page."""
    listed = rows()
    arrows = without_consequences(imports([room for row in listed for room in row]))
    places, boxes = {}, []
    widths = [[9 * len(room) + 18 for room in row] for row in listed]
    whole = max(sum(row) + GAP * (len(row) + 1) for row in widths)
    for level, row in enumerate(listed):
        left = (whole - sum(widths[level]) - GAP * (len(row) - 1)) / 2 + (70 if len(row) == 1 and level % 2 else 0)
        for room, width in zip(row, widths[level], strict=True):
            top = 8 + level * ROW
            places[room] = (left + width / 2, top)
            words = f'<text x="{left + width / 2:.0f}" y="{top + 18}" text-anchor="middle">{html.escape(room)}</text>'
            boxes.append(f'<rect x="{left:.0f}" y="{top}" width="{width}" height="{BOX}" rx="5"/>{words}')
            left += width + GAP
    lines = []
    for room, others in arrows.items():
        for other in sorted(others):
            (x0, y0), (x1, y1) = places[room], places[other]
            start, end, bend = y0 + BOX, y1 - 3, max(20.0, (y1 - y0 - BOX) * 0.45)
            path = f"M{x0:.0f},{start} C{x0:.0f},{start + bend:.0f} {x1:.0f},{end - bend:.0f} {x1:.0f},{end}"
            lines.append(f'<path d="{path}" marker-end="url(#tip)"><title>{room} imports {other}</title></path>')
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>'
    )
    height = len(listed) * ROW - ROW + BOX + 16
    title = "Rooms of ntadyn in rows; arrows lead from a room to those that it imports"
    return (
        f'<div class="house"><svg viewBox="0 0 {whole} {height}" role="img" aria-label="{title}">'
        f'{tip}<g class="arrows">{"".join(lines)}</g><g class="rooms">{"".join(boxes)}</g></svg></div>'
    )


class HousePicture(Directive):
    """`{house-picture}`: the picture, in place."""

    def run(self) -> list[nodes.Node]:
        """The picture as HTML."""
        return [nodes.raw("", drawn(), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Know the directive."""
    app.add_directive("house-picture", HousePicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
