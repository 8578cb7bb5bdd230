"""`ntadyn train`: refused early, and whole runs at a tiny size."""

import re

import pytest

from ntadyn.cli import main
from ntadyn.cli.train import train_of
from ntadyn.results import storage
from ntadyn.training.presets import SIZES, TASKS, preset

TINY = [
    "--model", "linear-attention", "--width", "8", "--depth", "1", "--hidden", "4", "--steps", "20", "--batch", "4",
    "--rates", "0.01", "--seeds", "2", "--evaluations", "2",
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "0"], "steps is 0"),
        (["--rates", "0.1", "-1"], "all above 0"),
        (["--hidden", "8", "--parameters", "9000"], "leave one of them out"),
        (["--data.pairs", "40"], "There are 31 keys and 32 values"),
        (["--task", "charlm", "--data.file", "nothing.txt"], "there is no file 'nothing.txt'"),
        (["--task", "regression", "--data.block", "100"], "nothing to switch to, or no whole block"),
        (["--task", "mqar", "--task", "charlm"], "--task is given 2 times"),
        (["--task", "recal"], "there is no choice 'recal'"),
        (["--model", "gpt"], "there is no choice 'gpt'"),
        (["--parameters", "100"], "ask for"),
        (["--chunks", "1", "2"], "with 1 levels"),
    ],
)
def test_wrong_input_is_refused(words, said, capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(["train", "--out", str(tmp_path / "out"), *words])
    assert end.value.code == 2
    assert said in " ".join(re.sub("[│╭╰─╮╯]", " ", capsys.readouterr().err).split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("task", TASKS)
def test_presets_make_sense_and_are_options(task, size):
    command = train_of(["train", "--task", task, "--preset", size])
    assert command.specification == preset(task, size)
    preset(task, size).check_values()
    assert preset(task, "large").width > preset(task, "small").width


@pytest.mark.slow
def test_a_whole_run_that_goes_on(capsys, tmp_path):
    words = ["train", "--task", "mqar-overwrite", *TINY, "--data.length", "24", "--output", str(tmp_path)]
    tables = []
    for more in ([], ["--resume"]):
        with pytest.raises(SystemExit) as end:
            main([*words, *more])
        assert end.value.code == 0
        tables.append(capsys.readouterr().out.splitlines()[2:])
    assert tables[0] == tables[1]
    assert re.fullmatch(r"recall +accuracy +0\.\d{4} +0\.\d{4} +0\.\d{4} 0\.\d{4}", tables[0][1])
    dataset = storage.read_dataset(tmp_path / "training.nc")
    assert dataset.attrs["task"] == "mqar-overwrite"
    assert '"rebound": 4' in dataset.attrs["specification"]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "go on with it by --resume" in capsys.readouterr().err


@pytest.mark.slow
def test_regression_beside_gated_networks(capsys, tmp_path):
    words = ["train", "--task", "regression", *TINY, "--data.length", "16", "--data.block", "8"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--out", str(tmp_path)])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert "loss by positions since a switch, flexible gates" in printed
    dataset = storage.read_dataset(tmp_path / "training.nc")
    assert dataset.gated_adaptation.dims == ("learner", "since_switch")
    flexible, forgetful = dataset.gated_adaptation.values
    # Both meet a switch with an error; only flexible gates are done with it early in a block.
    assert flexible[0] > 0.1
    assert forgetful[0] > 0.1
    assert flexible[4] < 0.25 * forgetful[4]
