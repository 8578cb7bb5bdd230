"""Rival accounts of continual learning on one stream, and what is known of them exactly; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "rival accounts of continual learning on the same streams"
EXPERIMENTS: dict[str, str] = {
    "arena": "all methods on one stream: who forgets, who switches, and at what price",
    "ewc_frontier": "the line that elastic weight consolidation cannot leave, and a gated network below it",
    "den_grow": "networks that add paths: how many, by the angle between tasks and by noise",
    "maml_gates": "which paths gates adapt from best: meta-learned ones, and those that fast gates find",
    "digits": "handwritten digits, permuted, rotated, split: who forgets, what helps, and where",
}
