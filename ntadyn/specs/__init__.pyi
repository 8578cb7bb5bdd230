from . import building as building, presets as presets
from .configuration import (
    NO_PENALTIES as NO_PENALTIES,
    Composites as Composites,
    Configuration as Configuration,
    Curriculum as Curriculum,
    Dynamics as Dynamics,
    Gating as Gating,
    Network as Network,
    Penalties as Penalties,
    Randomness as Randomness,
    RelativePenalties as RelativePenalties,
    TeacherKind as TeacherKind,
    Teachers as Teachers,
    TeacherScale as TeacherScale,
    TimeConstants as TimeConstants,
)
from .paths import replaced as replaced
from .warnings import warnings_of as warnings_of
