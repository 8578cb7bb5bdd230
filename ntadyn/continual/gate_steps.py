"""How long a step of gates may be before their penalty throws them further than it finds them."""

from ntadyn.regularizers.coefficients import known_reals


def check_gate_step(rate: float, stiffness: float, num_open: int) -> None:
    """Refuse explicit steps that a unit norm of gates makes unstable: eta_c k n > 2.

    Where n gates are open, the L1 penalty k/2 (|c|_1 - 1)^2 has the curvature n k along their signs, and a step of
    descent multiplies the deviation of the norm by 1 - eta_c n k. At 2 it is repeated with the other sign, and only the
    kink at a gate that shuts ends the to and fro. With the L2 norm the curvature is k, n = 1.

    Args:
        rate: eta_c, the learning rate of the gates, which is the step over their time constant.
        stiffness: k of the unit norm.
        num_open: n, how many gates can be open at a time.

    Raises:
        ValueError: above 2; values that are traced pass unchecked.
    """
    known, stiff = known_reals("the learning rate of the gates", rate), known_reals("the stiffness", stiffness)
    if known is not None and stiff is not None and float(known * stiff) * num_open > 2 * (1 + 1e-12):
        raise ValueError(
            f"gates would diverge: learning rate {rate} times stiffness {stiffness} times {num_open} gates is "
            f"{float(known * stiff) * num_open:.3g}, and must not exceed 2. Lower the rate of the gates or the weight "
            f"of their unit norm."
        )
