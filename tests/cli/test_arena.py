"""`ntadyn arena`: refused early, and a whole run on a file of one's own."""

import numpy as np
import pytest

from ntadyn.arena.presets import PRESETS, PUBLISHED, chosen, method_name
from ntadyn.cli import main
from ntadyn.results import storage


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--methods", "nobody"], "there is no method 'nobody'; there are fine-tuning, ewc"),
        (["--methods", "ewc", "ewc"], "named twice"),
        (["--seeds", "0"], "seeds is 0"),
        (["--csv", "nothing.csv"], "is not an existing file"),
    ],
)
def test_wrong_input_is_refused(words, said, capsys, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(["arena", "--out", str(tmp_path / "out"), *words])
    assert end.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("preset", PRESETS)
def test_methods_of_a_preset_have_names_of_their_own(preset):
    entries = PRESETS[preset]()
    assert chosen(entries, [method_name(entry) for entry in entries]) == entries


def test_what_is_published_belongs_to_presets():
    assert set(PUBLISHED) < set(PRESETS)


@pytest.mark.slow
def test_a_file_of_ones_own(capsys, tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{task},{x},{y},{int((x if task else y) > 0)}" for task in (0, 1) for x, y in rng.normal(size=(30, 2))]
    file, out = tmp_path / "stream.csv", tmp_path / "out"
    file.write_text("\n".join(["task,x,y,class", *rows]) + "\n")
    with pytest.raises(SystemExit) as end:
        main(["arena", "--csv", str(file), "--methods", "fine-tuning", "joint", "--seeds", "2", "--out", str(out)])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"arena.nc", "arena.txt", "arena.png", "arena.pdf"}
    assert (out / "arena.txt").read_text() in printed
    dataset = storage.read_dataset(out / "arena.nc")
    last = dataset.accuracy.isel(block=-1).mean(["seed", "task"])
    assert float(last.sel(row="joint")) > 0.7
    assert dataset.sees_all_tasks.values.tolist() == [False, True]
