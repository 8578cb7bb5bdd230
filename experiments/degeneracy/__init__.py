"""Learning coefficients: estimates against exact values; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "degeneracy: estimates of learning coefficients beside what they estimate"
EXPERIMENTS: dict[str, str] = {
    "published": "deep linear networks at published settings: what an estimate is made of",
    "work_precision": "what a sampler's answer costs in gradients, how wrong it is, and how wrong it says it is",
    "large": "up to which size estimates are trusted, in which coordinates, and where they are not to be",
    "experts": "rectified paths and a mixture of experts on digits, taken apart before and after training",
    "foresight": "does the coefficient foretell which networks will specialise, before they do",
}
