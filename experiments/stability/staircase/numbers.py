"""What the staircase must show."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_most, between, furthest, mean_of, near, reported, single
from experiments.harness.runs import Data

# Penalty strength from which the common error is small enough for the first order of it.
STRONG = 0.01
SPECIFICATION, DERIVED = "specification 5", "derived here"


def accept(data: Data) -> list[Acceptance]:
    """Where the staircase ends, whether it ever goes down, growth beside its formula, and the second stage.

    Args:
        data: the three datasets.
    """
    stairs, growth, stage = data["staircase"], data["growth"], data["second stage"]
    high, end = float(stairs.high), stairs.q.values[-1]
    steps = np.diff(stairs.q.values, axis=0)
    log_mu = growth.log_mu.values
    slow = (growth.rapidity.values < 5) & (log_mu > 1e-5)
    strong = slow & (growth.strength.values >= STRONG)
    rows = [
        near("q_high of the band", 46.96172, 0.01, single(high), SPECIFICATION),
        near("q_low of the band", 0.14349, 1e-5, single(float(stairs.low)), SPECIFICATION),
        furthest("q at the end of the climb, over q_high", 1.0, 0.02, end / high, SPECIFICATION),
        at_most("largest step down of q, over q_high", 1e-6, single(max(0.0, -steps.min()) / high), SPECIFICATION),
        reported("periods until q passes q_low", mean_of(_first(stairs, float(stairs.low)))),
        reported("periods until q is at 99 % of q_high", mean_of(_first(stairs, 0.99 * high))),
        furthest(
            f"log mu over the formula of the glide, Theta < 5, lambda from {STRONG:g}", 1.0, 0.02,
            (log_mu / growth.formula.values)[strong], SPECIFICATION,
        ),
        reported("the least of it below", single((log_mu / growth.formula.values)[slow & ~strong].min())),
        reported("largest log mu", single(float(growth.log_mu.max()))),
    ]  # fmt: skip
    for k in range(stage.sizes["cell"]):
        duration, gates, common = (float(stage[name][k]) for name in ("block_duration", "gates", "common"))
        ratio = float(stage.rate[k] / stage.expected[k])
        name = f"second stage, tau_B {duration:g}, tau_c {gates:g}, D_s {common:g}: rate over the derived one"
        rows.append(between(name, (0.8, 1.25), single(ratio), DERIVED))
    return rows


def _first(stairs: xr.Dataset, level: float) -> np.ndarray:
    above = stairs.q.values > level
    return np.where(above.any(axis=0), np.argmax(above, axis=0), np.nan)
