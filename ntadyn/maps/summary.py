"""What a sweep says about every cell: averages, spread, regimes, failures, errors."""

import numpy as np
import xarray as xr
from jaxtyping import Float

from ntadyn.maps.averages import quantiles, weighted_mean
from ntadyn.maps.regimes import REGIME_NAMES, THRESHOLDS, Regime, Thresholds, regime_fractions, soft_score
from ntadyn.maps.repetitions import codes, successful_values
from ntadyn.maps.uncertainty import INTERVAL, cell_intervals, weights_of
from ntadyn.results.dataset_axes import SEED, axis_names
from ntadyn.sweeps.plan import BORDER

PROBABILITIES = (0.05, 0.25, 0.5, 0.75, 0.95)
ERRORS = ("gate_error", "gate_bar", "alignment_error")
PERTURBATION = "perturbation"

# Starts are jittered by this share, which breaking the symmetry of the paths amplifies some fifty times as a rule. What
# amplifies it a thousandfold moves gates by 1e-3, the error that maps are computed to: its error estimate says more
# about the trajectory than about the step. A gate that moves by 0.1 has ended elsewhere.
JITTER = 1e-6
SENSITIVE = 1e3
ELSEWHERE = 1e5


def score_names(dataset: xr.Dataset) -> tuple[str, ...]:
    """The variables that score a trajectory with one number, without codes, errors and perturbations."""
    errors = error_names(dataset)
    return tuple(name for name in _one_number(dataset) if name not in ("result", PERTURBATION, *errors))


def error_names(dataset: xr.Dataset) -> tuple[str, ...]:
    """The variables that say how far a trajectory moves when all steps are halved, those of gates first.

    Where there are no gates every score has one, under its name and `_error`; scores that have such names of their own
    are none.
    """
    by_score = (
        name
        for name in _one_number(dataset)
        if name.endswith("_error") and name.removesuffix("_error") in dataset.data_vars and PERTURBATION in dataset
    )
    return tuple(dict.fromkeys((*(name for name in ERRORS if name in dataset), *by_score)))


def _one_number(dataset: xr.Dataset) -> tuple[str, ...]:
    """The variables that hold one number per trajectory."""
    dims = {*axis_names(dataset), SEED}
    return tuple(str(name) for name, item in dataset.data_vars.items() if set(item.dims) == dims)


def chosen_score(dataset: xr.Dataset, name: str | None = None) -> str:
    """The score that is meant: the named one, else the alignment, else the first.

    Args:
        dataset: a sweep.
        name: of a score; nothing if nobody named one.

    Raises:
        ValueError: if the sweep has no such score, or none at all.
    """
    known = score_names(dataset)
    if not known:
        raise ValueError("this sweep kept no score that is one number per trajectory.")
    if name is not None and name not in known:
        raise ValueError(f"{name!r} is not a number per trajectory of this sweep; choose one of {', '.join(known)}.")
    return name or ("alignment" if "alignment" in known else known[0])


def summarise(
    dataset: xr.Dataset,
    thresholds: Thresholds = THRESHOLDS,
    amplification: float = ELSEWHERE,
    score: str = "alignment",
    level: float = BORDER,
) -> xr.Dataset:
    """Every cell in numbers; repetitions that failed are counted, and left out of everything else.

    Args:
        dataset: a sweep.
        thresholds: where the regimes end.
        amplification: a trajectory sits on a separatrix if a jittered start moves its gates by more than this factor
            times the jitter.
        score: whose mean is compared with a level.
        level: that level, where the border between the regimes runs.

    Returns:
        Dataset over the axes. For every score: `_mean`, `_median`, `_quantile` (along "quantile": 5, 25, 50, 75 and
        95 %), `_sd`, and `_sem` = sd/sqrt(n), where n is `finished`. Then `failures` and `not_run`; `regime_fraction`
        (along "regime", of what was run) and `soft_score` where the contrast was kept; `_max` and `_median` of every
        finite error estimate, and how many are `_unresolved`. Where the sweep has the score, `above` (share of the
        resamples in which its mean is above the level, unknown for one repetition) and `uncertain` (true where the
        repetitions do not decide that: the interval of the mean holds the level, or only one of them ended well; see
        `ntadyn.maps.uncertainty`). And where jittered starts were run, `amplification` (largest of the cell) and
        `separatrix` (true or false; false also where no repetition was sampled, and the amplification is NaN).

    Raises:
        ValueError: if this is not a sweep, or has no repetitions.
    """
    dims = axis_names(dataset)
    if dataset.sizes.get(SEED, 0) == 0:
        raise ValueError("this sweep has no repetitions; run it with at least one.")
    code = codes(dataset)
    variables: dict[str, tuple] = {
        "finished": (dims, (code == 0).sum(-1), _attributes("repetitions that ended well")),
        "failures": (dims, (code > 0).sum(-1), _attributes("repetitions that failed")),
        "not_run": (dims, (code < 0).sum(-1), _attributes("repetitions that were not run")),
    }
    for name in score_names(dataset):
        text = str(dataset[name].attrs.get("long_name", name))
        variables |= _score(name, text, successful_values(dataset, name), dims)
    if "contrast" in dataset:
        fractions = regime_fractions(dataset, thresholds)
        soft = _mean(soft_score(successful_values(dataset, "contrast"), thresholds))
        variables["regime_fraction"] = ((*dims, "regime"), fractions, _attributes("share of repetitions in a regime"))
        variables["soft_score"] = (dims, soft, _attributes("0 forgetful, 1 specialised, mean over repetitions"))
    for name in error_names(dataset):
        text = str(dataset[name].attrs.get("long_name", name))
        extremes = quantiles(successful_values(dataset, name), (1.0, 0.5))
        variables[f"{name}_max"] = (dims, extremes[..., 0], _attributes(f"{text}, largest of the repetitions"))
        variables[f"{name}_median"] = (dims, extremes[..., 1], _attributes(f"{text}, median of the repetitions"))
        unresolved = np.isinf(successful_values(dataset, name)).sum(-1)
        variables[f"{name}_unresolved"] = (dims, unresolved, _attributes(f"{text}: repetitions that tell none"))
    if score in dataset.data_vars and set(dataset[score].dims) == {*dims, SEED}:
        intervals = cell_intervals(successful_values(dataset, score), weights_of(dataset), level)
        text = f"share of resamples in which the mean of {score} is above {level:g}"
        variables["above"] = (dims, intervals.probability, _attributes(text))
        held = f"{100 * INTERVAL[0]:g} to {100 * INTERVAL[1]:g} % of resamples"
        text = f"whether the repetitions leave open if the mean of {score} is above {level:g} ({held} hold it)"
        variables["uncertain"] = (dims, intervals.uncertain, _attributes(text))
    if PERTURBATION in dataset:
        moved = successful_values(dataset, PERTURBATION)
        # Infinite where the jittered start did not end well.
        factor = np.where(np.isinf(moved).any(-1), np.inf, quantiles(moved, (1.0,))[..., 0] / JITTER)
        text = f"growth of a relative jitter of {JITTER:g} of the start, largest of the repetitions"
        variables["amplification"] = (dims, factor, _attributes(text))
        variables["separatrix"] = (dims, factor > amplification, _attributes(f"amplified more than {amplification:g}"))
    kept = {name: item for name, item in dataset.coords.items() if set(item.dims) <= set(dims)}
    coordinates = kept | {"quantile": list(PROBABILITIES)}
    if "contrast" in dataset:
        coordinates["regime"] = list(REGIME_NAMES)
    names = {key: value for key, value in dataset.attrs.items() if key in ("name", "configuration", "preset")}
    rules = {"thresholds": str(thresholds), "amplification_threshold": amplification, "border": f"{score} = {level:g}"}
    return xr.Dataset(variables, coordinates, names | rules)


def regime_table(summary: xr.Dataset) -> dict[str, tuple[float, int]]:
    """Regime -> share of all repetitions that were run, and the number of cells in which it is the most frequent one.

    Args:
        summary: from `summarise`, with the contrast.

    Returns:
        One entry per regime in their order; ties go to the first.
    """
    fractions = summary["regime_fraction"].values.reshape(-1, len(Regime))
    number = (summary["finished"] + summary["failures"]).values.ravel()
    fractions, number = fractions[number > 0], number[number > 0]
    most = np.bincount(np.argmax(fractions, axis=1), minlength=len(Regime))
    shares = number @ fractions / max(number.sum(), 1)
    return {name: (float(shares[code]), int(most[code])) for code, name in enumerate(REGIME_NAMES)}


def _score(name: str, text: str, values: Float[np.ndarray, "*cells seeds"], dims: tuple[str, ...]) -> dict[str, tuple]:
    number = np.sum(np.isfinite(values), axis=-1)
    mean, levels = _mean(values), quantiles(values, PROBABILITIES)
    squares = np.sum(np.where(np.isfinite(values), values - mean[..., None], 0.0) ** 2, axis=-1)
    # One repetition has an unknown spread, not none.
    sd = np.sqrt(np.divide(squares, number - 1, out=np.full(mean.shape, np.nan), where=number > 1))
    sem = np.divide(sd, np.sqrt(number), out=np.full(mean.shape, np.nan), where=number > 1)
    return {
        f"{name}_mean": (dims, mean, _attributes(f"{text}, mean")),
        f"{name}_median": (dims, levels[..., PROBABILITIES.index(0.5)], _attributes(f"{text}, median")),
        f"{name}_quantile": ((*dims, "quantile"), levels, _attributes(f"{text}, quantiles")),
        f"{name}_sd": (dims, sd, _attributes(f"{text}, standard deviation")),
        f"{name}_sem": (dims, sem, _attributes(f"{text}, standard error of the mean")),
    }


def _mean(values: Float[np.ndarray, "*cells seeds"]) -> Float[np.ndarray, "*cells"]:
    return np.asarray(weighted_mean(values, np.ones((1, values.shape[-1])))[0])  # of a single cell, a number


def _attributes(text: str) -> dict[str, str]:
    return {"long_name": text, "units": "1"}
