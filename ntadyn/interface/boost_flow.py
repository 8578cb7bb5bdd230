"""Flows of gates and weights that only exchange their strength: Lorentz boosts along the error."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ntadyn.interface.gate_flow import GateProblem, follow_gates
from ntadyn.interface.gated_linear import AbstractQuadraticGatedFlow, TaskWeights
from ntadyn.interface.loops import EventSearch


class Push(eqx.Module):
    """X = int E Sigma dt over a step: the error of the total map through the inputs, which moves gates and weights.

    Gates of single outputs feel the rows of X, each on its own.

    Attributes:
        pull: <W^p, X> with the weights at the start of the step, one per gate, shape (n,), path-major.
        squared: |X|^2 as every gate feels it, shape (n,).
        carrier: whatever else the system needs to move its weights along X.
    """

    pull: Float[Array, " n"]
    squared: Float[Array, " n"]
    carrier: PyTree


class AbstractBoostFlow(AbstractQuadraticGatedFlow):
    """tau_c dc_p/dt = <W^p, E Sigma> - dR/dc_p,  tau_W dW^p/dt = c_p E Sigma: the same error moves gates and weights.

    Where the error keeps its direction and nothing is penalised, every pair (sqrt(tau_c) c_p, sqrt(tau_W) <W^p, e>),
    with e the unit matrix along E Sigma, is rotated hyperbolically by the same angle |E Sigma| t / sqrt(tau_c tau_W).
    Whatever the error does, tau_c c c^T - tau_W K is conserved but for -(c R'^T + R' c^T) per unit of time.
    """

    @abc.abstractmethod
    def push(self, state: PyTree, task: TaskWeights, area: Float[Array, " n"], duration: Float[Array, ""]) -> Push:
        """The push X of a step.

        Args:
            state: at the start of the step.
            task: in force.
            area: int (c(t) - c(0)) dt along the path that gates take while weights rest, path-major.
            duration: of the step.

        Returns:
            X = psi (h E - sum_p area_p W^p) Sigma, right to second order in the duration h. The share psi =
            (1 - exp(-x)) / x, x = h |c|^2 v / tau_W for inputs of variance v, is what the weights' own relaxation
            leaves of the error; in the stead of 1 - x/2 it keeps long steps stable.
        """

    @abc.abstractmethod
    def pushed(self, state: PyTree, push: Push, amplitudes: Float[Array, " n"]) -> PyTree:
        """The state after W^p <- W^p + a_p X, gates unchanged.

        Args:
            state: the one that `push` was told.
            push: X.
            amplitudes: a, path-major.
        """

    def boost_refusal(self) -> str | None:
        """Why the weights of this system move by more than c_p E, in words; None if they do not."""
        return "it has a penalty on its weights" if "weights" in self.penalties else None

    def boosted(self, state: PyTree, task: TaskWeights, duration: Float[Array, ""], search: EventSearch) -> PyTree:
        """One step that conserves what the flow conserves.

        The gates are followed through the kinks of their penalty while the weights rest where they are in the middle of
        the step, c -> c + g. This gives the push X and, as what g lacks of <W, X>/tau_c in that flow, the impulse
        rho = int R' dt of the penalty. Then gates and weights move together from where they were, by a boost of angle
        theta = |X| / sqrt(tau_c tau_W) between two halves of the impulse:

            c_1 = cosh(theta) c + sinh(theta)/theta (<W, X> - rho) / tau_c
            W_1 = W + (c + c_1)/2 Y / tau_W,   Y = X tanh(theta/2) / (theta/2),   rho' = rho |Y| / |X|

        which is the midpoint rule tau_c (c_1 - c) = <(W + W_1)/2, Y> - rho', and therefore, with c_m = (c + c_1)/2,

            tau_c (c_1 c_1^T - c c^T) - tau_W (K_1 - K) = -(c_m rho'^T + rho' c_m^T)

        to rounding, whatever X is. Penalties that pull all positive gates with the same force have rho along (1, .. 1):
        all of tau_c c c^T - tau_W K across that direction is kept. Where zero is a kink of the penalty, a
        gate that ends its own path there is put there, and so is one that ends on the other side than its own path:
        all of this is kept while no gate meets a kink.

        Gates and weights relax in closed form inside g and X, however fast; theta has to be small, see `LorentzBoost`.
        """
        tau_c, tau_w = self.time_constants["gates"], self.time_constants["weights"]
        smooth, shrinking = self.gate_penalty().split()
        half = 0.5 * duration / tau_c
        c = shrinking.proximal(self.gates(state), half).reshape(-1)
        state = self.with_gates(state, c)
        linear, quadratic = self.gate_quadratic(self.relax_weights(state, task, 0.5 * duration), task)
        released = self.released_gates(state)
        end, area = follow_gates(GateProblem(linear, quadratic, smooth, tau_c, released), c, duration, search)

        push = self.push(state, task, area, duration)
        pull_at_rest = (linear - quadratic @ c) * duration - quadratic @ area
        cosh, sinhc, tanhc = hyperbolic(push.squared / (tau_c * tau_w))
        moved = cosh * c + sinhc * ((end - c) + (push.pull - pull_at_rest) / tau_c)
        # At a kink weights at rest decide where a gate is held, and on which side it ends.
        moved = jnp.where((moved * end > 0) | ~smooth.jumps(c), moved, 0)
        moved = moved if released is None else jnp.where(released > 0, moved, c)

        state = self.pushed(state, push, 0.5 * tanhc * (c + moved) / tau_w)
        return self.with_gates(state, shrinking.proximal(moved.reshape(self.gates(state).shape), half).reshape(-1))


def hyperbolic(squared: Array) -> tuple[Array, Array, Array]:
    """Cosh x, sinh(x)/x and tanh(x/2)/(x/2) as functions of x^2, from one rational function tanh.

    What a step conserves only needs cosh^2 - sinh^2 = 1 and tanh(x/2) = sinh/(1 + cosh), which hold to rounding for any
    tanh; the continued fraction of tanh(y)/y, cut after 7, is right to y^8 / 1e5 and leaves tanh below one for any y.
    """
    y2 = 0.25 * squared
    tanhc = (105 + 10 * y2) / (105 + y2 * (45 + y2))
    tanh2 = tanhc * tanhc * y2
    sinhc = tanhc / (1 - tanh2)
    return (1 + tanh2) / (1 - tanh2), sinhc, tanhc
