from . import (
    composites as composites,
    csv_stream as csv_stream,
    curricula as curricula,
    digits as digits,
    idx as idx,
    images as images,
    inputs as inputs,
    named as named,
    random_sequences as random_sequences,
    sequence_csv as sequence_csv,
    sequence_data as sequence_data,
    teachers as teachers,
)
from .curriculum import AbstractCurriculum as AbstractCurriculum, Blocked as Blocked, Listed as Listed
from .examples import Batch as Batch, Examples as Examples, ExampleTasks as ExampleTasks, from_sets as from_sets
from .images import ImageSet as ImageSet, relabelled as relabelled
from .inputs import InputCovariance as InputCovariance
from .smooth import Smooth as Smooth
from .task_set import TaskSet as TaskSet, from_matrices as from_matrices
from .teachers import Basis as Basis, Scale as Scale
