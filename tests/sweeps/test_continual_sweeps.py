"""Learners on streams of tasks can be swept like everything else."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.simulation.outcome import RESULTS
from ntadyn.specs.configuration import Curriculum, TeacherKind, Teachers, TeacherScale
from ntadyn.specs.continual_presets import CONTINUAL, continual_ewc
from ntadyn.specs.differences import settings_of
from ntadyn.specs.paths import flat, to_json
from ntadyn.specs.spec import check_spec
from ntadyn.specs.strategies import EWC, FineTuning, LwF
from ntadyn.sweeps import sweep
from ntadyn.sweeps.continual_scores import forgetting, latent_loss, mean_task_loss
from ntadyn.sweeps.scores import Recorded


def test_scores_by_hand():
    losses = jnp.asarray([[1.0, 1.0], [0.2, 0.9], [0.2, 0.9], [0.6, 0.1], [0.6, 0.1]])
    blocks, real = jnp.asarray([0, 0, 1, 1, 1]), jnp.asarray([True, True, True, True, False])
    values = {"task_loss": losses, "latent_task_loss": losses / 2}
    record = Recorded(jnp.arange(5.0), blocks, values, real, RESULTS.successful)
    assert float(latent_loss(record)) == pytest.approx(0.175)
    assert float(mean_task_loss(record)) == pytest.approx(0.35)
    assert float(forgetting(record)) == pytest.approx(0.5 * (0.4 + 0.0))


def test_a_file_says_which_strategy_it_was():
    texts = {to_json(dataclasses.replace(continual_ewc(), strategy=item)) for item in (EWC(), LwF(), FineTuning())}
    assert len(texts) == 3
    expected = {"kind": "EWC", "strength": 1.0, "retention": None, "fisher": "MODEL"}
    assert json.loads(to_json(continual_ewc()))["strategy"] == expected
    assert flat(continual_ewc())["strategy.kind"] == "EWC"
    found = settings_of({"configuration": to_json(dataclasses.replace(continual_ewc(), strategy=EWC(2.0)))})
    assert (found.preset, found.named) == ("continual-ewc", False)
    assert [str(item) for item in found.differences] == ["strategy.strength = 2"]


@pytest.mark.parametrize("name", CONTINUAL)
def test_presets_make_sense(name):
    check_spec(CONTINUAL[name]())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategy": 3}, "strategy is 3"),
        ({"curriculum": Curriculum(block_duration=-1.0)}, "block_duration"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        check_spec(dataclasses.replace(continual_ewc(), **changes))


@pytest.mark.slow
def test_ewc_strength_against_block_length():
    small = Teachers(kind=TeacherKind.MATCHED_ROWS_ORTHOGONAL, num_tasks=2, d_in=4, d_out=2, scale=TeacherScale.UNIT)
    spec = dataclasses.replace(
        continual_ewc(), teachers=small, curriculum=Curriculum(tasks=(0, 1), num_blocks=2, block_duration=1.0)
    )
    axes = {"strategy.strength": (0.5, 2.0), "curriculum.block_duration": (20.0, 40.0)}
    found = sweep(spec, axes, seeds=2)
    assert not (found.result > 0).any()
    # Blocks are long: the first task keeps 1 / (1 + mu) of what separates both, |W*_A - W*_B|^2 / 2 = 2 in all.
    strength = found.strategy_strength.values
    lost = 2 / (1 + strength) ** 2
    np.testing.assert_allclose(found.forgetting.mean(["block_duration", "seed"]), 0.5 * lost, rtol=1e-5)
    kept = 2 * (strength / (1 + strength)) ** 2
    np.testing.assert_allclose(found.mean_task_loss.mean(["block_duration", "seed"]), 0.5 * (lost + kept), rtol=1e-5)
    # The single path has one gate, which can only shrink what it says.
    assert (found.latent_loss <= found.mean_task_loss + 1e-12).all()
    assert (found.latent_loss < found.mean_task_loss - 0.01).any()
