"""What of a map can be coloured: mean, spread, regimes, errors, doubt, and what theory predicts."""

import enum
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ntadyn.maps.regimes import REGIME_NAMES, THRESHOLDS
from ntadyn.maps.summary import chosen_score, error_names, score_names, summarise
from ntadyn.results.quantities import PREDICTED, QUANTITIES, label_of
from ntadyn.sweeps.plan import BORDER


class Scale(enum.Enum):
    """How numbers become colours."""

    LINEAR = "linear"
    LOGARITHMIC = "logarithmic"
    REGIMES = "regimes"


@dataclass(frozen=True)
class Layer:
    """One number per cell, and how it is coloured.

    Attributes:
        name: in views.
        label: a few words.
        text: one sentence that explains it.
        values: shape (rows, columns); NaN where there is none.
        scale: how they become colours; of regimes they are numbers of `ntadyn.maps.regimes.Regime`.
        low: where colours begin.
        high: where they end.
    """

    name: str
    label: str
    text: str
    values: np.ndarray
    scale: Scale = Scale.LINEAR
    low: float = 0.0
    high: float = 1.0


def explained(name: str, dataset: xr.Dataset | None = None) -> str:
    """One sentence about a recorded or kept number."""
    if name in QUANTITIES:
        return QUANTITIES[name].description
    attributes = {} if dataset is None or name not in dataset else dataset[name].attrs
    return str(attributes.get("long_name", name.replace("_", " ")))


def layers_of(dataset: xr.Dataset, score: str = "", level: float = BORDER) -> dict[str, Layer]:
    """All layers of a map, by name.

    Args:
        dataset: a sweep over (rows, columns, seed, ...).
        score: which score; the alignment, or the first one, if empty.
        level: whose side of the mean is in doubt.

    Raises:
        ValueError: if there is no such score.
    """
    score = chosen_score(dataset, score or None)
    summary = summarise(dataset, THRESHOLDS, score=score, level=level)
    name, text = label_of(score, dataset[score].attrs), explained(score, dataset)
    alike = score.endswith("alignment")
    found = [
        _layer("mean", f"mean {name}", f"{text}; mean over the repetitions", summary[f"{score}_mean"].values, alike),
        _layer("spread", f"spread of {name}", f"{text}; standard deviation over the repetitions",
               summary[f"{score}_sd"].values),
        _layer("doubt", f"standard error of {name}", f"{text}; standard error of the mean",
               summary[f"{score}_sem"].values),
    ]  # fmt: skip
    if "regime_fraction" in summary:
        shares = summary["regime_fraction"].values
        most = np.where(shares.sum(-1) > 0, np.argmax(shares, axis=-1).astype(float), np.nan)
        regimes = f"the regime of most repetitions; {THRESHOLDS}"
        found.append(Layer("regime", "regime", regimes, most, Scale.REGIMES, 0.0, len(REGIME_NAMES) - 1.0))
    for error in error_names(dataset):
        values = np.where(np.isfinite(summary[f"{error}_max"].values), summary[f"{error}_max"].values, np.nan)
        about = f"{explained(error, dataset)}; largest of the repetitions"
        known = values[np.isfinite(values) & (values > 0)]
        low, high = (float(known.min()), float(known.max())) if known.size else (1e-8, 1.0)
        floor = max(low, 1e-12)
        shown = np.maximum(values, floor)
        top = max(high, 10 * floor)
        found.append(Layer(error, f"largest {label_of(error)}", about, shown, Scale.LOGARITHMIC, floor, top))
    if "above" in summary and np.isfinite(summary["above"].values).any():
        about = f"share of resampled means of {name} above {level:g}: in doubt between 0.05 and 0.95"
        found.append(Layer("above", f"chance that {name} is above {level:g}", about, summary["above"].values))
    failed = summary["failures"].values.astype(float)
    if failed.any():
        found.append(_layer("failures", "failures", "repetitions that failed", failed))
    if PREDICTED in dataset:
        about = "predicted by theory: share of runs that specialise"
        found.append(Layer("predicted", "predicted share specialised", about, dataset[PREDICTED].values))
    return {layer.name: layer for layer in found}


def told(dataset: xr.Dataset, score: str) -> dict[str, np.ndarray]:
    """What hovering over a cell tells: mean, spread and standard error of a score, how many ended well, regimes.

    Args:
        dataset: a sweep over (rows, columns, seed, ...).
        score: which score.
    """
    summary = summarise(dataset, THRESHOLDS, score=score)
    found = {name: summary[f"{score}_{name}"].values for name in ("mean", "sd", "sem")}
    found |= {name: summary[name].values for name in ("finished", "failures")}
    if "regime_fraction" in summary:
        shares = summary["regime_fraction"].values
        found |= {regime: 100 * shares[..., code] for code, regime in enumerate(REGIME_NAMES[:3])}
    for error in error_names(dataset):
        found[error] = summary[f"{error}_max"].values
    return found


def scores_of(dataset: xr.Dataset) -> dict[str, str]:
    """Score -> what it is called."""
    return {name: label_of(name, dataset[name].attrs) for name in score_names(dataset)}


def _layer(name: str, label: str, text: str, values: np.ndarray, alignment: bool = False) -> Layer:
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if alignment:
        low, high = min(low, 0.5), 1.0
    if name != "mean":
        low = 0.0
    return Layer(name, label, text, values, Scale.LINEAR, low, high if high > low else low + 1.0)
