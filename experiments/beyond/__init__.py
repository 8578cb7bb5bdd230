"""What the article leaves out: inputs with a spectrum, blocks of irregular length, noise, hidden units.

Every experiment is a folder as in `sandbrink_2024`: `simulation`, `numbers`, `picture`, and `verdict.md`.
"""

TITLE = "what the article leaves out: spectra, irregular blocks, noise, hidden units"
EXPERIMENTS: dict[str, str] = {
    "spectra": "inputs whose variance falls as a power law: what is learned, what is seen, where gates switch",
    "noise": "batches of one: how much noise costs, where, and how often it changes who takes which task",
    "irregular": "tasks that switch at random times: who specialises, why, and how fast a switch is followed",
    "committee": "a rival with hidden units: forgetting against similarity of tasks, beside that of gated paths",
    "nonlinear": "gated networks with hidden units: teachers, digits, convolutions; who switches, and how fast",
    "switches": "does it switch? over both learning rates and blocks; softmax gates that collapse, and cures",
}
