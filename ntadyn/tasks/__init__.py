"""What is to be learned: teacher matrices and the order in which they are shown.

`ntadyn.tasks.teachers` makes the teachers, `ntadyn.tasks.composites` adds combinations of them,
`ntadyn.tasks.curricula` says which of them is in force when, and `ntadyn.tasks.named` knows the published schedules.
The two halves meet in one vector: a curriculum yields mixture weights `a (m,)`, and the target map is `sum_m a_m W*^m`.
"""

from ntadyn.tasks import composites, curricula, named, teachers
from ntadyn.tasks.curricula import AbstractCurriculum, Blocked
from ntadyn.tasks.smooth import Smooth
from ntadyn.tasks.task_set import TaskSet, from_matrices
from ntadyn.tasks.teachers import Basis, Scale

__all__ = [
    "AbstractCurriculum",
    "Basis",
    "Blocked",
    "Scale",
    "Smooth",
    "TaskSet",
    "composites",
    "curricula",
    "from_matrices",
    "named",
    "teachers",
]
