"""Spectra of inputs and noise of batches as parameters of a configuration, and in sweeps."""

import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import OnlineSGD, OrderParameters, Wishart
from ntadyn.specs import building
from ntadyn.specs.checks import check_configuration
from ntadyn.specs.configuration import Configuration, Dynamics, Gating, Sampler
from ntadyn.specs.extent import batch_noise
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.specs.warnings import warnings_of
from ntadyn.sweeps import Axis, Sweep, run_sweep
from ntadyn.sweeps.batch_noises import batch_noises


def built(changes):
    spec = replaced(Configuration(), changes)
    check_configuration(spec)
    return spec.build(building.first(building.keys(spec.randomness)))[0]


@pytest.mark.slow
def test_a_spectrum_reaches_every_system():
    closed = built({"inputs.exponent": 1.0})
    assert isinstance(closed, OrderParameters)
    np.testing.assert_allclose(closed.spectrum.variances.sum(), 20)
    assert closed.spectrum.num_groups == 20
    given = built({"inputs.variances": (3.0,) * 5 + (1.0,) * 15})
    np.testing.assert_allclose(np.sort(given.spectrum.variances), [2 / 3, 2])
    flow = built({"inputs.exponent": 1.0, "dynamics": Dynamics.GRADIENT_FLOW})
    np.testing.assert_allclose(jnp.sort(flow.input_covariance.variances), closed.spectrum.variances)
    batches = built({"inputs.exponent": 1.0, "dynamics": Dynamics.ONLINE, "sampler": Sampler.WISHART})
    assert isinstance(batches, OnlineSGD)
    assert isinstance(batches.sampler, Wishart)
    assert batches.flow.input_covariance is not None
    assert built({}).spectrum is None
    assert built({}).batch_noise is None
    np.testing.assert_allclose(built({"batch_noise": 0.2}).batch_noise, 0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs.variances": (1.0, 2.0)}, "has 2 numbers, and teachers.d_in is 20"),
        ({"inputs.variances": (0.0,) * 20}, "one must be positive"),
        ({"inputs.variances": (1.0,) * 19 + (-1.0,)}, "none may be negative"),
        ({"inputs.variances": (1.0,) * 20, "inputs.exponent": 1.0}, "both say the spectrum"),
        ({"inputs.variances": 3.0}, "a tuple of numbers"),
        ({"inputs.exponent": float("nan")}, "must be finite"),
        ({"inputs.exponent": 1.0, "network.gating": Gating.LAYER}, "two layers"),
        (
            {"dynamics": Dynamics.ONLINE, "sampler": Sampler.WISHART, "batch_size": 5},
            "batch_size is 5, teachers.d_in 20",
        ),
        ({"batch_noise": -0.1}, "must not be negative"),
        ({"batch_noise": 0.1, "dynamics": Dynamics.ONLINE}, "draws its batches"),
        ({"batch_noise": 0.1, "inputs.exponent": 1.0}, "mixes the eigenspaces"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(ValueError, match=message):
        built(changes)


def test_noise_is_said_where_batches_are_drawn():
    online = replaced(figure_5_published(), {"dynamics": Dynamics.ONLINE, "max_step": 0.005, "batch_size": 2})
    np.testing.assert_allclose(batch_noise(online), 0.005 * 21 / 2)
    assert batch_noise(figure_5_published()) is None
    axes = (Axis("curriculum.block_duration", (0.4, 1.0)), Axis("batch_size", (1, 10)))
    names, values, _ = batch_noises(Sweep(online, axes))
    assert names == ("batch_size",)
    np.testing.assert_allclose(values, [0.105, 0.0105])
    assert batch_noises(Sweep(figure_5_published(), axes[:1])) is None
    (warning,) = warnings_of(replaced(figure_5_published(), {"sampler": Sampler.WISHART}))
    assert "sampler wishart has no effect" in warning


@pytest.mark.slow
def test_exponents_are_read_through_the_inputs_and_the_limit_of_many_inputs_can_be_swept():
    spec = replaced(figure_5_published(), {"randomness.num_seeds": 2, "time_constants.gates": 0.01})
    found = run_sweep(Sweep(spec, (Axis("inputs.exponent", (0.0, 2.0)),)))
    assert int(found.result.max()) == 0
    np.testing.assert_allclose(found.seen_alignment[0], found.alignment[0], atol=1e-9)
    np.testing.assert_allclose(found.alignment[0], 0.999, atol=0.002)
    np.testing.assert_allclose(found.alignment[1], 0.798, atol=0.05)
    np.testing.assert_allclose(found.seen_alignment[1], 0.977, atol=0.02)
    assert float((found.other_loss / found.loss)[1].min()) > 20
    noisy = run_sweep(Sweep(spec, (Axis("batch_noise", (0.0, 0.5)),)))
    np.testing.assert_allclose(noisy.alignment[0], found.alignment[0], atol=1e-3)
    assert float(np.max(np.abs(noisy.gates[1].values - noisy.gates[0].values))) > 1e-4
