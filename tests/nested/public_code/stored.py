"""What public code computed, as `make_arrays` left it: arrays by case and name."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent


def stored(name):
    """The cases of one file, each a dictionary of arrays, and the packages that they come from."""
    cases = {}
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        calls = json.loads(str(file["calls"]))
        for key in file.files:
            if "/" in key:
                case, array = key.split("/")
                cases.setdefault(case, {})[array] = file[key]
    assert set(calls) == {*cases, "packages"}
    return cases, calls["packages"]


def assert_same(found, expected, tolerance):
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=0, atol=tolerance)
