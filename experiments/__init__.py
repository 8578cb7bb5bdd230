"""The figures of the article: parameters, run, plot and acceptance numbers, one module each.

A module of this package that draws a figure has PARAMETERS (the full run) and FAST (a quick one), which are values,
`run(parameters) -> data`, `plot(data) -> figure` and `accept(data) -> rows`; data is named labelled datasets, and what
was asked for travels in their attributes. `experiments.runner` does the rest. Nothing here imports JAX.
"""

FIGURES = {
    "figure_2": "two tasks in turn: loss, gates, alignment, flexible and forgetful",
    "figure_5": "where networks specialise: block length by gate speed and by penalty strength",
    "figure_a10": "specialisation over gates within one block, against the exact solution",
    "figure_2_conservation": "supplement: when specialisation can grow, by a conservation law",
    "figure_8": "recovery from a switch after more practice: flexible, forgetful, and people from a file",
    "figure_a3": "four paths for two tasks, with and without a penalty on the weights",
    "figure_a16": "one sample per update: full and reduced model",
    "figure_a17": "what the penalties on two gates prefer, in closed form",
}
