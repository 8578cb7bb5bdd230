"""Learners made of levels: each with parameters, an objective and a clock; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "nested learning: levels that learn at different speeds"
EXPERIMENTS: dict[str, str] = {
    "levels": "what moves how often and how fast in every learner, and the manifold that fast gates leave",
    "contexts": "gates of contexts above gates of paths: who takes the tasks, who the contexts, what is kept",
}
