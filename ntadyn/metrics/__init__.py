"""Measures of a run: plain functions on arrays, for any system and any number of paths and teachers."""

from ntadyn.metrics.alignment import (
    column_cosine as column_cosine,
    left_singular_alignment as left_singular_alignment,
    mode_projection as mode_projection,
    overlap_similarity as overlap_similarity,
    right_singular_alignment as right_singular_alignment,
    row_cosine as row_cosine,
    similarity_matrix as similarity_matrix,
    total_alignment as total_alignment,
    total_map_alignment as total_map_alignment,
)
from ntadyn.metrics.assignment import (
    PublishedSorting as PublishedSorting,
    apply_published_sorting as apply_published_sorting,
    optimal_assignment as optimal_assignment,
    published_sorting as published_sorting,
)
from ntadyn.metrics.conservation import (
    GateWeightSeries as GateWeightSeries,
    SlidingGrowth as SlidingGrowth,
    difference_invariant as difference_invariant,
    difference_residual as difference_residual,
    growth_while_sliding as growth_while_sliding,
    layer_invariant as layer_invariant,
    layer_residual as layer_residual,
    path_invariant as path_invariant,
    path_residual as path_residual,
)
from ntadyn.metrics.contexts import (
    context_alignment as context_alignment,
    context_similarity as context_similarity,
    kept_share as kept_share,
)
from ntadyn.metrics.continual import (
    BlockCurves as BlockCurves,
    StabilityPlasticity as StabilityPlasticity,
    backward_transfer as backward_transfer,
    block_curves as block_curves,
    forgetting as forgetting,
    forward_transfer as forward_transfer,
    rows_of_tasks as rows_of_tasks,
    stability_plasticity as stability_plasticity,
)
from ntadyn.metrics.functions import (
    function_cosines as function_cosines,
)
from ntadyn.metrics.recurrence import block_distance as block_distance
from ntadyn.metrics.roc import RocAreas as RocAreas, areas_under_roc as areas_under_roc
from ntadyn.metrics.rows import (
    MatchedRows as MatchedRows,
    assign_paths_by_row as assign_paths_by_row,
    assign_units as assign_units,
    matched_rows as matched_rows,
    mean_over as mean_over,
    num_distinct as num_distinct,
    published_row_matching as published_row_matching,
    row_cosines as row_cosines,
    row_similarity as row_similarity,
)
from ntadyn.metrics.second_layer import (
    GateLevels as GateLevels,
    frozen_alignment as frozen_alignment,
    gate_levels as gate_levels,
    largest_share as largest_share,
    num_kept_winners as num_kept_winners,
    participation_ratio as participation_ratio,
    relative_change as relative_change,
    sorted_second_layer as sorted_second_layer,
    winning_units as winning_units,
)
from ntadyn.metrics.specialisation import (
    Specialisation as Specialisation,
    TwoPathCoordinates as TwoPathCoordinates,
    last_blocks_mask as last_blocks_mask,
    specialisation as specialisation,
    two_path_coordinates as two_path_coordinates,
    two_path_coordinates_from_overlaps as two_path_coordinates_from_overlaps,
)
from ntadyn.metrics.spectrum import (
    initial_singular_values as initial_singular_values,
    marchenko_pastur_density as marchenko_pastur_density,
    marchenko_pastur_edges as marchenko_pastur_edges,
    mean_singular_value as mean_singular_value,
    singular_values as singular_values,
)
from ntadyn.metrics.statistics import MeanAndSEM as MeanAndSEM, mean_and_sem as mean_and_sem, quantiles as quantiles
from ntadyn.metrics.stretches import (
    Adaptation as Adaptation,
    Stretches as Stretches,
    adaptation as adaptation,
    first_loss as first_loss,
    stretches as stretches,
    time_average as time_average,
)
from ntadyn.metrics.switching import (
    ThresholdTimes as ThresholdTimes,
    block_of_times as block_of_times,
    published_time_to_threshold as published_time_to_threshold,
    time_to_threshold as time_to_threshold,
)
from ntadyn.metrics.updates import (
    direction_change as direction_change,
    direction_rate as direction_rate,
    gate_change as gate_change,
    gate_rate as gate_rate,
    relative_weight_change as relative_weight_change,
    row_change as row_change,
    running_maximum as running_maximum,
)
