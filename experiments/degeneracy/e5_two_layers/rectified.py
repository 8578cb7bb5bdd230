"""Exploratory: a rectified network of two layers, y = B relu(W x), on two tasks in turn, and which units fire together.

Both layers descend the mean loss over a fixed set of normally distributed inputs, plus the penalties of the linear
network, in whole steps. Without biases such a network cannot be linear in few units; it is asked for relu(T x).
"""

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array

from ntadyn.degeneracy.interaction import firing_blocks, nearly_together
from ntadyn.regularizers import from_relative_weights
from ntadyn.tasks import teachers

TIMES = {"first": 0.06, "second": 0.01}
STEP = 0.002
# Units that differ on at most this share of examples count as nearly together.
MOST_APART = 0.05
Layers = dict[str, Array]


def firing_over_blocks(sizes: tuple[int, int], seeds: int, blocks: int, examples: int, penalties: bool) -> xr.Dataset:
    """Counts of units at the ends of blocks of length 1.

    Args:
        sizes: d_in and d_out; there are 2 d_out hidden units.
        seeds: repetitions.
        blocks: how many.
        examples: inputs.
        penalties: whether the second layer is held to be nonnegative and of norm one.

    Returns:
        `synchronised` blocks of two and more units, `units` in them, `nearly` the same where units may differ on 5 % of
        examples, `dead` units, and `loss`, over (seed, block).
    """
    d_in, d_out = sizes
    inputs = jax.random.normal(jax.random.key(1), (examples, d_in))
    maps = teachers.orthogonal(jax.random.key(0), 2, d_out, d_in).teachers
    targets = jax.nn.relu(jnp.einsum("moi,ni->mno", maps, inputs))
    paid = from_relative_weights(0.22, nonnegative=1.0, unit_l2=10.0)["gates"] if penalties else None

    def loss(layers: Layers, wanted: Array) -> Array:
        answers = jax.nn.relu(inputs @ layers["first"].T) @ layers["second"].T
        return jnp.mean(jnp.sum((answers - wanted) ** 2, axis=1)) / 2

    def energy(layers: Layers, wanted: Array) -> Array:
        return loss(layers, wanted) + (0.0 if paid is None else paid.energy(layers["second"]))

    def of_seed(key: Array) -> tuple[Array, Array]:
        of_first, of_second = jax.random.split(key)
        start = {
            "first": 0.01 * jax.random.normal(of_first, (2 * d_out, d_in)) / d_in**0.5,
            "second": 0.01 * jax.random.normal(of_second, (d_out, 2 * d_out)),
        }

        def step(layers: Layers, wanted: Array) -> Layers:
            slopes = jax.grad(energy)(layers, wanted)
            return {name: layers[name] - STEP / TIMES[name] * slopes[name] for name in layers}

        def of_block(layers: Layers, block: Array) -> tuple[Layers, tuple[Array, Array]]:
            wanted = targets[block % 2]
            layers = jax.lax.fori_loop(0, round(1 / STEP), lambda _, layers: step(layers, wanted), layers)
            return layers, (inputs @ layers["first"].T, loss(layers, wanted))

        return jax.lax.scan(of_block, start, jnp.arange(blocks))[1]

    before, losses = jax.jit(jax.vmap(of_seed))(jax.random.split(jax.random.key(2), seeds))
    counts = np.array([[_counted(np.asarray(each)) for each in row] for row in before])
    names = ("synchronised", "units", "nearly", "dead")
    variables = {name: (("seed", "block"), counts[..., index]) for index, name in enumerate(names)}
    return xr.Dataset(
        {**variables, "loss": (("seed", "block"), np.asarray(losses))}, {"block": np.arange(1, blocks + 1)}
    )


def _counted(preactivations: np.ndarray) -> tuple[int, int, int, int]:
    firing = firing_blocks(preactivations)
    nearly = [block for block in nearly_together(firing, MOST_APART) if len(block) > 1]
    together = firing.synchronised
    return len(together), sum(map(len, together)), sum(map(len, nearly)), len(firing.dead)
