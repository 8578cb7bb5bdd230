from .border import bootstrap_border as bootstrap_border, contour_lines as contour_lines
from .regimes import Thresholds as Thresholds, classify as classify, regime_fractions as regime_fractions
from .summary import regime_table as regime_table, summarise as summarise
from .uncertainty import cell_intervals as cell_intervals
from .variance import variance_components as variance_components, variance_table as variance_table
