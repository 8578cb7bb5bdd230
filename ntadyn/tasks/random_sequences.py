"""Random sequences of trials: tasks that switch at random times, as functions of a key and of real numbers.

A run is cut into trials, as a rule equally long ones, and what is drawn is the task of every trial; a task may follow
itself. Durations are then the same for every draw, and a sequence is data: draws can be traced, with all their real
numbers, so that one compiled program serves every key, hazard, mean and coefficient of variation.

A *stretch* is a maximal run of trials of one task, what is otherwise called a block. Trial k depends on the key and on
the trials before it alone: the first trials stay the same when more are asked for.

Axes: `k` trial, `m` task. Numbers of trials are counted in trials, durations in the units of the caller.
"""

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, Real

from ntadyn.tasks.curricula import BlockDurations, sequence
from ntadyn.tasks.curriculum import Blocked
from ntadyn.tasks.known import known_values

Shares: TypeAlias = Real[ArrayLike, " m"] | Sequence[float]

# How far rows of probabilities may miss a sum of one.
SLACK = 1e-6
_HALVINGS = 80


def markov(
    key: PRNGKeyArray,
    transitions: Real[ArrayLike, "m m"] | Sequence[Sequence[float]],
    num_trials: int,
    duration: BlockDurations = 1.0,
) -> Blocked:
    """P(task_{k+1} = n | task_k = m) = transitions[m, n], from the stationary distribution on.

    Args:
        key: draws the sequence.
        transitions: `(m, m)`, rows of probabilities.
        num_trials: number of trials.
        duration: of a trial, or `(k,)`.

    Raises:
        ValueError: if there is no trial, the matrix is not square or its rows are no probabilities, or if its
            frequencies depend on where it starts.
    """
    matrix = _as_matrix(transitions)
    return _trials(_chain(key, matrix, stationary(matrix), num_trials), duration, matrix.shape[0])


def hazard(
    key: PRNGKeyArray,
    rate: Real[ArrayLike, ""],
    num_trials: int,
    duration: BlockDurations = 1.0,
    num_tasks: int = 2,
    frequencies: Shares | None = None,
) -> Blocked:
    """P(task_{k+1} != task_k) = rate, whatever the task: stretches of n trials with probability H (1 - H)^(n-1).

    Their mean is 1/H trials, their coefficient of variation sqrt(1 - H).

    Args:
        key: draws the sequence.
        rate: H, above 0 and up to 1.
        num_trials: number of trials.
        duration: of a trial, or `(k,)`.
        num_tasks: number of tasks, at least 2.
        frequencies: see `hazard_transitions`; equal ones if omitted.

    Raises:
        ValueError: as `hazard_transitions` does, and if there is no trial.
    """
    return markov(key, hazard_transitions(rate, num_tasks, frequencies), num_trials, duration)


def redraw(
    key: PRNGKeyArray,
    rate: Real[ArrayLike, ""],
    frequencies: Shares,
    num_trials: int,
    duration: BlockDurations = 1.0,
) -> Blocked:
    """With probability rho before a trial, its task is drawn from q, and may be the one before: frequencies are q.

    Task m is left with the hazard rho (1 - q_m), which differs from task to task; a trial switches with probability
    rho (1 - sum_m q_m^2). For two tasks that is every chain whose trials are not anticorrelated.

    Args:
        key: draws the sequence.
        rate: rho, above 0 and up to 1.
        frequencies: q `(m,)`, positive, with the sum 1.
        num_trials: number of trials.
        duration: of a trial, or `(k,)`.

    Raises:
        ValueError: as `redraw_transitions` does, and if there is no trial.
    """
    matrix = redraw_transitions(rate, frequencies)
    return _trials(_chain(key, matrix, _as_frequencies(frequencies), num_trials), duration, matrix.shape[0])


def gamma_blocks(
    key: PRNGKeyArray,
    mean: Real[ArrayLike, ""],
    cv: Real[ArrayLike, ""],
    num_trials: int,
    duration: BlockDurations = 1.0,
    frequencies: Shares = (0.5, 0.5),
) -> Blocked:
    """Tasks in turn, in stretches of a trial and a gamma-distributed rest, of given mean and coefficient of variation.

    A stretch of task m lasts 1 + G trials, where G is gamma distributed with mean `L_m - 1` and standard deviation
    `cv L_m`, L_m = M q_m `mean`; edges are rounded to whole trials, none of which is lost. The mean is exact, and the
    variance within a sixth of a square trial. `cv` 0 makes blocks as regular as whole trials allow.

    Args:
        key: draws the lengths. Task 0 comes first.
        mean: mean length of a stretch, in trials, at least 1; above that unless `cv` is 0.
        cv: standard deviation over mean, not negative.
        num_trials: number of trials.
        duration: of a trial, or `(k,)`.
        frequencies: q `(m,)`, positive, with the sum 1: the shares of the tasks in all trials.

    Raises:
        ValueError: if there is no trial, or for a mean, a coefficient or frequencies out of range.
    """
    # A stretch lasts a trial at least, so that there are no more stretches than trials.
    lengths = gamma_lengths(key, mean, cv, num_trials, frequencies)
    return in_turn(lengths, num_trials, duration, jnp.shape(jnp.asarray(frequencies))[0])


def gamma_lengths(
    key: PRNGKeyArray,
    mean: Real[ArrayLike, ""],
    cv: Real[ArrayLike, ""],
    number: int,
    frequencies: Shares = (0.5, 0.5),
) -> Float[Array, " number"]:
    """Lengths of stretches in trials, 1 + G, not yet rounded; see `gamma_blocks`.

    Args:
        key: draws them.
        mean: see `gamma_blocks`, as `cv` and `frequencies`.
        cv: see there.
        number: of stretches, whose tasks take turns.
        frequencies: see there.

    Raises:
        ValueError: as `gamma_blocks` does.
    """
    shares = _as_frequencies(frequencies)
    mean, cv = (jnp.asarray(x, shares.dtype) for x in (mean, cv))
    _check_lengths(mean, cv, shares)
    _check_count("gamma_blocks", number)
    tasks = jnp.arange(number) % shares.shape[0]
    means = (shares.shape[0] * shares * mean)[tasks]
    rest, deviation = means - 1, cv * means
    # Where the rest does not vary, the law of any shape is multiplied by nothing.
    varies = (deviation > 0) & (rest > 0)
    shape = jnp.where(varies, rest / jnp.where(varies, deviation, 1), 1) ** 2
    drawn = jax.vmap(jax.random.gamma)(_keys(key, number), shape) / shape
    return 1 + jnp.where(varies, drawn, 1) * rest


def in_turn(lengths: Real[Array, " b"], num_trials: int, duration: BlockDurations = 1.0, num_tasks: int = 2) -> Blocked:
    """Tasks in turn, in stretches of given lengths, whose edges are rounded to whole trials.

    Args:
        lengths: of the stretches, in trials; together at least `num_trials`. Those that round to none are passed over,
            with their turn.
        num_trials: number of trials.
        duration: of a trial, or `(k,)`.
        num_tasks: number of tasks.
    """
    edges = jnp.floor(jnp.cumsum(lengths) + 0.5)
    stretch = jnp.searchsorted(edges, jnp.arange(num_trials, dtype=edges.dtype), side="right")
    return _trials(stretch % num_tasks, duration, num_tasks)


def hazard_transitions(
    rate: Real[ArrayLike, ""], num_tasks: int = 2, frequencies: Shares | None = None
) -> Float[Array, "m m"]:
    """1 - H on the diagonal, H q_n/(1 - q_m) beside it: a chain with one hazard, whichever task is in force.

    Its frequencies are q_m (1 - q_m) over their sum, not q; here q follows from the frequencies. The others must take
    what a task loses, so that none can have more than half of all trials, and with two tasks each has half.

    Args:
        rate: H, above 0 and up to 1.
        num_tasks: number of tasks, at least 2.
        frequencies: `(m,)`, positive, with the sum 1; equal ones if omitted. Their values must be known.

    Raises:
        ValueError: for a rate out of range, fewer than 2 tasks, or frequencies that one hazard cannot give.
    """
    if num_tasks < 2:
        raise ValueError(f"hazard: got num_tasks = {num_tasks}; a switch needs at least 2 tasks. Add one.")
    rate = _as_rate("hazard", rate)
    q = np.full(num_tasks, 1 / num_tasks) if frequencies is None else _redirected(frequencies, num_tasks)
    to = jnp.asarray(np.where(np.eye(num_tasks, dtype=bool), 0, q[None, :] / (1 - q[:, None])), rate.dtype)
    return (1 - rate) * jnp.eye(num_tasks, dtype=rate.dtype) + rate * to


def redraw_transitions(rate: Real[ArrayLike, ""], frequencies: Shares) -> Float[Array, "m m"]:
    """(1 - rho) 1 + rho 1 q^T: with probability rho a task is drawn from q.

    Args:
        rate: rho, above 0 and up to 1.
        frequencies: q `(m,)`, positive, with the sum 1.

    Raises:
        ValueError: for a rate or frequencies out of range.
    """
    q, rate = _as_frequencies(frequencies), _as_rate("redraw", rate)
    return (1 - rate) * jnp.eye(q.shape[0], dtype=q.dtype) + rate.astype(q.dtype) * q[None, :]


def stationary(transitions: Float[Array, "m m"]) -> Float[Array, " m"]:
    """The frequencies of a chain: pi with pi P = pi and sum pi = 1, by least squares.

    Args:
        transitions: `(m, m)`, rows of probabilities.

    Raises:
        ValueError: if the values are known and more than one distribution is stationary.
    """
    number = transitions.shape[0]
    system = jnp.concatenate([transitions.T - jnp.eye(number), jnp.ones((1, number))])
    values = known_values(transitions)
    if values is not None and np.linalg.matrix_rank(values.T - np.eye(number), tol=SLACK) < number - 1:
        raise ValueError(
            f"markov: the frequencies of {values.tolist()} depend on the task that comes first, because some tasks "
            "never lead to others. Connect them, or leave out those that are never met."
        )
    right = jnp.zeros(number + 1).at[-1].set(1.0)
    return jnp.maximum(jnp.linalg.solve(system.T @ system, system.T @ right), 0)


def _chain(
    key: PRNGKeyArray, transitions: Float[Array, "m m"], first: Float[Array, " m"], num_trials: int
) -> Int[Array, " k"]:
    """The tasks of a chain: every trial is drawn by a uniform number of its own."""
    _check_count("markov", num_trials)
    last = transitions.shape[0] - 1
    # The last entry of a cumulative sum may miss one by rounding; what is left of it belongs to the last task.
    bounds, at_start = jnp.cumsum(transitions, axis=1)[:, :last], jnp.cumsum(first)[:last]
    lots = jax.vmap(jax.random.uniform)(_keys(key, num_trials)).astype(bounds.dtype)

    def drawn(lot: Float[Array, ""], bound: Float[Array, " last"]) -> Int[Array, ""]:
        return jnp.sum(lot >= bound)

    def step(task: Int[Array, ""], lot: Float[Array, ""]) -> tuple[Int[Array, ""], Int[Array, ""]]:
        following = drawn(lot, bounds[task])
        return following, following

    start = drawn(lots[0], at_start)
    return jnp.concatenate([start[None], lax.scan(step, start, lots[1:])[1]])


def _keys(key: PRNGKeyArray, number: int) -> Array:
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(jnp.arange(number))


def _trials(tasks: Int[Array, " k"], duration: BlockDurations, num_tasks: int) -> Blocked:
    return sequence(tasks, duration, num_tasks)


def _redirected(frequencies: Shares, num_tasks: int) -> np.ndarray:
    """Shares q with q_m (1 - q_m) in proportion to the frequencies.

    q_m = (1 -+ sqrt(1 - 4 z pi_m))/2, where z makes the sum one: all with the minus sign, or the most frequent task
    with the plus. The sum passes one once along the interval of z, upwards or downwards; z is found by halving.
    """
    pi = known_values(_as_frequencies(frequencies))
    if pi is None:
        raise ValueError("hazard: got traced frequencies; their values decide whether one hazard can give them.")
    if pi.size != num_tasks:
        raise ValueError(f"hazard: got {pi.size} frequencies for {num_tasks} tasks; give one for every task.")
    if pi.size == 2 and np.allclose(pi, 0.5, rtol=0, atol=SLACK):
        return np.full(2, 0.5)
    if pi.max() >= 0.5 - SLACK:
        raise ValueError(
            f"hazard: got frequencies {pi.tolist()}; with one hazard the other tasks must take what a task loses, so "
            "that each has less than half of all trials, and of two tasks each has half. Use `redraw`, whose "
            "frequencies are free and whose hazards differ, or a Markov chain."
        )
    top, most = int(np.argmax(pi)), 1 / (4 * pi.max())

    def q(z: float, sign: float) -> np.ndarray:
        root = np.sqrt(np.maximum(1 - 4 * z * pi, 0))
        return 0.5 * (1 - np.where(np.arange(pi.size) == top, sign, 1) * root)

    # With the minus sign the sum rises with z from zero; with the plus it falls from above one.
    sign = 1.0 if q(most, 1.0).sum() >= 1 else -1.0
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = q(middle, sign).sum() >= 1
        low, high = (low, middle) if above == (sign > 0) else (middle, high)
    return q(0.5 * (low + high), sign)


def _as_matrix(transitions: Real[ArrayLike, "m m"] | Sequence[Sequence[float]]) -> Float[Array, "m m"]:
    matrix = jnp.asarray(transitions, jnp.result_type(float))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 1:
        raise ValueError(f"markov: got transitions of shape {matrix.shape}; give one row and one column per task.")
    values = known_values(matrix)
    if values is not None:
        sums = values.sum(axis=1)
        if not np.all((values >= -SLACK) & (np.abs(sums - 1) <= SLACK)[:, None]):  # also where a value is NaN
            raise ValueError(
                f"markov: got transitions {values.tolist()}, with the sums {sums.tolist()}; every row holds "
                "probabilities of the next task: not negative, with the sum 1. Correct them, or divide by the sums."
            )
    return matrix


def _as_frequencies(frequencies: Shares) -> Float[Array, " m"]:
    q = jnp.asarray(frequencies, jnp.result_type(float))
    values = known_values(q)
    if q.ndim != 1 or q.shape[0] < 2:
        raise ValueError(f"frequencies have the shape {q.shape}; give one number for each of two tasks or more.")
    if values is not None and not (np.all(values > 0) and abs(values.sum() - 1) <= SLACK):
        raise ValueError(
            f"frequencies are {values.tolist()}; each must be positive and their sum 1. Divide them by their sum, and "
            "leave out tasks that never come."
        )
    return q


def _as_rate(maker: str, rate: Real[ArrayLike, ""]) -> Float[Array, ""]:
    found = jnp.asarray(rate, jnp.result_type(float))
    value = known_values(found)
    if found.shape != () or (value is not None and not 0 < value <= 1):
        raise ValueError(
            f"{maker}: got the rate {rate}; it is a probability per trial, above 0 and up to 1. For a rate per unit of "
            "time, multiply by the duration of a trial."
        )
    return found


def _check_lengths(mean: Array, cv: Array, shares: Array) -> None:
    values = [known_values(x) for x in (mean, cv, shares)]
    if any(value is None for value in values):
        return
    length, spread, q = (np.asarray(value) for value in values)
    shortest = float(length) * q.size * q.min()
    # Regular blocks of one trial are possible, a rest of no length that varies is not.
    enough = shortest >= 1 - SLACK if spread == 0 else shortest > 1 + SLACK
    if not (np.isfinite(length) and np.isfinite(spread) and spread >= 0 and enough):
        raise ValueError(
            f"gamma_blocks: got mean = {length} and cv = {spread} for frequencies {q.tolist()}: the rarest task has "
            f"stretches of {shortest:.6g} trials on average. Allowed are means above 1 trial (1 if cv is 0) and "
            "coefficients from 0 on. Make trials shorter, or blocks longer."
        )


def _check_count(maker: str, num_trials: int) -> None:
    if num_trials < 1:
        raise ValueError(f"{maker}: got num_trials = {num_trials}; at least one trial is needed.")
