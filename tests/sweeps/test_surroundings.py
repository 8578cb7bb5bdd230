"""What tells a sweep on one machine from the same one on another."""

import jax
import pytest

from ntadyn.sweeps import surroundings as module
from ntadyn.sweeps.surroundings import SETTINGS, settings, surroundings


class Device:
    """An accelerator that is not here."""

    platform, device_kind = "gpu", "NVIDIA H100"

    class client:
        platform_version = "PJRT C API\ncuda 12090"


def test_code_versions_and_device_are_named():
    found = surroundings()
    assert found["jax"] == jax.__version__
    assert {"ntadyn", "code", "python", "jaxlib", "equinox", "diffrax", "optax", "numpy"} <= set(found)
    assert found["device"].startswith("cpu: ")
    assert surroundings((Device(),)) == found | {"device": "gpu: NVIDIA H100, cuda 12090"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jax_default_matmul_precision", "tensorfloat32"),
        ("jax_default_prng_impl", "rbg"),
        ("jax_disable_most_optimizations", False),
        ("jax_enable_x64", False),
        ("jax_threefry_partitionable", False),
    ],
)
def test_settings_that_move_bits_are_told_apart(name, value):
    before, present = settings(SETTINGS), jax.config.values[name]
    assert present != value
    jax.config.update(name, value)
    try:
        after = surroundings()["settings"]
    finally:
        jax.config.update(name, present)
    assert after == before | {name: value}


def test_flags_that_move_bits_are_told_apart(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    before = surroundings()
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/tmp/x --xla_force_host_platform_device_count=2")
    assert surroundings() == before
    monkeypatch.setenv("XLA_FLAGS", "--xla_b=1 --xla_a=2")
    assert surroundings()["variables"] == {"XLA_FLAGS": ["--xla_a=2", "--xla_b=1"]}
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    assert surroundings()["variables"]["NVIDIA_TF32_OVERRIDE"] == ["1"]


def test_the_digest_of_the_code_is_taken_once(monkeypatch):
    code = surroundings()["code"]
    monkeypatch.setattr(module.Project, "digest", lambda *args: pytest.fail("taken again"))
    assert surroundings()["code"] == code
