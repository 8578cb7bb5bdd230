"""What is to be learned: teacher matrices and the order in which they are shown.

`ntadyn.tasks.teachers` makes the teachers, `ntadyn.tasks.curricula` says which of them is in force when. The two meet
in one vector: a curriculum yields mixture weights `a (m,)`, and the target map is `sum_m a_m W*^m`.
"""

from ntadyn.tasks import curricula, teachers
from ntadyn.tasks.curricula import AbstractCurriculum, Blocked, Smooth
from ntadyn.tasks.teachers import Basis, Scale, TaskSet

__all__ = [
    "AbstractCurriculum",
    "Basis",
    "Blocked",
    "Scale",
    "Smooth",
    "TaskSet",
    "curricula",
    "teachers",
]
