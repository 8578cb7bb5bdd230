"""Rival accounts of continual learning on one stream, and what is known of them in closed form.

Nothing imports JAX here.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "rival accounts of continual learning on the same streams"
EXPERIMENTS: dict[str, str] = {
    "digits": "handwritten digits, permuted, rotated and split: who forgets, what replay and EWC help, and where",
}
