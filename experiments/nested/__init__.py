"""Learners made of levels: each with parameters, an objective and a clock; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "nested learning: levels that learn at different speeds"
EXPERIMENTS: dict[str, str] = {
    "ledger": "what printed equations do as they stand, in numbers",
    "momentum": "momentum and its kin, over all their settings: valleys, and what switches",
    "blocks": "blocks with clocks of their own: what adding up cannot buy, and what can",
    "levels": "what moves how often and how fast in every learner; the slow manifold",
    "contexts": "gates of contexts above gates of paths: who takes the tasks, who the contexts, what is kept",
    "hope": "HOPE and its rivals on associative recall: capacity, keys bound anew, equal time, ablations",
    "hope_text": "HOPE and its rivals on the next character, beside n-grams: equal steps, equal time, ablations",
    "hope_streams": "sequence models where tasks switch: teachers beside gated networks, and two texts in turns",
}
