"""Seconds per step of what could stand for a batch: rows, Wishart matrices, and the Gaussian noise of an SDE.

`python -m tests.benchmarks.batches` prints a table. An SDE would replace the second moments S of a batch by 1 + Om /
sqrt(B), with Om a symmetric Gaussian matrix. It draws as many numbers as a Wishart matrix has, and is exact nowhere;
its longer steps are those of `OnlineSGD.coarsened`, which draws exact batches.
"""

import time

import jax
import jax.numpy as jnp

from ntadyn.dynamics import Rows, Wishart

SEEDS, STEPS, ROUNDS = 256, 200, 5


def gaussian(key, size, d_in, dtype):
    """S = 1 + Om / sqrt(B), the first two moments of a batch."""
    square = jax.random.normal(key, (d_in, d_in), dtype)
    return jnp.eye(d_in, dtype=dtype) + (square + square.T) / (2 * size) ** 0.5


def seconds(draw, size, d_in):
    """Per step and seed, the least of several rounds, without compiling."""

    def one(key):
        def step(total, key):
            return total + jnp.sum(draw(key, size, d_in, jnp.float64)[0]), None

        return jax.lax.scan(step, 0.0, jax.random.split(key, STEPS))[0]

    keys = jax.random.split(jax.random.key(0), SEEDS)
    run = jax.jit(jax.vmap(one)).lower(keys).compile()
    run(keys).block_until_ready()
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run(keys).block_until_ready()
        found.append(time.perf_counter() - began)
    return min(found) / (SEEDS * STEPS)


def main() -> None:
    """Print the table, in microseconds."""
    jax.config.update("jax_enable_x64", True)
    print(f"{'d_in':>5} {'B':>5} {'rows':>8} {'Wishart':>8} {'Gaussian':>9}   us per step and seed")
    for d_in, size in ((20, 20), (20, 200), (64, 200)):
        each = [1e6 * seconds(draw, size, d_in) for draw in (Rows(), Wishart(), gaussian)]
        print(f"{d_in:5} {size:5} {each[0]:8.2f} {each[1]:8.2f} {each[2]:9.2f}")


if __name__ == "__main__":
    main()
