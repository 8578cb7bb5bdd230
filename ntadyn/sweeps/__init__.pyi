from .engine import Threads as Threads, run_sweep as run_sweep, sweep as sweep
from .plan import (
    Axis as Axis,
    Backend as Backend,
    Precision as Precision,
    Streams as Streams,
    Sweep as Sweep,
    Zipped as Zipped,
    as_axes as as_axes,
)
from .scores import OUTCOME as OUTCOME, Measures as Measures, Recorded as Recorded
