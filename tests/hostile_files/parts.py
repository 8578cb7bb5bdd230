"""Parts of a result that are missing, or of the wrong kind."""

import json

import numpy as np
import xarray as xr

from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import to_json
from tests.finished_sweeps import sweep
from tests.hostile_files.good import changed, configured, content, good_simulation, good_sweep
from tests.hostile_files.registry import ESCAPE, kind


@kind()
def no_result_codes(folder):
    return good_sweep().drop_vars("result")


@kind()
def no_seeds(folder):
    return good_sweep().isel(seed=0)


@kind("result codes are not whole numbers")
def result_codes_with_fractions(folder):
    return changed(good_sweep(), "result", lambda codes: codes + 0.5)


@kind("holds no numbers")
def a_score_that_is_text(folder):
    return good_sweep().assign(beauty=(("seed",), ["fair", "fairer", "fairest"]))


@kind("result codes below -1")
def result_codes_below_those_that_exist(folder):
    dataset = good_sweep()
    dataset["result"][0, 0, 0] = -7
    return dataset


@kind("it has nothing along 'gate_time_constant'")
def no_cells(folder):
    return good_sweep().isel(gate_time_constant=slice(0))


@kind("it has nothing along 'seed'")
def no_repetitions(folder):
    return good_sweep().isel(seed=slice(0))


@kind("it has nothing along 'record'")
def no_records(folder):
    return good_simulation().isel(record=slice(0))


@kind()
def no_configuration(folder):
    dataset = good_sweep()
    del dataset.attrs["configuration"]
    return dataset


@kind("configuration is not text")
def a_configuration_that_is_a_number(folder):
    return configured(3.0)


@kind("configuration is not a JSON object")
def a_configuration_that_is_a_list(folder):
    return configured("[1, 2]")


@kind("configuration is not JSON")
def a_configuration_that_is_cut_short(folder):
    return configured(to_json(Configuration())[:50])


@kind("configuration is not JSON")
def a_configuration_that_is_nested_without_end(folder):
    return configured('{"a":' * 15_000 + "1" + "}" * 15_000)


@kind("nested too deeply")
def a_configuration_that_is_nested_deeply(folder):
    return configured('{"a":' * 100 + "1" + "}" * 100)


@kind("or is too long")
def a_configuration_of_two_megabytes(folder):
    return configured(json.dumps({"a": "x" * 2**21}))


@kind()
def a_configuration_without_time_constants(folder):
    return configured('{"seed": 1}')


@kind("no positive number for time_constants.weights")
def a_time_constant_of_zero(folder):
    return configured('{"time_constants": {"weights": 0}}')


@kind("no positive number for time_constants.weights")
def a_time_constant_that_is_text(folder):
    return configured('{"time_constants": {"weights": "slow"}}')


@kind("'max_step' is not a number")
def a_step_that_is_text(folder):
    return good_sweep().assign_attrs(max_step="short")


@kind()
def a_simulation_without_loss(folder):
    return good_simulation().drop_vars("loss")


@kind()
def a_simulation_without_times(folder):
    return good_simulation().drop_vars("time")


@kind("times do not ascend")
def times_that_run_backwards(folder):
    dataset = good_simulation()
    return dataset.assign_coords(time=("record", dataset.time.values[::-1]))


@kind("times do not ascend")
def times_that_are_no_numbers(folder):
    return good_simulation().assign_coords(time=("record", np.full(5, np.nan)))


@kind()
def blocks_without_edges(folder):
    dataset = good_simulation()
    del dataset.attrs["edges"]
    return dataset


@kind("which task every block has")
def more_tasks_than_blocks(folder):
    return good_simulation().assign_attrs(block_tasks=np.arange(7))


@kind("which task every block has")
def edges_that_are_text(folder):
    return good_simulation().assign_attrs(edges=["a", "b", "c"])


@kind("blocks do not ascend")
def edges_that_are_no_numbers(folder):
    return good_simulation().assign_attrs(edges=np.asarray([0.0, np.nan, 4.0]))


@kind("negative task")
def a_task_below_zero(folder):
    return good_simulation().assign_attrs(block_tasks=np.asarray([0, -1]))


@kind("how many teachers")
def a_number_of_teachers_that_is_text(folder):
    return good_simulation().assign_attrs(num_base="two")


@kind()
def teachers_without_names(folder):
    return good_simulation().drop_vars("teacher")


@kind("has the dimensions")
def gates_along_other_dimensions(folder):
    return good_simulation().transpose("path", "teacher", "record", "seed")


@kind("pairs of teachers and paths", picture_only=True)
def a_thousand_paths(folder):
    return xr.concat([good_simulation()] * 500, "path", data_vars="minimal", coords="minimal", compat="override")


@kind("10,000 blocks, and 2,000 are the most", picture_only=True)
def ten_thousand_blocks(folder):
    return good_simulation(blocks=10_000)


@kind("at most 20,000 are described")
def thirty_thousand_repetitions(folder):
    return sweep(np.full(30_000, 0.9))


@kind("at most 10,000 are described")
def an_axis_of_twenty_thousand_values(folder):
    return sweep(np.full((20_000, 1), 0.9), block_duration=np.arange(20_000.0))


@kind("cells, and 2,000 are the most", picture_only=True)
def a_line_of_five_thousand_cells(folder):
    return sweep(np.full((5_000, 1), 0.9), block_duration=np.arange(5_000.0))


@kind("stretches of cells with failures", picture_only=True)
def a_chessboard_of_failures(folder):
    dataset = sweep(np.full((150, 150, 1), 0.9), block_duration=np.arange(150.0), strength=np.arange(150.0))
    dataset["result"][:] = np.add.outer(np.arange(150), np.arange(150))[..., None] % 2
    return dataset


@kind()
def an_axis_with_the_name_of_something_else(folder):
    return good_sweep().rename(block_duration="quantile")


@kind("beyond 1e100")
def numbers_beyond_all_measure(folder):
    return changed(good_sweep(), "alignment", lambda values: values * 1e200)


@kind("beyond 1e100")
def an_axis_beyond_all_measure(folder):
    return good_sweep().assign_coords(block_duration=[1.0, 2.0, 1e300])


@kind("is infinite in repetitions that ended well")
def a_simulation_that_is_infinite(folder):
    return changed(good_simulation(), "similarity", lambda values: values * np.inf)


@kind("is not a number per trajectory")
def an_error_per_cell(folder):
    return good_sweep().assign(gate_error=("block_duration", np.zeros(3)))


@kind("is not a usable name")
def a_variable_whose_name_a_terminal_obeys(folder):
    return content(good_sweep().rename(alignment=ESCAPE), invalid_netcdf=True)


@kind("is not a usable name")
def a_variable_with_an_endless_name(folder):
    return good_sweep().rename(contrast="x" * 5000)
