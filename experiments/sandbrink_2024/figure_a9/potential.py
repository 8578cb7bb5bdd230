"""A heuristic potential for specialisation: what repeated tasks do to two paths, as a ball that rolls in a double well.

Coordinates (x, y) stand for the difference of the paths; X = x cos(phi) - y sin(phi) is the part of it that the task in
force sees, with phi = 0 under one task and pi under the other.

    V_lin = -X / tau_W                             the task in force pulls towards its own side
    V_2   = -(tau_B C_q / 4) |X|^(3/2)             descent in it grows quadratically in time, as wbar does in a block
    V_wall = (1 + tanh(30 (n - 1))) n^3            nothing specialises beyond one, n = |(x, y)|

What repeated tasks do together is the sum of V over both tasks, in which V_lin cancels.

Source: arXiv 2411.03840, appendix on block length (figure A9).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.tasks import Smooth

HARDNESS = 1000.0
_STEEPNESS = 30.0


@dataclass(frozen=True)
class BlockPotential:
    """The potential for one block length.

    Attributes:
        block_duration: tau_B.
        gate_rate: 1 / tau_c.
        weight_rate: 1 / tau_W.
        specialisation: wbar_0, where the law of growth is taken.
    """

    block_duration: float = 1.0
    gate_rate: float = 20.0
    weight_rate: float = 0.2
    specialisation: float = 0.8

    @property
    def curvature(self) -> float:
        """C_q = wbar_0 / (2 tau_c tau_W): wbar(t) = wbar_0 + C_q t^2 / 2 early in a block of equal gates."""
        return 0.5 * self.specialisation * self.gate_rate * self.weight_rate

    def linear(self, along: np.ndarray) -> np.ndarray:
        """V_lin(X)."""
        return -self.weight_rate * along

    def growth(self, along: np.ndarray) -> np.ndarray:
        """V_2(X)."""
        return -0.25 * self.block_duration * self.curvature * np.abs(along) ** 1.5

    def wall(self, radius: np.ndarray) -> np.ndarray:
        """V_wall(n)."""
        return (1 + np.tanh(_STEEPNESS * (radius - 1))) * radius**3

    def angles(self, times: np.ndarray) -> np.ndarray:
        """phi(t) = arccos(2 a(t) - 1), with a smooth square wave a of period 4 tau_B, 1 for |t| < tau_B."""
        # A target of blocks of 2 tau_B whose first one has its middle at t = 0.
        wave = Smooth(HARDNESS, 2 * self.block_duration, 1)
        shifted = jnp.asarray(times) + self.block_duration * (1 - 1e-4)
        share = np.asarray(jax.jit(jax.vmap(lambda t: wave.task(0, t)[0]))(shifted))
        return np.arccos(np.clip(2 * share - 1, -1, 1))

    def effective(self, wbar: np.ndarray) -> np.ndarray:
        """V(X, 0) + V(-X, 0) at X = wbar, the sum over both tasks."""
        return 2 * (self.growth(wbar) + self.wall(np.abs(wbar)))

    def well_depth(self) -> float:
        """How far `effective` lies below its top at zero."""
        return -float(self.effective(np.linspace(0, 1.2, 2401)).min() - self.effective(np.zeros(())))

    def descend(self, start: float, total_time: float, step: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
        """Dx/dt = -dV/dx / tau_W, dy/dt = -dV/dy from (start, 0).

        Args:
            start: x at t = 0.
            total_time: how long.
            step: of explicit Euler steps.

        Returns:
            Times, shape (steps + 1,), and x there.
        """
        times = step * np.arange(round(total_time / step) + 1)
        x, y, path = start, 0.0, [start]
        for phi in self.angles(times[:-1]):
            cosine, sine = np.cos(phi), np.sin(phi)
            along, radius = x * cosine - y * sine, np.hypot(x, y)
            slope = (
                -self.weight_rate - 0.375 * self.block_duration * self.curvature * np.sign(along) * abs(along) ** 0.5
            )
            tanh = np.tanh(_STEEPNESS * (radius - 1))
            # Divided by the radius, for the direction (x, y) / n.
            push = _STEEPNESS * (1 - tanh**2) * radius**2 + 3 * (1 + tanh) * radius
            x, y = (
                x - step * self.weight_rate * (slope * cosine + push * x),
                y - step * (-slope * sine + push * y),
            )
            path.append(x)
        return times, np.asarray(path)


def first_order_loss(wbar: np.ndarray) -> np.ndarray:
    """|y - (1, 0)|^2 + |y - (0, 1)|^2 - 1 for y = (1/2 + wbar, 1/2 - wbar): without gates, both tasks resist."""
    y = 0.5 + np.multiply.outer(wbar, np.array([1.0, -1.0]))
    return np.sum((y[..., None, :] - np.eye(2)) ** 2, axis=(-2, -1)) - 1
