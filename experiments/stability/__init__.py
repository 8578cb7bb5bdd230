"""Orbits, and what runs of hundreds of blocks do: where they are stable, where not, and by which step.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "stability: orbits, and runs of hundreds of blocks"
EXPERIMENTS: dict[str, str] = {
    "border_maps": "both maps of figure 5 beside the border that theory predicts, at two initial scales",
    "staircase": "G(q) with its contact band, and Q of runs that climb through it, block by block",
    "basins": "from which initial states runs end specialised, run away, or stay neutral",
    "long_runs": "the figures with many blocks by both steps: which numbers depend on what a step conserves",
    "half_stable": "the specialised orbit, disturbed: how many runs return, where the others go, also on batches",
    "runaway": "coefficients, gates and the interaction graph along the runaway, beside the specialised orbit",
    "bifurcation": "how far the paths of all orbits differ over the gate time constant, through the fold",
    "curricula": "block lengths by gradient and without, scored after a test phase, against constant ones",
}
