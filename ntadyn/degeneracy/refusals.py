"""Why an estimate is not to be trusted."""

import enum
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntadyn.degeneracy.estimate import LearningCoefficient, SecondOpinion

# What an estimate has to keep to.
MOST_LOWERED = 0.1  # of its value, by a slope at the centre
MOST_RHAT, LEAST_ESS = 1.02, 200
LEAST_FILLED = 0.7  # of the distance that flat directions make by themselves, where distances have not mixed
MOST_STEP_BIAS = 0.05  # of its value
MOST_NEGATIVE = 0.1  # of the localisation: t times a negative curvature
LEAST_REGULAR = 0.8  # of its value, that the quadratic part of the loss explains
MOST_ERRORS_APART = 3.0
MOST_DISTANCE = 3.0  # in units of sqrt(d / gamma)


class Refusal(enum.Enum):
    """A reason, in a sentence that says what to do."""

    NONFINITE = "losses are not finite: shorten the steps, or raise the localisation"
    NOT_A_MINIMUM = (
        "the loss goes down from the centre, along a slope or a negative curvature: descend further, or take the "
        "behavioural loss, whose minimum every point is"
    )
    UNRESOLVED = (
        "chains have not mixed (rhat above 1.02, fewer than 200 effective draws, or flat directions that are not "
        "filled): draw more, or take NUTS"
    )
    STEP_BIAS = (
        "steps without a test raise the estimate by more than 5 %, or by nobody knows how much: shorten them, or take "
        "MALA"
    )
    SINGULAR_UNCHECKED = (
        "a fifth or more of the estimate is not in the quadratic part of the loss, where local moves can be biased "
        "while diagnostics look well: check with NestedSlices (up to about eight parameters)"
    )
    CHECK_FAILED = "the second sampler came to no estimate"
    SAMPLER_DISAGREE = (
        "two samplers differ by more than three of their errors (of the smaller one at singular points): neither is to "
        "be trusted"
    )
    NONLOCAL = "chains have left the neighbourhood: raise the localisation"


def refusals(found: "LearningCoefficient") -> tuple[Refusal, ...]:
    """All reasons that hold for an estimate, the gravest first; none if it is trusted.

    Rhat and effective sample size alone never certify an estimate: around w1^2 w2^2 they are 1.00 and thousands for a
    coefficient that is wrong by six errors.

    Args:
        found: the estimate, with its diagnostics.
    """
    if not found.is_finite:
        return (Refusal.NONFINITE,)
    size, second = abs(found.value), found.second_opinion
    singular = found.effective_dimension < LEAST_REGULAR * found.value
    checked = second is not None and second.moves_globally and not second.failure
    descends = found.lowered_by_slope > MOST_LOWERED * size or found.value < -MOST_ERRORS_APART * found.error
    bends = -found.most_negative * found.inverse_temperature > MOST_NEGATIVE * found.localisation
    holds = {
        Refusal.NOT_A_MINIMUM: descends or bends,
        Refusal.UNRESOLVED: not (found.rhat <= MOST_RHAT and found.ess >= LEAST_ESS) or _unfilled(found),
        Refusal.STEP_BIAS: not found.step_bias <= MOST_STEP_BIAS * size,
        Refusal.SINGULAR_UNCHECKED: singular and not checked,
        Refusal.CHECK_FAILED: second is not None and bool(second.failure),
        Refusal.SAMPLER_DISAGREE: second is not None and not _agree(found, second, singular),
        Refusal.NONLOCAL: found.distance > MOST_DISTANCE,
    }
    return tuple(reason for reason, so in holds.items() if so)


def _unfilled(found: "LearningCoefficient") -> bool:
    """Whether chains are still on their way out along directions that hardly change the loss but may change its mean.

    Flat directions alone make distances of sqrt((d - 2 lambda) / gamma), with lambda the effective dimension.
    """
    alone = math.sqrt(max(found.dimension - 2 * found.effective_dimension, 0.0) / found.dimension)
    return found.distance_ess < LEAST_ESS and found.distance < LEAST_FILLED * alone


def _agree(found: "LearningCoefficient", second: "SecondOpinion", singular: bool) -> bool:
    """Whether two estimates differ by what their errors allow.

    Local moves understate their error at singular points, and a second opinion with a large one would certify anything:
    there the smaller of both errors counts alone.
    """
    if second.failure:
        return True
    errors = (found.error, second.error)
    allowed = min(errors) if singular else math.hypot(*errors)
    return abs(second.value - found.value) <= MOST_ERRORS_APART * allowed
