"""A network of two layers that recognises handwritten digits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float
from sklearn import datasets

from ntadyn.degeneracy import ExampleLoss, squared_error

Network = dict[str, Array]
# Grey values of the images go up to this.
BRIGHTEST = 16.0


def images(number: int) -> tuple[Float[Array, "n 64"], Float[Array, "n 10"]]:
    """The first images of scikit-learn's digits, 8 x 8, and their labels as vectors of zeros and a one."""
    data: Any = datasets.load_digits()
    return jnp.asarray(data.data[:number] / BRIGHTEST), jnp.asarray(np.eye(10)[data.target[:number]])


def initial(hidden: int, key: Array) -> Network:
    """Weights of variance one over the number of inputs."""
    of_hidden, of_outputs = jax.random.split(key)
    return {
        "hidden": jax.random.normal(of_hidden, (hidden, 64)) / 8,
        "outputs": jax.random.normal(of_outputs, (10, hidden)) / hidden**0.5,
    }


def outputs(network: Network, inputs: Float[Array, "... 64"]) -> Float[Array, "... 10"]:
    """W_2 tanh(W_1 x)."""
    return jnp.tanh(inputs @ network["hidden"].T) @ network["outputs"].T


def training_loss(inputs: Float[Array, "n 64"], labels: Float[Array, "n 10"]) -> ExampleLoss:
    """Half the squared error."""
    return squared_error(outputs, inputs, labels)


def trained(loss: ExampleLoss, start: Network, steps: int) -> Network:
    """After steps of L-BFGS."""
    optimiser = optax.lbfgs()
    value_and_gradient = optax.value_and_grad_from_state(loss)

    def step(carry: Any, _: None) -> tuple[Any, None]:
        network, state = carry
        value, gradient = value_and_gradient(network, state=state)
        update, state = optimiser.update(gradient, state, network, value=value, grad=gradient, value_fn=loss)
        return (optax.apply_updates(network, update), state), None

    return jax.jit(lambda start: jax.lax.scan(step, (start, optimiser.init(start)), None, steps)[0][0])(start)


def curvatures(network: Network, inputs: Float[Array, "n 64"]) -> Float[np.ndarray, " p"]:
    """Eigenvalues of the Hessian J^T J / n of the behavioural loss at the network itself, those that can be positive.

    Of the two Gram matrices of J, shape (10 n, d), the smaller one is decomposed.
    """

    of_images = jax.jit(jax.vmap(jax.jacrev(outputs), (None, 0)))(network, inputs)
    rows = 10 * inputs.shape[0]
    jacobian = np.concatenate([np.asarray(part).reshape(rows, -1) for part in of_images.values()], axis=1)
    gram = jacobian @ jacobian.T if rows < jacobian.shape[1] else jacobian.T @ jacobian
    return np.linalg.eigvalsh(gram) / inputs.shape[0]
