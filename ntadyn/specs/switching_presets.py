"""Optimisers on tasks in turn, to start sweeps from. Nothing here imports JAX."""

from ntadyn.specs import optimisers
from ntadyn.specs.switching import SwitchingStudent


def switching_momentum() -> SwitchingStudent:
    """A linear map under momentum, on two orthogonal tasks in turn; time in steps."""
    return SwitchingStudent()


def switching_descent() -> SwitchingStudent:
    """The same under plain descent."""
    return SwitchingStudent(optimisers.Descent())


def switching_delta_momentum() -> SwitchingStudent:
    """The same under a momentum that forgets along the gradient."""
    return SwitchingStudent(optimisers.DeltaMomentum())


def switching_muon() -> SwitchingStudent:
    """The same under Muon, a momentum that is read through its orthogonal factor."""
    return SwitchingStudent(optimisers.Muon())


def switching_adam() -> SwitchingStudent:
    """The same under Adam."""
    return SwitchingStudent(optimisers.Adam())


def switching_two_momenta() -> SwitchingStudent:
    """The same under a fast and a slow momentum (M3)."""
    return SwitchingStudent(optimisers.TwoMomenta())


SWITCHING = {
    item.__name__.replace("_", "-"): item
    for item in (
        switching_momentum,
        switching_descent,
        switching_delta_momentum,
        switching_muon,
        switching_adam,
        switching_two_momenta,
    )
}
