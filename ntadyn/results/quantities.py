"""What recorded and derived numbers are called: one table for panels, terminal and files.

A *similarity* belongs to one teacher and one path: their cosine. The *total alignment* belongs to a whole network: the
mean similarity of the teachers with the paths that are matched to them. The *contrast* is how much larger that is than
the similarity of pairs that are not matched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Quantity:
    """One kind of number.

    Attributes:
        symbol: in formulas, as mathematics of matplotlib; empty where none is in use.
        label: a few words, for an axis of a picture or a row of a table.
        description: one sentence, for a file.
        dims: dimensions of its value at one time in one repetition.
    """

    symbol: str
    label: str
    description: str
    dims: tuple[str, ...] = ()


QUANTITIES = {
    "loss": Quantity(r"\mathcal{L}", "loss", "task loss, without penalties"),
    "gates": Quantity(
        "c_p", "gate", "gates c, paths in the order of the teachers that they end up with", ("path", "output")
    ),
    "student_overlaps": Quantity("K_{pq}", "overlap of paths", "overlaps of students K_pq", ("path", "path_2")),
    "teacher_overlaps": Quantity(
        "S_{pm}", "overlap with teacher", "overlaps of students and teachers S_pm", ("path", "teacher")
    ),
    "similarity": Quantity("", "similarity", "cosine of teacher and student", ("teacher", "path")),
    "alignment": Quantity(
        "", "total alignment", "total alignment: mean similarity of the teachers with the paths matched to them"
    ),
    "last_alignment": Quantity(
        "", "total alignment, matched at the end", "total alignment, paths matched by their similarity at the end"
    ),
    "published_alignment": Quantity(
        "", "total alignment, published sorting", "total alignment, paths sorted by the published rule"
    ),
    "seen_alignment": Quantity(
        "", "total alignment through the inputs", "total alignment at the end, directions weighted by their variance"
    ),
    "seen_contrast": Quantity("", "contrast through the inputs", "contrast, directions weighted by their variance"),
    "other_loss": Quantity("", "loss on the other tasks", "loss at the end on the tasks that are not in force"),
    "contrast": Quantity("", "contrast", "contrast: similarity of matched pairs minus that of the others"),
    "task_loss": Quantity("", "loss on every task", "task loss on every task, whichever is in force", ("teacher",)),
    "mean_task_loss": Quantity("", "mean loss over all tasks", "loss at the end, mean over all tasks"),
    "latent_loss": Quantity(
        "", "latent loss", "latent loss: loss at the end with the best nonnegative gates, mean over all tasks"
    ),
    "forgetting": Quantity(
        "", "forgetting", "forgetting: loss at the end over the least at the end of any block, mean over all tasks"
    ),
    "practice_loss": Quantity(
        "", "mean loss in practice", "mean loss on what is practised, over the later half of the blocks"
    ),
    "context_alignment": Quantity(
        "", "context alignment", "how well the paths below one gate know all tasks of one context, at the end"
    ),
    "kept_gates": Quantity(
        "", "share kept of the gates", "what a context finds of its last task's gates: 1 as they were, 0 forgotten"
    ),
    "gate_error": Quantity("", "change of any gate", "largest change of any recorded gate when all steps are halved"),
    "gate_bar": Quantity(
        "", "error of any gate", "estimated largest error of any recorded gate, from a run in half as many steps"
    ),
    "alignment_error": Quantity(
        "", "change of the total alignment", "change of the total alignment when all steps are halved"
    ),
    "perturbation": Quantity(
        "", "change under a jitter", "largest change of any recorded gate when the start is jittered"
    ),
    "result": Quantity("", "result code", "result code, 0 where the trajectory ended well"),
    "time": Quantity("t", "time", "time, in the unit of the time constants"),
}

# What every simulation records, over repetitions and records; gates of whole paths have no outputs.
DIMS = {
    name: ("seed", "record", *QUANTITIES[name].dims)
    for name in ("loss", "gates", "student_overlaps", "teacher_overlaps", "similarity")
}
DESCRIPTIONS = {name: QUANTITIES[name].description for name in DIMS}

# What theory predicts of a map: shares of runs over its cells, and two lines.
PREDICTED, CONTACT, NEGATIVE = "predicted_share", "contact_probability", "negative_probability"
FOLD, HINGE = "band_fold", "hinge_strength"


def label_of(name: str, attributes: Mapping[Any, Any] | None = None) -> str:
    """What a variable is called on an axis or in a table.

    Args:
        name: of the variable.
        attributes: of the variable; those that this table does not hold are called by their `long_name`, as far as
            its first comma.
    """
    if name in QUANTITIES:
        return QUANTITIES[name].label
    text = str((attributes or {}).get("long_name", "")).split(",")[0]
    return text or name.replace("_", " ")
