"""What the article leaves out, by the same methods; nothing here imports JAX.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "beyond: what the article leaves out: spectra, irregular blocks, noise, hidden units"
EXPERIMENTS: dict[str, str] = {
    "nonlinear": "gated networks with hidden units: teachers, digits, convolutions; who switches, and how fast",
    "switches": "does it switch? over both learning rates and blocks; softmax gates that collapse, and cures",
}
