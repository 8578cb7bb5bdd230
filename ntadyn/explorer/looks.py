"""Colours of the page and of its pictures, safe for colour-blind readers. One table for both."""

from ntadyn.maps.regimes import Regime
from ntadyn.plotting.cells import FAILURE
from ntadyn.plotting.summary_maps import REGIME_COLORS

# Names of colour maps that Matplotlib and Bokeh both have.
PALETTES = {"mean": "cividis", "other": "magma"}
REGIMES = tuple(REGIME_COLORS.get(regime, FAILURE) for regime in Regime)
# The order of Okabe and Ito, without the yellow that is lost on white.
CURVE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C8C")
NULLCLINES = {"A": "#0072B2", "B": "#E69F00"}
EXACT = "#000000"
NOTHING = "#F0F0F0"
