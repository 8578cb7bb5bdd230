"""What is simulated of forgetting against similarity: the flow of a committee, and gated paths on the same question."""

import itertools
from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.harness.runs import Run
from ntadyn.simulation import observables
from ntadyn.simulation.outcome import result_codes
from ntadyn.specs import building
from ntadyn.specs.committee import Committee
from ntadyn.specs.configuration import TeacherKind
from ntadyn.specs.ensemble import run_variants
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_2_flexible, figure_2_forgetful

# Units of time after the switch at which forgetting is read.
EARLY, LATE = 10.0, 300.0
OVERLAPS = ("heads", "unit_overlaps", "teacher_unit_overlaps")
# Lengths of blocks, and how many of them: many short ones, in which tasks are not quite learned, and two long ones.
BLOCKS = {"short": (1.0, 20), "long": (20.0, 2)}
NETWORKS = {"flexible": figure_2_flexible, "forgetful": figure_2_forgetful}


@dataclass(frozen=True)
class Parameters:
    """What the experiment is made of.

    Attributes:
        similarities: cosines V of the two teachers.
        num_seeds: repetitions of the committee, with starts of their own.
        num_gated: repetitions of gated networks, which differ little.
    """

    similarities: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    num_seeds: int = 10
    num_gated: int = 3


def runs(parameters: Parameters) -> list[Run]:
    """The committee, and both gated networks."""
    of_all = {"parameters": parameters}
    return [
        Run("committee_units", hidden_units, of_all, "units"),
        Run("committee_gates", gated_paths, of_all, "gates"),
    ]


def hidden_units(parameters: Parameters) -> xr.Dataset:
    """How much the loss on task 1 rises while task 2 is learned, and which hidden units serve which head."""
    spec = Committee(block_duration=LATE)
    keys = building.keys_of(0, [(0, k, k) for k in range(parameters.num_seeds)])
    found, _ = run_variants(spec, {"similarity": parameters.similarities}, keys, times=(LATE + EARLY,))
    times = np.asarray(found[0].times)
    learned, early = (np.flatnonzero(np.isclose(times, time))[0] for time in (LATE, LATE + EARLY))
    loss = np.stack([np.asarray(one.values["losses"])[..., 0] for one in found])
    values = [np.stack([np.asarray(one.values[name]) for one in found]) for name in OVERLAPS]
    heads, own, with_teachers = values
    # The unit that answered task 1 when it had been learned, and how far it has turned to teacher 2 by the end.
    unit = np.abs(heads[:, :, learned, 0]).argmax(-1)[..., None]
    norm = np.take_along_axis(np.diagonal(own[:, :, -1], axis1=-2, axis2=-1), unit, -1)[..., 0]
    turned = np.abs(np.take_along_axis(with_teachers[:, :, -1, :, 1], unit, -1)[..., 0]) / np.sqrt(norm)
    over = ("similarity", "seed")
    return xr.Dataset(
        {
            "early": (over, loss[:, :, early] - loss[:, :, learned], {"long_name": f"rise of loss 1 after {EARLY:g}"}),
            "late": (over, loss[:, :, -1] - loss[:, :, learned], {"long_name": f"rise of loss 1 after {LATE:g}"}),
            "learned": (over, loss[:, :, learned], {"long_name": "loss 1 when task 2 begins"}),
            "turned": (over, turned, {"long_name": "cosine of the unit of task 1 with teacher 2, at the end"}),
            "result": (over, np.stack([np.asarray(result_codes(one.result)) for one in found])),
        },
        {"similarity": list(parameters.similarities)},
    )


def gated_paths(parameters: Parameters) -> xr.Dataset:
    """How much the loss on task 1 rises in the last block, which is of task 2, in units of |T|^2.

    As the network is, and with the nonnegative gates that serve task 1 best.
    """
    parts = []
    for preset, (length, number) in itertools.product(NETWORKS.values(), BLOCKS.values()):
        changes = {
            "teachers.kind": TeacherKind.ROW_OVERLAPPING,
            "randomness.num_seeds": parameters.num_gated,
            "curriculum.block_duration": length,
            "curriculum.total_time": length * number,
        }
        spec = replaced(preset(), changes)
        keys = building.keys(spec.randomness)
        recorded = {"k": observables.student_overlaps, "s": observables.teacher_overlaps, "gates": observables.gates}
        found, _ = run_variants(spec, {"teachers.overlap": parameters.similarities}, keys, recorded)
        size = spec.teachers.d_out / spec.teachers.d_in
        blocks = np.asarray(found[0].blocks)
        ends = [np.flatnonzero(blocks == block)[-1] for block in (blocks[-1] - 1, blocks[-1])]
        now, best, square = [], [], []
        for one in found:
            k, s, c = (np.asarray(one.values[name])[:, ends] for name in ("k", "s", "gates"))
            s = s[..., 0]
            plain = 0.5 * size - np.einsum("ntp,ntp->nt", c, s) + 0.5 * np.einsum("ntp,ntpq,ntq->nt", c, k, c)
            now.append(np.diff(plain, axis=1)[:, 0] / size)
            best.append(np.diff(latent_loss(k, s, size), axis=1)[:, 0] / size)
            square.append(np.mean(np.sum(c**2, axis=-1), axis=1))
        results = np.stack([np.asarray(result_codes(one.result)) for one in found])
        over = ("similarity", "seed")
        found_here = {"rise": now, "latent_rise": best, "squared_gates": square, "result": results}
        parts.append(xr.Dataset({name: (over, values) for name, values in found_here.items()}))
    names = [f"{network}, {blocks}" for network, blocks in itertools.product(NETWORKS, BLOCKS)]
    whole = xr.concat(parts, xr.Variable("network", names))
    return whole.assign_coords(
        similarity=list(parameters.similarities), time_constant=figure_2_forgetful().time_constants.weights
    )


def latent_loss(students: np.ndarray, cross: np.ndarray, size: float) -> np.ndarray:
    """min over c >= 0 of 1/2 (|T|^2 - 2 c . s + c . K c) for two paths: at a gate alone, or inside.

    Args:
        students: K, shape (..., 2, 2).
        cross: s, overlaps with the teacher, shape (..., 2).
        size: |T|^2.
    """
    alone = np.maximum(cross, 0) ** 2 / np.maximum(np.diagonal(students, axis1=-2, axis2=-1), 1e-300)
    inside = np.linalg.solve(students + 1e-15 * np.eye(2), cross[..., None])[..., 0]
    gain = np.where(np.all(inside >= 0, axis=-1), np.einsum("...p,...p->...", inside, cross), alone.max(-1))
    return 0.5 * (size - np.maximum(gain, alone.max(-1)))
