"""Made-up runs of three tasks and their composites, in which every number is known."""

from collections.abc import Callable

import numpy as np
import xarray as xr

NAMES = ["A", "B", "C", "AB", "BC", "CA"]
DELAYS = np.unique(np.concatenate([[0.0, 0.005], np.arange(1, 51) / 100, np.arange(6, 11) / 10]))

Series = Callable[[int, np.ndarray], np.ndarray]


def block_tasks(num_blocks: int = 30, first_composite: int = 23) -> np.ndarray:
    """Base tasks in turn, then composites in turn."""
    blocks = np.arange(num_blocks)
    return np.where(blocks < first_composite, blocks % 3, blocks % 3 + 3)


def run(
    loss: Series,
    gates: Callable[[int], np.ndarray],
    similarity: Callable[[int], np.ndarray],
    tasks: np.ndarray | None = None,
    online: bool = False,
    seeds: int = 2,
) -> xr.Dataset:
    """A run whose gates and similarities are constant within blocks; all seeds are alike.

    Args:
        loss: of (block, time since its start).
        gates: of the block, shape (paths,) or (paths, outputs).
        similarity: of the block, shape (teachers, paths).
        tasks: of every block; those of figure 3 when omitted.
        online: whether it claims to be on batches.
        seeds: number of repetitions.
    """
    tasks = block_tasks() if tasks is None else tasks
    blocks = np.repeat(np.arange(len(tasks)), len(DELAYS))
    of_block = {
        "gates": np.stack([gates(int(block)) for block in range(len(tasks))])[blocks],
        "similarity": np.stack([similarity(int(block)) for block in range(len(tasks))])[blocks],
    }
    one = {
        "loss": np.concatenate([loss(block, DELAYS) for block in range(len(tasks))]),
        "alignment": np.einsum("tmm->t", of_block["similarity"]) / 3,
        "weight_norm": np.ones(len(blocks)),
        **of_block,
    }
    one["published_alignment"], one["published_gates"] = one["alignment"], one["gates"]
    one["momentary_alignment"] = one["alignment"]
    dims = {
        "gates": ("path", "output"),
        "published_gates": ("path", "output"),
        "similarity": ("teacher", "path"),
    }
    variables = {
        name: (("seed", "record", *dims.get(name, ()))[: values.ndim + 1], np.stack([values] * seeds))
        for name, values in one.items()
    }
    variables["result"] = ("seed", np.zeros(seeds, int))
    variables["distinct_rows"] = ("seed", np.full(seeds, 18))
    return xr.Dataset(
        variables,
        {"time": ("record", blocks + np.tile(DELAYS, len(tasks))), "block": ("record", blocks)},
        {
            "edges": np.arange(len(tasks) + 1.0),
            "block_tasks": tasks,
            "task_names": NAMES,
            "num_base": 3,
            "configuration": '{"dynamics": "ONLINE"}' if online else '{"dynamics": "ORDER_PARAMETERS"}',
        },
    )


def through(points: dict[float, float]) -> Callable[[np.ndarray], np.ndarray]:
    """A loss that takes given values at given delays, straight on a logarithmic axis between them."""
    delays, values = np.array(sorted(points.items())).T
    return lambda t: np.exp(np.interp(t, delays, np.log(values)))
