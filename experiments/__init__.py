"""The figures of the article: parameters, run, plot and acceptance numbers, one module each.

A module of this package that draws a figure has PARAMETERS (the full run) and FAST (a quick one), which are values,
`run(parameters) -> data`, `plot(data) -> figure` and `accept(data) -> rows`; data is named labelled datasets, and what
was asked for travels in their attributes. `experiments.runner` does the rest. Nothing here imports JAX.
"""

FIGURES = {
    "figure_2": "two tasks in turn: loss, gates, alignment, flexible and forgetful",
    "figure_5": "where networks specialise: block length by gate speed and by penalty strength",
    "figure_a10": "specialisation over gates within one block, against the exact solution",
}
