"""Orbits, borders and basins of gated networks, against what the theory in the plane of two teachers says of them.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "stability: borders of phase maps, orbits and basins beside the theory of two teachers"
EXPERIMENTS: dict[str, str] = {
    "border_maps": "both maps of figure 5 beside the border that theory predicts, at two initial scales",
}
