"""Learning coefficients: estimates against exact values; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`. What e1 to e6
share is in `joint`.
"""

TITLE = "degeneracy: estimates of learning coefficients beside what they estimate"
EXPERIMENTS: dict[str, str] = {
    "published": "deep linear networks at published settings: what an estimate is made of",
    "work_precision": "what a sampler's answer costs in gradients, how wrong it is, and how wrong it says it is",
    "large": "up to which size estimates are trusted, in which coordinates, and where they are not to be",
    "e1_factorial": "fast or slow gates, penalty or none: how degenerate each network ends",
    "e2_development": "coefficients along training, beside cosines and gates, with the lag between them",
    "e3_block_length": "for which block lengths coefficients saturate, and for which graphs do",
    "e4_equal_functions": "specialised and mixed networks of one function: coefficients, and where training takes them",
    "e5_two_layers": "full networks of two layers: their graphs in neurons and in the Interaction Basis",
    "e6_free_energy": "from how many samples on free energies prefer the flexible solution",
    "experts": "rectified paths and a mixture of experts on digits, taken apart before and after training",
    "foresight": "does the coefficient foretell which networks will specialise, before they do",
}
