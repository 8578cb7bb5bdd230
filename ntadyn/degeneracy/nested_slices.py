"""Nested slice sampling of a loss: how much of a neighbourhood has a loss below a cutoff, from the top down."""

import math
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ntadyn.degeneracy.neighbourhood import AbstractNeighbourhood
from ntadyn.degeneracy.nested_run import NestedRun
from ntadyn.degeneracy.problem import LossProblem

# How often a run says how far it is.
PARTS = 10
# Moves per birth that may find no other point.
STUCK = 0.01


class NestedState(eqx.Module):
    """A run that is under way: all that it needs to go on.

    Attributes:
        key: the key of the steps to come.
        live: the live points, as blackjax keeps them.
        dead: losses of the points that died, one row per step; infinite where steps are still to come.
        num_done: how many steps are done.
        num_evaluations: how often the loss was asked for.
        num_stuck: how many moves found no other point inside the contour.
    """

    key: PRNGKeyArray
    live: PyTree
    dead: Float[Array, "steps deletions"]
    num_done: Int[Array, ""]
    num_evaluations: Int[Array, ""]
    num_stuck: Int[Array, ""]


class NestedSlices(eqx.Module):
    """Nested sampling (Skilling) with steps along random lines inside the contour (slice sampling).

    Points are drawn from the neighbourhood. At each step the k of n with the highest loss die, and as many are born
    below the lowest of their losses: each starts from a survivor and is moved along random lines, shaped by the
    covariance of the living. The j-th death of a step shrinks log V, the logarithm of the share of the neighbourhood
    below that loss, by 1/(n - j) on average (j from 0). How many steps that takes follows from where the run ends, so
    that a run is one program, which several problems or keys may share by `eqx.filter_vmap`.

    `begin`, `advance` and `finish` are the parts of `sample`, for runs that are to be kept and resumed.

    Attributes:
        num_live: n.
        num_delete: k, how many die, and are born side by side, at each step.
        num_inner_steps: moves per birth; the larger of 5 and 2 d unless given. With fewer, the newborn resemble
            survivors, which biases the volumes.
        log_volume: the log V at which a run ends.

    Raises:
        ValueError: for sizes that leave no survivor to start from, or an end that is no shrinking.

    Source: Yallup, Kroupa & Handley 2026, arXiv 2601.23252; Skilling 2006, doi 10.1214/06-BA127.
    """

    num_live: int = eqx.field(static=True, default=400)
    num_delete: int = eqx.field(static=True, default=40)
    num_inner_steps: int | None = eqx.field(static=True, default=None)
    log_volume: float = eqx.field(static=True, default=-18.0)

    def __check_init__(self):
        if not 1 <= self.num_delete <= self.num_live / 2:
            raise ValueError(
                f"{self.num_delete} of {self.num_live} points die at each step; at least one must, and at most half."
            )
        if self.num_inner_steps is not None and self.num_inner_steps < 1:
            raise ValueError(f"num_inner_steps is {self.num_inner_steps}; give at least 1, or None for max(5, 2 d).")
        if not -math.inf < self.log_volume < 0:
            raise ValueError(f"log_volume is {self.log_volume}; a run ends at a finite, negative log V, such as -18.")

    @property
    def shrinkages(self) -> Float[np.ndarray, " deletions"]:
        """How far log V falls at each death of a step: 1/n, 1/(n - 1), ..., 1/(n - k + 1)."""
        return 1 / (self.num_live - np.arange(self.num_delete))

    @property
    def num_steps(self) -> int:
        """The first number of steps that takes log V to where the run ends."""
        return math.ceil(-self.log_volume / np.sum(self.shrinkages))

    def begin(self, problem: LossProblem, neighbourhood: AbstractNeighbourhood, key: PRNGKeyArray) -> NestedState:
        """Live points drawn from the neighbourhood, and no step done."""
        if self.num_live - self.num_delete <= problem.dimension:
            raise ValueError(
                f"{self.num_live - self.num_delete} survivors cannot show the shape of {problem.dimension} dimensions; "
                f"let at least {problem.dimension + 1} survive."
            )
        of_points, key = jax.random.split(key)
        points = neighbourhood.draw(of_points, problem.dimension, self.num_live)
        live = jax.vmap(_particle(problem, neighbourhood))(points)
        dead = jnp.full((self.num_steps, self.num_delete), jnp.inf, live.loglikelihood.dtype)
        return NestedState(key, live, dead, jnp.asarray(0, int), jnp.asarray(self.num_live, int), jnp.asarray(0, int))

    def advance(
        self,
        problem: LossProblem,
        neighbourhood: AbstractNeighbourhood,
        state: NestedState,
        num_steps: int | Int[Array, ""],
    ) -> NestedState:
        """The state after some more steps, at most as many as are left of `num_steps`."""
        born = self._births(problem, neighbourhood)

        def step(_: Array, state: NestedState) -> NestedState:
            key, of_births = jax.random.split(state.key)
            order = jnp.argsort(state.live.loglikelihood)
            # Sorted and joined rather than overwritten in place: XLA aborts when it fuses several scatters into one.
            ordered = jax.tree.map(lambda leaf: leaf[order], state.live)
            dying = jax.tree.map(lambda leaf: leaf[: self.num_delete], ordered)
            surviving = jax.tree.map(lambda leaf: leaf[self.num_delete :], ordered)
            newborn, moves = born(of_births, surviving, dying.loglikelihood[-1])
            live = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), surviving, newborn)
            dead = state.dead.at[state.num_done].set(-dying.loglikelihood)
            # Both ends of a line are tried before it grows.
            tried = state.num_evaluations + jnp.sum(2 + moves.num_expansions + moves.num_shrink)
            stuck = state.num_stuck + jnp.sum(~moves.is_accepted)
            return NestedState(key, live, dead, state.num_done + 1, tried, stuck)

        return jax.lax.fori_loop(0, num_steps, step, state)

    def _births(self, problem: LossProblem, neighbourhood: AbstractNeighbourhood) -> Callable:
        """From a key, the survivors and the log-likelihood to exceed: as many new points as die, and their moves."""
        from blackjax.mcmc.slice import build_kernel, stepping_out
        from blackjax.ns.base import NSState
        from blackjax.ns.from_mcmc import update_with_mcmc_take_last
        from blackjax.ns.nss import covariance_proposal, slice_constrained_step

        move = slice_constrained_step(
            _particle(problem, neighbourhood), build_kernel(interval=stepping_out), covariance_proposal
        )
        num_moves = self.num_inner_steps or max(5, 2 * problem.dimension)
        update = update_with_mcmc_take_last(move, num_moves, self.num_delete)

        def born(key: PRNGKeyArray, surviving: PyTree, threshold: Float[Array, ""]) -> tuple[PyTree, PyTree]:
            covariance = jnp.atleast_2d(jnp.cov(surviving.position, rowvar=False))
            return update(key, NSState(surviving), threshold, covariance_factor=jnp.linalg.cholesky(covariance))

        return born

    def finish(self, state: NestedState) -> NestedRun:
        """The run, with the points that are still alive as the last of its dead."""
        last = jnp.sort(-state.live.loglikelihood, descending=True)
        shrinkages = np.concatenate([np.tile(self.shrinkages, self.num_steps), 1 / np.arange(self.num_live, 0, -1)])
        return NestedRun(
            losses=jnp.concatenate([jnp.ravel(state.dead), last]),
            log_volumes=jnp.asarray(-np.cumsum(shrinkages), last.dtype),
            num_evaluations=state.num_evaluations,
            num_stuck=state.num_stuck,
            num_live=self.num_live,
        )

    def sample(self, problem: LossProblem, neighbourhood: AbstractNeighbourhood, key: PRNGKeyArray) -> NestedRun:
        """A whole run: one function of arrays, for `eqx.filter_jit` and `eqx.filter_vmap`."""
        state = self.begin(problem, neighbourhood, key)
        return self.finish(self.advance(problem, neighbourhood, state, self.num_steps))

    def run(
        self,
        problem: LossProblem,
        neighbourhood: AbstractNeighbourhood,
        key: PRNGKeyArray,
        progress: Callable[[int, int], None] | None = None,
    ) -> NestedRun:
        """A whole run in parts, which compiles what it needs and says how far it is.

        Args:
            problem: the loss, seen from a point.
            neighbourhood: what counts as near it.
            key: the key of all random numbers; the same key gives the same run, as `sample` does.
            progress: told how many of how many steps are done, about ten times.

        Returns:
            The losses of all points in the order in which they died.

        Raises:
            ValueError: if the loss is not finite somewhere, or has a flat bottom, where no point is lower than another:
                volumes are not defined then.
        """
        state = eqx.filter_jit(self.begin)(problem, neighbourhood, key)
        part = math.ceil(self.num_steps / PARTS)
        for done in range(0, self.num_steps, part):
            steps = min(part, self.num_steps - done)
            # As an array, so that parts of all lengths share a program.
            state = _advance(self, problem, neighbourhood, state, jnp.asarray(steps))
            if progress is not None:
                progress(done + steps, self.num_steps)
        run = self.finish(state)
        if not np.all(np.isfinite(run.losses)):
            raise ValueError("the loss is not finite at some points of the neighbourhood; take a smaller one.")
        births, stuck = self.num_steps * self.num_delete, int(run.num_stuck)
        if stuck > STUCK * births:
            raise ValueError(
                f"{stuck} moves for {births} births found no point of lower loss. The loss has a flat bottom, or ends "
                f"in rounding errors, at about {run.losses[-1]:.1e} above the centre: let the run end at a higher "
                f"log_volume than {self.log_volume:g}."
            )
        return run


@eqx.filter_jit
def _advance(
    sampler: NestedSlices,
    problem: LossProblem,
    neighbourhood: AbstractNeighbourhood,
    state: NestedState,
    num_steps: Int[Array, ""],
) -> NestedState:
    return sampler.advance(problem, neighbourhood, state, num_steps)


def _particle(problem: LossProblem, neighbourhood: AbstractNeighbourhood) -> Callable:
    from blackjax.ns.base import init_state_strategy

    def log_likelihood(offset: Float[Array, " d"]) -> Float[Array, ""]:
        # Outside, too: in single precision the level of a slice is minus infinity once in some millions of moves.
        inside = neighbourhood.log_density(offset) > -jnp.inf
        return jnp.where(inside, -problem.excess(offset), -jnp.inf)

    return partial(init_state_strategy, logprior_fn=neighbourhood.log_density, loglikelihood_fn=log_likelihood)
