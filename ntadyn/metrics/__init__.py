"""Measures of a run: plain functions on arrays, for any system and any number of paths and teachers."""

from ntadyn.metrics.alignment import (
    column_cosine,
    left_singular_alignment,
    mode_projection,
    overlap_similarity,
    right_singular_alignment,
    row_cosine,
    similarity_matrix,
    total_alignment,
    total_map_alignment,
)
from ntadyn.metrics.assignment import (
    PublishedSorting,
    apply_published_sorting,
    optimal_assignment,
    published_sorting,
)
from ntadyn.metrics.conservation import (
    GateWeightSeries,
    SlidingGrowth,
    difference_invariant,
    difference_residual,
    growth_while_sliding,
    path_invariant,
    path_residual,
)
from ntadyn.metrics.specialisation import (
    Specialisation,
    TwoPathCoordinates,
    last_blocks_mask,
    specialisation,
    two_path_coordinates,
    two_path_coordinates_from_overlaps,
)
from ntadyn.metrics.spectrum import (
    initial_singular_values,
    marchenko_pastur_density,
    marchenko_pastur_edges,
    mean_singular_value,
    singular_values,
)
from ntadyn.metrics.statistics import MeanAndSEM, mean_and_sem, quantiles
from ntadyn.metrics.switching import (
    ThresholdTimes,
    block_of_times,
    published_time_to_threshold,
    time_to_threshold,
)
from ntadyn.metrics.updates import (
    direction_change,
    direction_rate,
    gate_change,
    gate_rate,
    relative_weight_change,
)

__all__ = [
    "GateWeightSeries",
    "MeanAndSEM",
    "PublishedSorting",
    "SlidingGrowth",
    "Specialisation",
    "ThresholdTimes",
    "TwoPathCoordinates",
    "apply_published_sorting",
    "block_of_times",
    "column_cosine",
    "difference_invariant",
    "difference_residual",
    "direction_change",
    "direction_rate",
    "gate_change",
    "gate_rate",
    "growth_while_sliding",
    "initial_singular_values",
    "last_blocks_mask",
    "left_singular_alignment",
    "marchenko_pastur_density",
    "marchenko_pastur_edges",
    "mean_and_sem",
    "mean_singular_value",
    "mode_projection",
    "optimal_assignment",
    "overlap_similarity",
    "path_invariant",
    "path_residual",
    "published_sorting",
    "published_time_to_threshold",
    "quantiles",
    "relative_weight_change",
    "right_singular_alignment",
    "row_cosine",
    "similarity_matrix",
    "singular_values",
    "specialisation",
    "time_to_threshold",
    "total_alignment",
    "total_map_alignment",
    "two_path_coordinates",
    "two_path_coordinates_from_overlaps",
]
