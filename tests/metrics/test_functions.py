import jax.numpy as jnp
import numpy as np

from ntadyn.metrics import function_cosines


def test_cosines_of_functions_are_those_of_their_values_in_one_vector():
    rng = np.random.default_rng(0)
    answers, targets, weights = rng.normal(size=(6, 3, 2)), rng.normal(size=(6, 2)), rng.uniform(size=6)
    answers[:, 2] = 0
    root = np.sqrt(weights)
    flat = (answers * root[:, None, None]).transpose(1, 0, 2).reshape(3, -1)
    wanted = (targets * root[:, None]).ravel()
    expected = [path @ wanted / np.linalg.norm(path) / np.linalg.norm(wanted) for path in flat[:2]] + [0.0]
    found = function_cosines(*(jnp.asarray(part) for part in (answers, targets, weights)))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
