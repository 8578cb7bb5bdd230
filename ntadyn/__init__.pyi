from . import (
    arena as arena,
    compilation_cache as compilation_cache,
    continual as continual,
    dynamics as dynamics,
    interface as interface,
    maps as maps,
    metrics as metrics,
    nested as nested,
    networks as networks,
    plotting as plotting,
    regularizers as regularizers,
    results as results,
    simulation as simulation,
    solvers as solvers,
    specs as specs,
    stability as stability,
    sweeps as sweeps,
    tasks as tasks,
    training as training,
    verification as verification,
    xla_options as xla_options,
)
from .compilation_cache import keep_programs as keep_programs
from .dynamics import (
    DeepOrderParameters as DeepOrderParameters,
    GradientFlow as GradientFlow,
    OnlineSGD as OnlineSGD,
    OrderParameters as OrderParameters,
    SVDModes as SVDModes,
    Symmetric as Symmetric,
)
from .interface import (
    AbstractFlow as AbstractFlow,
    AbstractSystem as AbstractSystem,
    AbstractUpdate as AbstractUpdate,
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
    GradientDescent as GradientDescent,
    Trajectory as Trajectory,
    Updates as Updates,
    simulate as simulate,
)
from .solvers import (
    SlidingHeun as SlidingHeun,
    Splitting as Splitting,
)
from .specs.run import run as run
from .tasks import (
    Blocked as Blocked,
    Smooth as Smooth,
    TaskSet as TaskSet,
)
from .version import __version__ as __version__
from .xla_options import compile_whole_loops as compile_whole_loops
