"""Many trajectories at once: axes of parameters, labelled results."""

from ntadyn.sweeps.phase_map import run_phase_map as run_phase_map
