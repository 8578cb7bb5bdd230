"""Sweeps that cannot be are refused by name before anything is compiled."""

import dataclasses

import pytest

from ntadyn.specs.paths import replaced
from ntadyn.sweeps import Axis, Sweep, Threads, as_axes, program, run_sweep
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, STRENGTH
from tests.sweeps.counted_sweeps import SMALL, TINY


@pytest.fixture
def nothing_runs(monkeypatch):
    monkeypatch.setattr(program, "integrate_batch", lambda *args: pytest.fail("compiled before the input was refused"))


def changed(axes=None, **changes):
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    return Sweep(replaced(TINY, paths), as_axes({GATE_TIME_CONSTANT: (0.1, 0.2)} if axes is None else axes))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (changed({"time_constants.gate": (0.1, 0.2)}), "no parameter 'time_constants.gate'"),
        (changed({GATE_TIME_CONSTANT: (0.2, 0.1)}), "finite and ascending"),
        (changed({GATE_TIME_CONSTANT: (0.0, 0.1)}), "time_constants.gates is 0.0; it must be positive"),
        (changed({GATE_TIME_CONSTANT: (-1.0, 0.1)}), "time_constants.gates is -1.0; it must be positive"),
        (changed({STRENGTH: (-0.1, 0.1)}), "penalties.strength is -0.1; it must not be negative"),
        (changed({BLOCK_DURATION: (0.0, 1.0)}), "curriculum.block_duration is 0.0; it must be positive"),
        (changed({"max_step": (-1.0, 1.0)}), "max_step is -1.0; it must be positive"),
        (changed({"network.num_paths": (1, 2)}), "2 tasks.*1 paths. Use more paths"),
        (changed({"curriculum.name": ("A_B__", "nothing")}), "'nothing'; known are A_B__"),
        (changed({"teachers.d_in": (6, 3)}), "Raise d_in to 4"),
        (changed(teachers__d_in=3), "Raise d_in to 4"),
        (changed(network__num_paths=1), "2 tasks.*1 paths. Use more paths"),
        (changed(network__initial_scale=float("nan")), "initial_scale is nan; it must be finite"),
        (changed(max_step=-1.0), "max_step is -1.0; it must be positive"),
        (changed(max_step=1e-15), "max_step is 1e-15, .*take longer steps"),
        (changed(curriculum__name="nothing"), "'nothing'; known are A_B__"),
        (changed(randomness__num_seeds=0), "num_seeds is 0"),
        (changed(randomness__seed=-1), "seed is -1; it must be a whole number from 0"),
        (changed(penalties__column_l2=1.0), "column_l2 acts on the weights"),
        (dataclasses.replace(SMALL, check=0.1), "population flow"),
        (dataclasses.replace(SMALL, axes=(Axis(STRENGTH, (0.1,), "loss"),)), "must differ from each other"),
        (dataclasses.replace(SMALL, axes=(Axis(STRENGTH, (0.1,), "gate_error"),)), "must differ from each other"),
    ],
    ids=lambda item: "" if isinstance(item, Sweep) else item[:30],
)
@pytest.mark.usefixtures("nothing_runs")
def test_bad_input_is_refused_before_anything_is_compiled(plan, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        run_sweep(plan)


@pytest.mark.usefixtures("nothing_runs")
def test_a_sweep_needs_a_thread():
    with pytest.raises(ValueError, match="per_device is 0; at least one"):
        run_sweep(changed(), compute=Threads(0))
