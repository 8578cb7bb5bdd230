from . import building as building, presets as presets
from .configuration import (
    Composites as Composites,
    Configuration as Configuration,
    Curriculum as Curriculum,
    Dynamics as Dynamics,
    Gating as Gating,
    Network as Network,
    Randomness as Randomness,
    RelativePenalties as RelativePenalties,
    TeacherKind as TeacherKind,
    Teachers as Teachers,
    TeacherScale as TeacherScale,
    TimeConstants as TimeConstants,
)
from .paths import replaced as replaced
