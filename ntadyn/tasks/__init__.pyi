from . import composites as composites, curricula as curricula, named as named, teachers as teachers
from .curriculum import AbstractCurriculum as AbstractCurriculum, Blocked as Blocked, Listed as Listed
from .smooth import Smooth as Smooth
from .task_set import TaskSet as TaskSet, from_matrices as from_matrices
from .teachers import Basis as Basis, Scale as Scale
