"""Setting of the tests in this folder."""

import jax
import pytest


@pytest.fixture(scope="package", autouse=True)
def quick_compilation():
    """Compile many small programs without optimising them: here each of them runs once."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
