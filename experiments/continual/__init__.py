"""Rival accounts of continual learning on one stream, and what is known of them; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "rival accounts of continual learning on the same streams"
EXPERIMENTS: dict[str, str] = {
    "maml_gates": "which paths gates adapt from best: meta-learned ones, and those that fast gates find",
}
