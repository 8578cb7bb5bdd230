from .band import (
    BandFold as BandFold,
    ContactBand as ContactBand,
    band_fold as band_fold,
    contact_band as contact_band,
    gate_swing as gate_swing,
    half_swing as half_swing,
    specialised_distance as specialised_distance,
)
from .border import (
    contact_probability as contact_probability,
    hinge_bound as hinge_bound,
    initial_spread as initial_spread,
    predicted_border as predicted_border,
    specialised_probability as specialised_probability,
    time_to_specialise as time_to_specialise,
)
from .lorentz import (
    UnspecialisedOrbit as UnspecialisedOrbit,
    glide_length as glide_length,
    growth as growth,
    unspecialised_orbit as unspecialised_orbit,
)
from .plane import TeacherPlane as TeacherPlane
