"""Population flow from the published code's own initial weights, against the overlaps that its batches led to.

The arrays were relabelled per seed by the published sorting rule, initial weights and weights at block ends alike, so
that paths correspond as they are. (Their row cosines do not: there the rule exchanges teachers within a path, so that
diagonal entries stand for other pairs.)
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.networks import GatedLinear
from ntadyn.simulation import observables, simulate
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.tasks.curricula import alternating
from ntadyn.tasks.task_set import from_matrices

BLOCK_DURATION = 0.999  # the published blocks, 999 steps of 0.001


def file_name(regime: str) -> str:
    """The file of a regime."""
    return f"fig2_{regime}.npz"


def check(folder: Path) -> None:
    """See that the arrays are there.

    Raises:
        ValueError: if one is missing.
    """
    missing = [name for name in map(file_name, ("flexible", "forgetful")) if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"the reference folder {str(folder)!r} lacks {missing}; name the folder that holds them with --reference, "
            f"or leave the comparison out."
        )


def follow(folder: Path, regime: str, configuration: Configuration) -> xr.Dataset:
    """S_pm = <W^p, W*^m> at the published block ends, from the same initial weights and teachers.

    Args:
        folder: where the arrays are.
        regime: "flexible" or "forgetful".
        configuration: time constants and penalties of the regime.

    Returns:
        Dataset with `flow` and `published`, dimensions (seed, block, path, teacher).
    """
    with np.load(folder / file_name(regime)) as arrays:
        teachers, initial, final, ends = (
            arrays[name].astype(np.float64) for name in ("teachers", "W_initial", "W_block_end", "t_block_end")
        )
    # The published clock counts steps of 0.001 in single precision; the last end lies a step before that of its block.
    ends = np.round(ends, 3)
    configuration = replaced(configuration, {"dynamics": Dynamics.GRADIENT_FLOW})
    drawn, _ = building.build(configuration, building.first(building.keys(configuration.randomness)))
    system = eqx.tree_at(lambda flow: flow.tasks, drawn, from_matrices(jnp.asarray(teachers)))
    curriculum = alternating(2, len(ends), BLOCK_DURATION)

    def overlaps(weights):
        gates = jnp.full(weights.shape[:1], configuration.network.initial_gate, weights.dtype)
        state = system.initial_state(GatedLinear(gates, weights))
        recorded = {"overlaps": observables.teacher_overlaps}
        return simulate(system, curriculum, state, observables=recorded, times=ends)

    trajectory = jax.jit(jax.vmap(overlaps))(jnp.asarray(initial))
    records = np.argmin(np.abs(np.asarray(trajectory.times[0])[None, :] - ends[:, None]), axis=1)
    dims = ("seed", "block", "path", "teacher")
    return xr.Dataset(
        {
            "flow": (dims, np.asarray(trajectory.values["overlaps"])[:, records]),
            "published": (dims, np.einsum("sbpoi,moi->sbpm", final, teachers)),
        },
        {"time": ("block", ends)},
    )
