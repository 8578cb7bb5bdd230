"""What published settings must show, and what their estimates are made of."""

import numpy as np
import xarray as xr

from experiments.harness.acceptance import Acceptance, at_most, mean_of, near, reported, single
from experiments.harness.runs import Data
from experiments.harness.sources import EXACT, OURS

ERRORS = 3.0  # how many of them numbers may be apart


def accept(data: Data) -> list[Acceptance]:
    """All rows.

    Args:
        data: by the names of `simulation.runs`.

    Returns:
        The networks of each group, and preconditioned steps that are short.
    """
    groups = [dataset for name, dataset in data.items() if name != "slow"]
    cases = [dataset.isel(case=index) for dataset in groups for index in range(dataset.sizes["case"])]
    refused = np.concatenate([dataset.sgld_status.values.ravel() != "TRUSTED" for dataset in groups])
    rows = [reported("published estimates by SGLD that are refused, share", mean_of(refused))]
    for case in cases:
        rows += _of_case(case)
    return [*rows, *_of_slow(data["slow"])]


def is_regular(case: xr.Dataset) -> bool:
    """Whether no point of zero loss is more degenerate than this one, and its Hessian says it all.

    The coefficient at a point is at least half the rank of its Hessian, and at least that of the whole set.
    """
    return bool(case.half_rank == case.coefficient)


def expected(case: xr.Dataset) -> float:
    """The law's value by the exact sampler, raised by steps, lowered by a start from which chains have not come far."""
    return float(case.law + case.step_bias - case.short)


def _of_case(case: xr.Dataset) -> list[Acceptance]:
    name, sgld = str(case.case.values), case.sgld.values
    law, law_error, coefficient = float(case.law), float(case.law_error), float(case.coefficient)
    corrected = coefficient - (int(case.multiplicity) - 1) / np.log(float(case.inverse_temperature))
    error = float(np.hypot(law_error, sgld.std(ddof=1) / len(sgld) ** 0.5))
    if is_regular(case):
        rows = [
            at_most(f"{name}: rhat of the exact sampler is above 1.02", 0, single(not case.law_resolved), OURS),
            near(f"{name}: exact sampler", float(case.effective_dimension), ERRORS * law_error, single(law), EXACT),
            near(
                f"{name}: SGLD, as published",
                expected(case),
                ERRORS * error,
                mean_of(sgld),
                OURS,
                "exact sampler, raised by steps, lowered by the start",
            ),
        ]
    else:
        mixed = "" if case.law_resolved else ", chains have not mixed"
        rows = [
            reported(f"{name}: exact sampler", single(law), f"± {law_error:.2g}{mixed}"),
            reported(
                f"{name}: SGLD, as published", mean_of(sgld), f"formulas for regular points say {expected(case):.4g}"
            ),
            reported(f"{name}: coefficient at the point itself", single(float(case.local_coefficient))),
            reported(f"{name}: half the rank of the Hessian", single(float(case.half_rank))),
        ]
    return [
        *rows,
        reported(f"{name}: SGLD less the coefficient", mean_of(sgld - coefficient), f"coefficient {coefficient:g}"),
        reported(f"{name}: of it, temperature and localisation", single(law - coefficient)),
        reported(f"{name}: of it, steps", single(float(case.step_bias))),
        reported(f"{name}: of it, the start", single(-float(case.short))),
        reported(f"{name}: of it, unexplained", single(float(sgld.mean()) - expected(case))),
        reported(f"{name}: coefficient less (m - 1) / log t", single(corrected)),
        *(
            reported(f"{name}: RMSProp-SGLD, step {step:g}, less the coefficient", mean_of(found - coefficient))
            for step, found in zip(case.rmsprop_step.values, case.rmsprop.values, strict=True)
        ),
    ]


def _of_slow(slow: xr.Dataset) -> list[Acceptance]:
    shortest = slow.isel(step=0)
    tolerance = ERRORS * float(shortest.error) + 0.02 * float(slow.limit)
    return [
        near(
            "quadratic: RMSProp-SGLD, shortest steps",
            float(slow.limit),
            tolerance,
            single(float(shortest.value)),
            EXACT,
            f"the exact value is {float(slow.exact):.4g}",
        ),
        *(
            reported(f"quadratic: RMSProp-SGLD over the exact value, step {float(step):g}", single(float(value)))
            for step, value in zip(slow.step, slow.value / slow.exact, strict=True)
        ),
    ]
