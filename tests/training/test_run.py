"""A whole training: what is chosen, what is labelled, what is refused, and the same bits after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from ntadyn.results import storage
from ntadyn.sweeps.plan import Precision
from ntadyn.training import Text, TwoTexts, train, trained
from ntadyn.training.checkpoint import claimed
from ntadyn.training.run import lanes_together
from tests.processes import until
from tests.training.tiny_trainings import RECALLING, maker, program, spec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    told, progress = [], []
    dataset = train(
        spec(rates=(1e-6, 0.03)),
        make=RECALLING,
        folder=folder,
        tell=told.append,
        progress=lambda done, total: progress.append((done, total)),
    )
    return dataset, folder, told, progress


@pytest.mark.slow
def test_the_rate_with_the_least_loss_on_the_first_seed_is_taken(result):
    dataset, _, told, _ = result
    assert dataset.attrs["rate"] == 0.03
    assert float(dataset.grid_loss.sel(rate=0.03)) < float(dataset.grid_loss.sel(rate=1e-6))
    assert float(dataset.held_out_loss[0, -1, 0]) == float(dataset.grid_loss.sel(rate=0.03))
    assert "learning rate 0.03: 1e-06 -> " in told[0]


def test_everything_is_labelled(result):
    dataset, _, _, progress = result
    assert dict(dataset.sizes) == {"seed": 2, "step": 40, "evaluation": 5, "part": 1, "rate": 2}
    assert progress[-1] == (3 * 40, 3 * 40)
    assert dataset.evaluation_step.values.tolist() == [0, 10, 20, 30, 40]
    assert int(dataset.parameters) == 6 * 6 + 2 * 6 * 8
    assert int(dataset.state_floats) == 6
    assert dataset.attrs["precision"] == "float32"
    assert dataset.attrs["dtype"] == "float32"
    assert dataset.result.values.tolist() == [0, 0]
    assert float(dataset.seconds.min()) > 0
    assert float(dataset.compile_seconds) > 0
    assert np.isfinite(dataset.train_loss).all()
    assert not np.array_equal(dataset.train_loss[0], dataset.train_loss[1])
    assert dataset.train_loss[:, -10:].mean() < dataset.train_loss[:, :10].mean()
    # Chance is 1/3 among the values that were not asked for otherwise; the test is of other sequences.
    assert dataset.test_loss.dims == ("seed", "part")
    assert float(dataset.test_loss[0, 0]) != float(dataset.held_out_loss[0, -1, 0])


def test_what_was_done_is_not_done_again(result):
    dataset, folder, _, _ = result
    again = train(spec(rates=(1e-6, 0.03)), make=RECALLING, folder=folder, resume=True)
    for name in ("train_loss", "held_out_loss", "test_loss", "seconds"):
        np.testing.assert_array_equal(dataset[name], again[name])
    models = trained(spec(rates=(1e-6, 0.03)), folder, make=RECALLING)
    assert len(models) == 2
    assert models[0].readout.shape == (8, 6)
    assert not np.array_equal(models[0].readout, models[1].readout)


def test_folders_of_other_trainings_are_refused(result):
    _, folder, _, _ = result
    with pytest.raises(ValueError, match="go on with it by --resume"):
        train(spec(rates=(1e-6, 0.03)), make=RECALLING, folder=folder)
    with pytest.raises(ValueError, match="specification was .* name another|holds another training: specification"):
        train(spec(rates=(1e-6, 0.02)), make=RECALLING, folder=folder, resume=True)
    with pytest.raises(ValueError, match="holds another training: arrays was"):
        train(spec(rates=(1e-6, 0.03)), make=maker(8, 8, 8, width=7), folder=folder, resume=True)


def test_a_damaged_file_is_refused(result, tmp_path):
    _, folder, _, _ = result
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (lanes,) = tmp_path.glob("seed-1-*.lanes")
    content = bytearray(lanes.read_bytes())
    content[-100] ^= 1
    lanes.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        train(spec(rates=(1e-6, 0.03)), make=RECALLING, folder=tmp_path, resume=True)


# In processes of their own, which compile alike: options of the compiler move the last bits.
CHILD = """
import sys
from pathlib import Path
import numpy as np
from ntadyn.training import lanes, run, train
from tests.training.tiny_trainings import RECALLING, spec
run.Watch = lambda progress, folder: lanes.Watch(progress, folder, save_seconds=0.0)
given, done = spec(steps=1000, seeds=1), []
gone_on = train(given, make=RECALLING, folder=Path(sys.argv[1]), resume=True, progress=lambda now, of: done.append(now))
whole = train(given, make=RECALLING)
assert 16 < done[0] < 1000, done[0]  # it did not begin anew
for name in ("train_loss", "held_out_loss", "test_loss", "test_accuracy"):
    np.testing.assert_array_equal(whole[name], gone_on[name])
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, env=environment)
    until(lambda: list(tmp_path.glob("*.lanes")) or child.poll() is not None)
    time.sleep(0.3)  # for some more of them
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not list(tmp_path.glob("*.model"))  # it was on its way
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_time_in_place_of_steps(tmp_path):
    told = []
    given = spec(seconds=0.05, seeds=1)
    dataset = train(given, make=RECALLING, folder=tmp_path, tell=told.append)
    assert "ms per step and seed" in told[0]
    steps = dataset.sizes["step"]
    assert claimed(tmp_path)["specification"]["seconds"] == 0.05
    # As much time as was asked for, on a machine that others use too.
    assert 0.002 < float(dataset.seconds[0]) < 2.0
    assert train(given, make=RECALLING, folder=tmp_path, resume=True).sizes["step"] == steps


def test_losses_that_are_no_numbers_end_a_training_and_are_told():
    def make(key):
        model = RECALLING(key)
        return type(model)(model.recurrent, model.reading, model.readout * np.float32(np.inf), 8)

    dataset = train(spec(seeds=1), make=make)
    assert dataset.result.values.tolist() == [1]
    assert int(np.isfinite(dataset.train_loss).sum()) == 0


@pytest.mark.slow
def test_texts_in_turns_report_what_was_forgotten(tmp_path):
    (tmp_path / "one.txt").write_text("abababab" * 60)
    (tmp_path / "two.txt").write_text("abbaabba" * 60)
    data = TwoTexts(str(tmp_path / "one.txt"), str(tmp_path / "two.txt"), length=8, block_steps=30, orders=(1, 2))
    given = spec(data=data, steps=120, evaluations=8, seeds=2, rates=(0.03,), last_rate=1.0)
    dataset = train(given, make=maker(2, 2, 2))
    assert dataset.part.values.tolist() == ["one.txt", "two.txt"]
    assert dataset.block_part.values.tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(dataset.block_loss, dataset.held_out_loss[:, 2::2])
    losses = dataset.block_loss.values
    np.testing.assert_allclose(dataset.forgetting, losses[:, -1] - losses.min(axis=1), atol=1e-12)
    np.testing.assert_allclose(dataset.backward_transfer[:, 0], losses[:, 2, 0] - losses[:, 3, 0], atol=1e-12)
    assert float(dataset.forgetting[:, 1].max()) < float(dataset.forgetting[:, 0].min())  # the last one is fresh
    assert dataset.ngram_bits.dims == ("part", "order")
    assert float(dataset.ngram_bits.sel(order=1).max()) < 1.01
    assert "one.txt: 480 characters, 2 symbols, sha256 " in dataset.attrs["data"]


def test_seeds_share_a_program_only_where_it_fits(monkeypatch):
    class Device:
        platform = "gpu"
        limit = 0

        def memory_stats(self):
            return {"bytes_limit": self.limit}

    device = Device()
    mine = program(spec(precision=Precision.DOUBLE))
    assert lanes_together(mine, 5) == 1  # on a CPU
    monkeypatch.setattr(jax, "devices", lambda: [device])
    monkeypatch.setattr(mine, "step_bytes", lambda lanes: 100 * len(lanes))
    for device.limit, most in ((10_000, 8), (700, 4), (100, 1)):
        assert lanes_together(mine, 8) == most


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "transformr"}, "Did you mean transformer"),
        ({"steps": 0}, "steps is 0"),
        ({"evaluations": 41}, "evaluations is 41; give a whole number from 1 to 40"),
        ({"rates": ()}, "rates are"),
        ({"rates": (0.1, 0.1)}, "several different ones"),
        ({"rates": (-1.0,)}, "all above 0"),
        ({"seconds": 0.0}, "seconds is 0.0"),
        ({"clip": float("nan")}, "clip is nan"),
        ({"warm_up": 1.5}, "warm_up is 1.5"),
        ({"hidden": 3, "parameters": 10}, "leave one of them out"),
        ({"seed": -1}, "seed is -1"),
        ({"data": "mqar"}, "give a task"),
        ({"data": Text(file="nothing.txt")}, "there is no file"),
        ({"data": Text(orders=(0,))}, "each is 1 or more"),
    ],
)
def test_specs_that_make_no_sense_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        train(spec(**changes), make=RECALLING)


def test_results_can_be_written(result, tmp_path):
    dataset, *_ = result
    file = storage.write_dataset(dataset, tmp_path / "training.nc")
    assert storage.read_dataset(file).attrs["rate"] == 0.03
