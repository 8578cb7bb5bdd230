"""What the variables of a contest are, and in which units."""

import xarray as xr

from ntadyn.arena.measures import READINGS
from ntadyn.simulation.outcome import RESULT_CODES

TIME = "unit of the time constants"
STEPS = "steps"
_READ = {
    "behavioural": "with the network as it is",
    "adapted": "after gates alone have adapted",
    "latent": "with the best nonnegative gates",
}
_TEXTS = {
    "loss": "loss on the task in force",
    "jump": "loss on the task in force at the start of the block",
    "end": "loss on the task in force at the end of the block",
    "censored": "whether the loss stayed above the threshold in the whole block",
    "result": RESULT_CODES,
    "plasticity": "mean loss on the task in force at the ends of the last blocks, as it is",
    "stability": "mean loss on all tasks practised before at the ends of the last blocks, adapted",
    "accuracy": "share of held-out examples that are right, at the end of the block",
    "held_out_adapted": "loss at the end on a task that was never practised, after gates alone have adapted",
    "held_out_latent": "loss at the end on a task that was never practised, with the best nonnegative gates",
    "needs_boundaries": "whether it has to be told when tasks change",
    "needs_task_ids": "whether it has to be told which task an example belongs to",
    "adapts_in_its_own_way": "whether it adapts by more than the flow of its gates",
    "sees_all_tasks": "whether it practises tasks that are not in force",
    "gradients_per_sample": "gradients of the network for every fresh example",
    "parameters": "number of parameters of the network",
    "state_floats": "further numbers that the method carries along",
    "value": "value of the parameter that is tuned",
    "parameter": "dotted path of the parameter that is tuned",
    "note": "what a reader has to know to compare it",
    "tried": "grid, and the criterion at each of its values",
    "complaints": "what the method says of its own result",
    "spec": "what was run, as JSON",
    "row": "method",
    "seed": "repetition",
    "task": "task",
    "held_out": "task that was never practised",
    "block_task": "task of the block",
    "block_of_record": "block of the record",
}
for _name in READINGS:
    _how = _READ[_name]
    _TEXTS |= {
        _name: f"loss on every task at the end of the block, {_how}",
        f"{_name}_forgetting": f"loss at the end above its least, {_how}",
        f"{_name}_backward_transfer": f"loss at the end of its last block minus that at the end of the run, {_how}",
        f"{_name}_forward_transfer": f"loss at the start of the run minus that before its first block, {_how}",
    }
_TIMES = {
    "time": "time",
    "adaptation": "time until the loss is below the threshold, the whole block if it never is",
    "area": "integral of the loss on the task in force over the block",
}
_SECONDS = {"seconds": "wall-clock time of all repetitions", "compile_seconds": "of which XLA compiled"}


def labelled(dataset: xr.Dataset) -> xr.Dataset:
    """The same dataset with the attributes `long_name` and `units` of every variable; of text the unit is one, too.

    Args:
        dataset: of a contest. On examples time is counted in steps.
    """
    of_time = STEPS if "accuracy" in dataset else TIME
    told = {name: (text, "1") for name, text in _TEXTS.items()}
    told |= {name: (text, of_time) for name, text in _TIMES.items()}
    told |= {name: (text, "s") for name, text in _SECONDS.items()}
    labels = {name: told[str(name)] for name in dataset.variables}
    attributes = {name: {"long_name": text, "units": units} for name, (text, units) in labels.items()}
    variables = {name: dataset[name].assign_attrs(attributes[name]) for name in dataset.data_vars}
    coordinates = {name: dataset[name].assign_attrs(attributes[name]) for name in dataset.coords}
    return dataset.assign(variables).assign_coords(coordinates)
