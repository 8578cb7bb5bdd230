from . import (
    dynamics as dynamics,
    maps as maps,
    metrics as metrics,
    networks as networks,
    plotting as plotting,
    regularizers as regularizers,
    results as results,
    simulation as simulation,
    solvers as solvers,
    specs as specs,
    sweeps as sweeps,
    tasks as tasks,
    verification as verification,
)
from .dynamics import (
    DeepOrderParameters as DeepOrderParameters,
    GradientFlow as GradientFlow,
    OnlineSGD as OnlineSGD,
    OrderParameters as OrderParameters,
    SVDModes as SVDModes,
    Symmetric as Symmetric,
)
from .networks import (
    DeepLinear as DeepLinear,
    GatedLinear as GatedLinear,
    NeuronGatedLinear as NeuronGatedLinear,
)
from .simulation import (
    RESULTS as RESULTS,
    Adaptive as Adaptive,
    FixedSteps as FixedSteps,
    Trajectory as Trajectory,
    simulate as simulate,
)
from .solvers import (
    SlidingHeun as SlidingHeun,
    Splitting as Splitting,
)
from .tasks import (
    Blocked as Blocked,
    Smooth as Smooth,
    TaskSet as TaskSet,
)
from .version import __version__ as __version__
