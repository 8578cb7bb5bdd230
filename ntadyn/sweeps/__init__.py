"""Many trajectories at once: axes of parameters, labelled results."""

from ntadyn.sweeps.phase_map import check_phase_map as check_phase_map, run_phase_map as run_phase_map
