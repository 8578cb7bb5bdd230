"""What a training came to as one labelled data set."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ntadyn.metrics.continual import backward_transfer, forgetting
from ntadyn.nested.sequence_models import SequenceModel, parameter_count, state_floats
from ntadyn.specs.paths import to_json
from ntadyn.tasks.sequence_data import AbstractSequenceTask, Sequences
from ntadyn.training.checkpoint import Kept
from ntadyn.training.lanes import evaluation_steps
from ntadyn.training.program import Program

NAMES = {
    "train_loss": "loss on the batch of a step, before the step",
    "held_out_loss": "loss on examples for choices",
    "grid_loss": "loss of the first seed at the end, on examples for choices, by learning rate",
    "seconds": "wall clock of all steps, without compilation",
    "evaluation_seconds": "wall clock of answering examples for choices on the way",
    "compile_seconds": "wall clock of compilation, of all programs",
    "parameters": "trained numbers of the model",
    "state_floats": "numbers that are carried from one position to the next, at the end of a sequence",
    "result": "result code, 1 where the loss stopped being a number",
    "block_loss": "loss on every text at the end of every block, on examples for choices",
    "block_part": "the text of the block, counted from 0",
    "forgetting": "loss at the end over the least at the end of any block",
    "backward_transfer": "loss when a text was last left, minus that at the end",
}


def labelled(
    program: Program, chosen: Sequence[Kept], grid: Mapping[float, float], tested: Mapping[str, Sequences]
) -> xr.Dataset:
    """The results of all seeds.

    Args:
        program: of the training.
        chosen: what every seed came to.
        grid: loss by learning rate.
        tested: examples that are reported, by part.
    """
    spec, task = program.spec, program.task
    losses = np.concatenate([kept.losses for kept in chosen])
    held_out = np.concatenate([kept.held_out for kept in chosen])
    model = program.models(chosen[0].state)[0]
    variables: dict[str, Any] = {
        "train_loss": (("seed", "step"), losses),
        "held_out_loss": (("seed", "evaluation", "part"), held_out),
        "grid_loss": (("rate",), np.fromiter(grid.values(), float)),
        "seconds": (("seed",), np.array([kept.seconds[0] for kept in chosen])),
        "evaluation_seconds": (("seed",), np.array([kept.seconds[1] for kept in chosen])),
        "parameters": ((), parameter_count(model)),
        "state_floats": ((), carried(model, task.length)),
        "result": (("seed",), (~np.isfinite(held_out[:, -1]).all(axis=1)).astype(int)),
    }
    per_seed = [_measured(program, kept, tested) for kept in chosen]
    for name, (axes, _) in per_seed[0].items():
        variables[f"test_{name}"] = (("seed", *axes), np.stack([measures[name][1] for measures in per_seed]))
    looked_at = evaluation_steps(spec.steps, spec.evaluations)
    variables |= _across_turns(task, held_out, looked_at)
    variables["compile_seconds"] = ((), program.compile_seconds)
    coordinates = {
        "seed": spec.seed + np.arange(len(chosen)),
        "step": np.arange(spec.steps),
        "evaluation_step": ("evaluation", looked_at),
        "part": list(tested),
        "rate": list(grid),
    }
    dataset = xr.Dataset(variables, coordinates)
    for name in dataset.variables.keys() & NAMES.keys():
        dataset[name].attrs["long_name"] = NAMES[str(name)]
    return dataset.assign_attrs(specification=to_json(spec), data="\n".join(spec.data.described()))


def carried(model: Any, tokens: int) -> int:
    """How many numbers a model carries from one position to the next.

    Args:
        model: one of ours, or any with `initial_state`.
        tokens: positions so far.
    """
    if isinstance(model, SequenceModel):
        return state_floats(model, tokens)
    return parameter_count(jax.eval_shape(model.initial_state))


def _measured(program: Program, kept: Kept, tested: Mapping[str, Sequences]) -> dict[str, tuple[tuple[str, ...], Any]]:
    """All measures of one seed, stacked over parts."""
    parts = []
    for examples in tested.values():
        scores = {name: values[0] for name, values in program.scores(kept.state, examples).items()}
        parts.append(program.task.measures(scores, examples))
    return {
        name: (("part", *axes), np.stack([np.asarray(part[name][1]) for part in parts]))
        for name, (axes, _) in parts[0].items()
    }


def _across_turns(task: AbstractSequenceTask, losses: np.ndarray, steps: np.ndarray) -> dict[str, Any]:
    """Losses at the ends of blocks and what was forgotten, where parts are practised in turns."""
    turn = task.steps_per_turn
    ends = np.flatnonzero((steps > 0) & (steps % turn == 0)) if turn is not None else np.zeros(0, int)
    if turn is None or not ends.size:
        return {}
    at_ends, parts = losses[:, ends], (steps[ends] // turn - 1) % losses.shape[2]
    matrices, tasks = jnp.asarray(at_ends), jnp.asarray(parts)
    return {
        "block_loss": (("seed", "block", "part"), at_ends),
        "block_part": (("block",), parts),
        "forgetting": (("seed", "part"), np.asarray(jax.vmap(forgetting)(matrices))),
        "backward_transfer": (
            ("seed", "part"),
            np.asarray(jax.vmap(lambda matrix: backward_transfer(matrix, tasks))(matrices)),
        ),
    }
