import dataclasses
import json

import pytest

from ntadyn.sweeps.plan import Precision
from ntadyn.verification import benchmark
from ntadyn.verification.benchmark import Benchmark, SweepSpeed

SINGLE = SweepSpeed("xla", "float32", 40960, 40_000.0, 4.4, 1359.0, 5e-5, 6e-4, 0.04, 1.3e10, 1.57e11)
FOUND = Benchmark({"processor": "some processor", "cores": 2}, (SINGLE,), 2.0, 3.4)


def test_the_record_is_json_and_holds_the_ratio_to_the_baseline():
    record = json.loads(json.dumps(FOUND.as_record()))
    assert record["sweeps"][0]["ratio_to_baseline"] == 20_000
    assert record["machine"]["cores"] == 2
    # A quarter of the error takes twice the steps, of a scheme of second order.
    quarter = dataclasses.replace(SINGLE, gate_error_99=benchmark.ERROR_BAR / 4)
    assert quarter.per_second_at_bar == pytest.approx(2 * SINGLE.per_second)


def test_the_table_has_a_row_per_precision_and_one_for_the_baseline():
    rows = FOUND.table().splitlines()
    assert len(rows) == 2 + 1 + 1
    assert len({row.count("|") for row in rows}) == 1
    assert "| 40,000 | 20,000 |" in rows[2]
    assert "8% of 157" in rows[2]
    assert "| 2.00 | 1 |" in rows[3]


def test_a_step_takes_some_hundred_operations():
    # Two paths and two tasks: weights take about 60 operations by hand count, gates three to five times as many.
    assert 150 < benchmark.step_flops() < 300
    # Drift and bend cost some sixty more.
    assert 200 < benchmark.native_step_flops(Precision.SINGLE) < 300


def test_the_peak_is_a_number(monkeypatch):
    monkeypatch.setattr(benchmark, "MATRIX", 256)
    assert benchmark.matrix_product_flops(Precision.SINGLE) > 0


@pytest.mark.slow
def test_everything_is_measured():
    told = []

    def report(what, total):
        told.append([what, total])
        return lambda number: told[-1].append(number)

    found = benchmark.measure(size=3, workers=1, report=report)
    names = [(item.backend, item.precision) for item in found.sweeps]
    assert names == [(b.value, p.value) for b in benchmark.installed_backends() for p in Precision]
    assert all(item.trajectories == 90 and item.per_second > found.baseline_per_second for item in found.sweeps)
    assert all(0 < item.gate_error_median < 1e-3 for item in found.sweeps)
    assert len(told) == 2 * len(names) + 1
    assert all(sum(parts) == total for _, total, *parts in told)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="0"):
        benchmark.measure(size=0)
