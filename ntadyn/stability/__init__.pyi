from .band import (
    BandFold as BandFold,
    ContactBand as ContactBand,
    band_fold as band_fold,
    contact_band as contact_band,
    gate_swing as gate_swing,
    half_swing as half_swing,
    specialised_distance as specialised_distance,
)
from .basins import (
    FATES as FATES,
    Fate as Fate,
    Journey as Journey,
    Landmarks as Landmarks,
    Share as Share,
    at_plane as at_plane,
    classify as classify,
    follow as follow,
    landmarks as landmarks,
    match as match,
    plane_system as plane_system,
    representatives as representatives,
    sample as sample,
    share as share,
    shares as shares,
)
from .border import (
    contact_probability as contact_probability,
    initial_spread as initial_spread,
    predicted_border as predicted_border,
    specialised_probability as specialised_probability,
    time_to_specialise as time_to_specialise,
)
from .continuation import (
    Branch as Branch,
    BranchPoint as BranchPoint,
    BranchStatus as BranchStatus,
    EventChange as EventChange,
    branch as branch,
    equations_of as equations_of,
)
from .coordinates import (
    GatesAndFactors as GatesAndFactors,
    realisable as realisable,
    teacher_frame as teacher_frame,
)
from .events import Event as Event, EventKind as EventKind
from .floquet import (
    Multipliers as Multipliers,
    Side as Side,
    Stability as Stability,
    exponents as exponents,
    extrapolated as extrapolated,
    multipliers as multipliers,
    multipliers_of as multipliers_of,
    on_both_sides as on_both_sides,
    saltation as saltation,
)
from .grazing import grazing_branch as grazing_branch
from .hinge import (
    FirstBlock as FirstBlock,
    first_block as first_block,
    hinge_bound as hinge_bound,
    needed_hinge as needed_hinge,
    negative_probability as negative_probability,
)
from .lorentz import (
    UnspecialisedOrbit as UnspecialisedOrbit,
    glide_length as glide_length,
    growth as growth,
    unspecialised_orbit as unspecialised_orbit,
)
from .lyapunov import Exponents as Exponents, lyapunov_exponents as lyapunov_exponents
from .orbit_branch import OrbitBranch as OrbitBranch, orbit_branch as orbit_branch
from .periodic import (
    Orbit as Orbit,
    OrbitStatus as OrbitStatus,
    find_periodic as find_periodic,
)
from .phase_plane import (
    NeutralOrbit as NeutralOrbit,
    error_along as error_along,
    field as field,
    neutral_orbit as neutral_orbit,
    nullcline as nullcline,
)
from .plane import TeacherPlane as TeacherPlane
from .plane_run import PlaneEnd as PlaneEnd, run_in_plane as run_in_plane
from .return_time import return_time as return_time
from .stroboscopic import (
    SWAPPED_TASKS as SWAPPED_TASKS,
    SWAPPED_TASKS_AND_PATHS as SWAPPED_TASKS_AND_PATHS,
    Renaming as Renaming,
    StroboscopicMap as StroboscopicMap,
)
