"""Unusual, and all the same results."""

import numpy as np
import xarray as xr

from ntadyn.results.storage import write_dataset
from tests.finished_sweeps import ramp, sweep
from tests.hostile_files.good import changed, configured, content, forged, good_simulation, good_sweep
from tests.hostile_files.registry import ESCAPE, kind


@kind()
def a_good_sweep(folder):
    return good_sweep()


@kind()
def a_good_simulation(folder):
    return good_simulation()


@kind()
def a_file_without_a_checksum(folder):
    return content(good_sweep())


@kind()
def a_file_that_was_changed_with_xarray(folder):
    path = write_dataset(good_sweep(), folder / "first.nc")
    with xr.open_dataset(path, engine="h5netcdf") as opened:
        return content(opened.load().assign_attrs(remark="mine").isel(gate_time_constant=slice(1, 4)))


@kind()
def a_file_that_was_edited_in_place(folder):
    return forged(folder, lambda file: file.attrs.create("remark", "mine"))


@kind()
def a_file_that_was_compressed(folder):
    return content(good_sweep(), encoding={"alignment": {"zlib": True, "shuffle": True, "fletcher32": True}})


@kind()
def a_large_map_that_was_compressed_to_a_fiftieth(folder):
    dataset = sweep(np.full((80, 80, 20), 0.9), block_duration=np.arange(1.0, 81.0), strength=np.arange(80.0))
    dataset["result"][:, 5:] = -1
    scores = {name: dataset[name].where(dataset.result == 0) for name in ("alignment", "contrast", "gates")}
    made = content(dataset.assign(scores), encoding={name: {"zlib": True} for name in dataset.data_vars})
    assert dataset.nbytes > 50 * len(made)
    return made


@kind()
def numbers_that_were_packed(folder):
    return content(
        good_sweep(), encoding={"alignment": {"dtype": "int16", "scale_factor": 1e-4, "_FillValue": np.int16(-1)}}
    )


@kind()
def numbers_of_another_kind_of_machine(folder):
    dataset = good_sweep()
    return content(dataset.assign(alignment=dataset.alignment.astype(">f8"), contrast=dataset.contrast.astype(">f4")))


@kind()
def single_precision(folder):
    dataset = good_sweep()
    single = {name: dataset[name].astype(np.float32) for name in ("alignment", "contrast", "gates")}
    return dataset.assign(single | {"result": dataset.result.astype(np.uint8)})


@kind()
def commands_to_a_terminal(folder):
    dataset = good_sweep().assign_attrs(name=ESCAPE, command=ESCAPE, created="\n\r\u202e")
    dataset["alignment"].attrs["long_name"] = dataset["block_duration"].attrs["units"] = ESCAPE
    return dataset


@kind()
def names_of_values_that_a_terminal_obeys(folder):
    return good_sweep().assign_coords(block_duration=[ESCAPE, "\n\n", "\x9b2J"])


@kind()
def broken_formulas(folder):
    dataset = good_sweep().assign_attrs(name=r"$\frac{$ \undefined $")
    for name in ("alignment", "block_duration"):
        dataset[name].attrs["long_name"] = r"$\frac{1}$ and $x_{$ $$ \input{/etc/passwd}"
    return dataset


@kind()
def formulas_as_names(folder):
    named = good_simulation().assign_coords(teacher=[r"$\frac{", r"$$x^$"])
    return named.assign_attrs(name="$")


@kind()
def a_variable_with_dollars_in_its_name(folder):
    dataset = good_sweep().rename(gate_time_constant="a$b$c")
    del dataset["a$b$c"].attrs["long_name"]
    return dataset


@kind()
def labels_without_end(folder):
    dataset = good_sweep().assign_attrs(name="endless " * 10_000)
    for name in ("alignment", "block_duration"):
        dataset[name].attrs |= {"long_name": "endless " * 10_000, "units": "x" * 10_000}
    return dataset


@kind()
def letters_of_all_scripts(folder):
    return good_simulation().assign_coords(teacher=["教師", "\U0001f984 λ é"])


@kind()
def units_of_time_on_a_score(folder):
    dataset = good_sweep()
    dataset["alignment"].attrs["units"] = "days since 1900-01-01"
    dataset["contrast"].attrs["units"] = "seconds"
    return dataset


@kind()
def units_of_time_that_make_no_sense(folder):
    dataset = good_simulation()
    dataset["time"].attrs |= {"units": "days since the flood", "calendar": "none"}
    return dataset


@kind()
def attributes_of_other_kinds(folder):
    dataset = good_sweep().assign_attrs(command=np.arange(1000), created=3.5, ntadyn_version=["a", "b"], name=7)
    dataset["block_duration"].attrs |= {"parameter": 3.0, "long_name": np.arange(9), "units": 2}
    return dataset


@kind()
def a_configuration_of_another_version(folder):
    return configured('{"colour": "red", "list": [1, [2]], "mixing": NaN, "time_constants": {"weights": 1e-30}}')


@kind()
def scores_without_numbers(folder):
    return changed(good_sweep(), "alignment", lambda values: np.full(values.shape, np.nan))


@kind()
def scores_without_bounds(folder):
    return changed(good_sweep(), "alignment", lambda values: np.where(values > 0.9, np.inf, -np.inf))


@kind()
def nothing_but_failures(folder):
    dataset = good_sweep()
    dataset["result"][:] = 1
    return changed(dataset, "alignment", lambda values: np.full(values.shape, 1e300))


@kind()
def a_simulation_of_failures(folder):
    dataset = good_simulation()
    dataset["result"][:] = 1
    for name in ("loss", "gates", "similarity", "gates_error"):
        dataset[name][:] = np.inf
    return dataset


@kind()
def a_map_of_which_hardly_anything_was_run(folder):
    dataset = sweep(np.full((150, 150, 1), 0.9), block_duration=np.arange(1.0, 151.0), strength=np.arange(150.0))
    dataset["result"][:, :140] = -1
    return dataset


@kind()
def result_codes_of_a_later_version(folder):
    dataset = good_sweep()
    dataset["result"][0, 0] = [3, 4, 70]
    return dataset


@kind()
def errors_that_are_unresolved(folder):
    dataset = good_sweep()
    errors = np.where(dataset.alignment.values > 0.9, np.inf, 1e-5)
    return dataset.assign(gate_error=(dataset.alignment.dims, errors), perturbation=(dataset.alignment.dims, errors))


@kind()
def errors_that_are_all_unresolved(folder):
    dataset = good_sweep()
    return dataset.assign(gate_error=dataset.alignment * np.inf, alignment_error=dataset.alignment * np.nan)


@kind()
def a_simulation_whose_errors_are_unresolved(folder):
    dataset = good_simulation()
    dataset["gates_error"][1] = np.inf
    return dataset


@kind()
def axes_without_numbers(folder):
    return good_sweep().assign_coords(block_duration=[np.nan, np.inf, 1.0], gate_time_constant=np.full(5, np.nan))


@kind()
def axes_of_one_value(folder):
    return good_sweep().assign_coords(block_duration=np.ones(3), gate_time_constant=np.zeros(5))


@kind()
def axes_out_of_order(folder):
    return good_sweep().assign_coords(block_duration=[2.0, 1.0, 3.0], gate_time_constant=[5, 4, 3, 2, 1])


@kind()
def axes_at_the_edge_of_numbers(folder):
    return good_sweep().assign_coords(block_duration=[-1e99, 0.0, 1e99], gate_time_constant=np.linspace(0, 1e-320, 5))


@kind()
def axes_without_values(folder):
    return good_sweep().drop_vars(["block_duration", "gate_time_constant"])


@kind()
def an_axis_of_a_thousand_names(folder):
    values = np.tile(ramp([0.3, 0.4], np.linspace(0, 1, 2)), (1000, 1, 1))
    return sweep(values, kind=[f"name {number}" for number in range(1000)], block_duration=[1.0, 2.0])


@kind()
def three_axes(folder):
    values = np.full((3, 4, 2, 2), 0.8)
    return sweep(values, block_duration=[1.0, 2.0, 3.0], gate_time_constant=np.arange(1.0, 5.0), kind=["A", "B"])


@kind()
def a_single_cell(folder):
    return sweep([0.8, 0.9])


@kind()
def a_single_trajectory(folder):
    return sweep([[0.8]], block_duration=[1.0])


@kind()
def a_single_record(folder):
    return good_simulation(seeds=1).isel(record=[0])


@kind()
def a_single_block(folder):
    return good_simulation(blocks=1)


@kind()
def more_teachers_than_there_are(folder):
    return good_simulation().assign_attrs(num_base=100)


@kind()
def random_streams_that_are_text(folder):
    return good_sweep().assign_coords(teachers_seed=("seed", ["a", "b", "b"]), initial_seed=("seed", [0.5, np.nan, 1]))


@kind()
def a_variable_of_ones_own(folder):
    return good_sweep().assign(remark=("place", np.arange(4.0)))
