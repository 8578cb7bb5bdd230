"""The reference integrator on paths that are known exactly, against tiny steps, and against what is stored."""

import dataclasses

import equinox as eqx
import numpy as np
import pytest
from scipy.linalg import expm

from tests.battery import references
from tests.battery.filippov import Accuracy, Flow, NotSolved, solve
from tests.battery.make_references import check
from tests.battery.problems import (
    HINGE,
    L1,
    NEURONS,
    PATHS,
    TWO_LAYERS,
    UNIT_L1,
    UNIT_L2,
    Problem,
    build,
    draw,
    draw_structure,
)

EXACT = 1e-9  # far above what the integrator leaves, far below what it is trusted to
FROZEN = 1e15  # a time constant of what does not move

COLOURED = np.array([[1.5, 0.4], [0.4, 0.7]])


def problem(gates, weights, teachers, penalties=None, durations=1.0, **rest) -> Problem:
    """A gate per path, white inputs, frozen weights, one block, unless it says otherwise."""
    teachers = np.asarray(teachers, float)
    return dataclasses.replace(
        Problem(
            kind=PATHS,
            teachers=teachers,
            covariance=None,
            tau_gates=1.0,
            tau_weights=FROZEN,
            penalties=penalties or {},
            gates=np.asarray(gates, float),
            weights=np.asarray(weights, float),
            tasks=np.arange(len(teachers)),
            durations=np.full(len(teachers), durations),
        ),
        **rest,
    )


def times(given: Problem) -> np.ndarray:
    return given.records[0]


METHODS = [Accuracy(), Accuracy("LSODA", 1e-11, 1e-13), Accuracy("Radau", 1e-10, 1e-12)]


# One gate from 1/2 that a teacher pulls down: c' = -2 - 4 c until it meets zero at log(2)/4.
def pulled_down(hinge: float) -> Problem:
    return problem([0.5], [[[2.0]]], [[[-1.0]]], {HINGE: hinge})


ARRIVAL = np.log(2) / 4


@pytest.mark.parametrize("accuracy", METHODS, ids=lambda accuracy: accuracy.method)
def test_a_gate_arrives_at_a_strong_hinge_and_is_held_exactly_at_zero(accuracy):
    given = pulled_down(3.0)
    path = solve(given, accuracy)
    expected = np.where(times(given) < ARRIVAL, np.exp(-4 * times(given)) - 0.5, 0.0)
    assert np.all(path.gates[0, :, 0][times(given) > ARRIVAL] == 0.0)
    np.testing.assert_allclose(path.gates[0, :, 0], expected, atol=EXACT)
    assert path.events == 1


@pytest.mark.parametrize("accuracy", METHODS, ids=lambda accuracy: accuracy.method)
def test_a_gate_crosses_a_weak_hinge(accuracy):
    given = pulled_down(1.0)
    path = solve(given, accuracy)
    since = np.maximum(times(given) - ARRIVAL, 0)
    expected = np.where(since > 0, -0.25 * (1 - np.exp(-4 * since)), np.exp(-4 * times(given)) - 0.5)
    np.testing.assert_allclose(path.gates[0, :, 0], expected, atol=EXACT)
    assert path.events == 1


def test_the_next_task_releases_a_held_gate():
    given = problem([0.5], [[[2.0]]], [[[-1.0]], [[1.0]]], {HINGE: 3.0})
    path = solve(given)
    assert path.gates[0, -1, 0] == 0.0
    np.testing.assert_allclose(path.gates[1, :, 0], 0.5 * (1 - np.exp(-4 * (given.records[1] - 1))), atol=EXACT)


@pytest.mark.parametrize("accuracy", METHODS, ids=lambda accuracy: accuracy.method)
def test_a_held_gate_is_released_when_the_drive_turns(accuracy):
    # Gate 2 falls from 3 to 1 as exp(-t); gate 1, held at zero, is driven with 0.3 - 2 exp(-t).
    first, second, teacher = np.array([1.0, 0.3]), np.array([1.0, 0.0]), np.array([1.0, 1.0])
    given = problem([0.0, 3.0], [[first], [second]], [[teacher]], {HINGE: 5.0}, durations=4.0)
    path = solve(given, accuracy)
    release = np.log(2 / 0.3)
    # Afterwards both gates relax to where the network is right, in closed form.
    matrix = np.array([[first @ first, first @ second], [first @ second, second @ second]])
    rest = np.linalg.solve(matrix, [first @ teacher, second @ teacher])
    start = np.array([0.0, 1 + 2 * np.exp(-release)])
    expected = np.array(
        [
            [0.0, 1 + 2 * np.exp(-t)] if t < release else rest + expm(-matrix * (t - release)) @ (start - rest)
            for t in times(given)
        ]
    )
    assert 0 < np.count_nonzero(times(given) < release) < len(times(given))
    np.testing.assert_allclose(path.gates[0], expected, atol=EXACT)
    assert path.events == 1


def test_mirrored_gates_meet_zero_together():
    weights = [[[1.0, 0.5]], [[0.5, 1.0]]]
    held = solve(problem([0.4, 0.4], weights, [[[-1.0, -1.0]]], {HINGE: 4.0}))
    crossed = solve(problem([0.4, 0.4], weights, [[[-1.0, -1.0]]], {HINGE: 0.5, UNIT_L1: 0.1}))
    for path in (held, crossed):
        np.testing.assert_array_equal(path.gates[..., 0], path.gates[..., 1])
        assert path.events == 1
    assert np.all(held.gates[0, -1] == 0)
    assert np.all(crossed.gates[0, -1] < 0)


@pytest.mark.parametrize(("drive", "sign"), [(0.2, 1), (-0.2, -1), (0.0, 0)])
def test_where_both_sides_lead_away_a_gate_goes_where_their_mean_points(drive, sign):
    # c' = drive - c + 1/2 (1 - |c|) sign(c): from zero both sides lead away.
    given = problem([0.0], [[[1.0]]], [[[drive]]], {UNIT_L1: 0.5})
    expected = (drive + 0.5 * sign) / 1.5 * (1 - np.exp(-1.5 * times(given)))
    np.testing.assert_allclose(solve(given).gates[0, :, 0], expected, atol=EXACT)


def test_the_hinge_decides_the_mean_where_the_drive_is_against_it():
    # Above zero -0.2 + 0.5, below -0.2 - 0.5 + 0.6: the mean is 0.1, although the drive is negative.
    given = problem([0.0], [[[1.0]]], [[[-0.2]]], {UNIT_L1: 0.5, HINGE: 0.6})
    expected = 0.2 * (1 - np.exp(-1.5 * times(given)))
    np.testing.assert_allclose(solve(given).gates[0, :, 0], expected, atol=EXACT)


def test_a_path_without_weights_stays_at_zero_where_its_kink_repels():
    given = problem([0.0, 0.4], [[[0.0]], [[1.0]]], [[[0.5]]], {UNIT_L1: 0.5}, tau_weights=1.0)
    assert np.all(solve(given).gates[0, :, 0] == 0)


def test_gates_leave_the_origin_of_a_unit_sphere_along_the_drive():
    # Equal curvatures keep the direction: r' = |d| - r + k (1 - r).
    teacher = np.array([[0.6, 0.8]])
    given = problem([0.0, 0.0], np.eye(2)[:, None], [teacher], {UNIT_L2: 0.5})
    expected = (1 - np.exp(-1.5 * times(given)))[:, None] * teacher
    np.testing.assert_allclose(solve(given).gates[0], expected, atol=EXACT)


@pytest.mark.parametrize("hinge", [0.0, 3.0])
def test_a_start_that_may_leave_in_any_direction_is_no_reference(hinge):
    given = problem([0.0, 0.0], np.eye(2)[:, None], [[[-0.6, -0.8]]], {UNIT_L2: 2.0, HINGE: hinge})
    with pytest.raises(NotSolved, match="origin"):
        solve(given)


def test_of_a_single_gate_both_unit_norms_are_the_same():
    start = problem([0.5], [[[2.0]]], [[[-1.0]]], tau_weights=1.0)
    one, two = (solve(dataclasses.replace(start, penalties={name: 0.7})) for name in (UNIT_L1, UNIT_L2))
    np.testing.assert_array_equal(one.gates, two.gates)
    assert one.events == 1


@pytest.mark.parametrize("kind", [PATHS, NEURONS, TWO_LAYERS])
def test_weights_relax_exponentially_under_frozen_gates(kind):
    rng = np.random.default_rng(1)
    gates = rng.normal(size=3 if kind == PATHS else (3, 2))
    weights = rng.normal(size=(3, 2) if kind == TWO_LAYERS else (3, 2, 2))
    teacher = rng.normal(size=(2, 2))
    given = problem(
        gates, weights, [teacher], {HINGE: 0.3}, kind=kind, covariance=COLOURED, tau_gates=FROZEN, tau_weights=0.7
    )
    rows = gates[:, None] * np.ones(2) if kind == PATHS else gates
    start = rows.T @ weights if kind == TWO_LAYERS else np.einsum("po,poi->oi", rows, weights)
    # The map relaxes at the rate of every pair of an output mode and an input mode.
    outputs = rows.T @ rows if kind == TWO_LAYERS else np.diag(np.sum(rows**2, axis=0))
    decay = expm(-np.kron(outputs, COLOURED) / 0.7)
    expected = teacher + (decay @ (start - teacher).ravel()).reshape(2, 2)
    np.testing.assert_allclose(solve(given).total_map, expected, atol=EXACT)


@pytest.mark.parametrize("hinge", [None, 30.0])
def test_a_path_keeps_the_difference_of_squared_gate_and_weights(hinge):
    rng = np.random.default_rng(2)
    teachers, weights = rng.normal(size=(2, 2, 3)), rng.normal(size=(3, 2, 3))
    given = problem(
        [0.2, 0.5, 0.8], weights, teachers, {} if hinge is None else {HINGE: hinge}, tau_gates=0.2, tau_weights=0.9
    )
    path = solve(given)
    assert (path.events > 0) == (hinge is not None)
    law = lambda c, w: 0.2 * c**2 - 0.9 * np.sum(w**2, axis=(1, 2))  # noqa: E731
    np.testing.assert_allclose(law(path.gates[-1, -1], path.weights), law(given.gates, given.weights), atol=EXACT)


def test_two_layers_keep_the_difference_of_their_gram_matrices():
    rng = np.random.default_rng(3)
    teachers = rng.normal(size=(2, 2, 3))
    given = problem(
        rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), teachers, kind=TWO_LAYERS, tau_gates=0.2, tau_weights=0.9
    )
    path = solve(given)
    law = lambda c, w: 0.2 * c @ c.T - 0.9 * w @ w.T  # noqa: E731
    after = law(path.gates[-1, -1].reshape(4, 2), path.weights)
    np.testing.assert_allclose(after, law(given.gates, given.weights), atol=EXACT)


def creep(given: Problem, steps: int) -> np.ndarray:
    """Gates at the ends of blocks by tiny implicit steps through each kink: first order, and nothing to detect."""
    gates, weights = given.gates.copy(), given.weights.copy()
    covariance = np.eye(given.teachers.shape[2]) if given.covariance is None else given.covariance
    path_of_row = {PATHS: "p,poi->oi", NEURONS: "po,poi->oi", TWO_LAYERS: "po,pi->oi"}[given.kind]
    operands, result = path_of_row.split("->")
    of_gates, of_weights = operands.split(",")
    k = {name: given.penalties.get(name, 0.0) for name in (HINGE, UNIT_L1, L1, UNIT_L2)}
    ends = []
    for task, duration in zip(given.tasks, given.durations, strict=True):
        h = duration / steps
        for _ in range(steps):
            pull = (given.teachers[task] - np.einsum(path_of_row, gates, weights)) @ covariance
            force = np.einsum(f"{result},{of_weights}->{of_gates}", pull, weights)
            size = np.sqrt(np.sum(gates**2))
            if size > 0:
                force = force - k[UNIT_L2] * (size - 1) * gates / size
            weights = weights + h / given.tau_weights * np.einsum(f"{result},{of_gates}->{of_weights}", pull, gates)
            step = h / given.tau_gates
            moved = gates + step * force
            slope = k[L1] + k[UNIT_L1] * (np.sum(np.abs(gates)) - 1)
            up, down = moved - step * slope, moved + step * (slope + k[HINGE])
            if 2 * slope + k[HINGE] >= 0:
                gates = np.maximum(up, 0) + np.minimum(down, 0)
            else:
                side = np.where(gates == 0, moved + 0.5 * step * k[HINGE], gates)
                gates = np.where(side > 0, up, np.where(side < 0, down, 0))
        ends.append(gates.ravel())
    return np.array(ends)


# All kinds of networks and of kinks, two to fifteen events each, and nothing too stiff for tiny steps.
QUICK, LONG = (27, 39, 67, 78, 80, 132), (55, 114, 148, 156, 192, 198, 209, 222)


@pytest.mark.representatives(2)
@pytest.mark.parametrize("seed", [*QUICK, *(pytest.param(seed, marks=pytest.mark.slow) for seed in LONG)])
def test_random_problems_against_tiny_steps(seed):
    path = solve(draw(seed))
    assert path.events > 0
    coarse, fine = (np.abs(creep(draw(seed), steps) - path.gates[:, -1]).max() for steps in (1000, 2000))
    assert fine < 2e-3
    assert fine < 0.6 * coarse


def test_problems_are_the_ones_that_were_solved():
    stored = references.load()
    assert len(stored) == 500
    np.testing.assert_allclose(
        [reference.problem.digest() for reference in stored], [reference.digest for reference in stored], rtol=1e-9
    )
    assert max(reference.estimate for reference in stored) <= references.CONVERGED
    missing = set(range(stored[-1].seed + 1)) - {reference.seed for reference in stored}
    assert missing == set(references.left_out())


def test_problems_are_as_broad_as_they_claim():
    problems = [reference.problem for reference in references.load()]
    many = [each for each in problems if each.gates.size > 32]
    assert 0.1 < len(many) / len(problems) < 0.2
    assert any(each.kinked for each in many)
    assert any(not each.kinked for each in many)
    assert {each.kind for each in problems} == {PATHS, NEURONS, TWO_LAYERS}
    ratios = np.array([each.tau_gates / each.tau_weights for each in problems])
    assert ratios.min() < 2e-3
    assert ratios.max() > 300
    assert len({draw_structure(reference.seed) for reference in references.load()}) > 100


def test_a_few_stored_references_are_found_again():
    assert check(3) == 0


@pytest.mark.slow
def test_stored_references_are_found_again():
    assert check(25) == 0


@pytest.mark.parametrize("seed", [0, 27, 60])  # one of each kind, with kinks
def test_the_same_problem_is_built_for_the_simulator(seed):
    given = draw(seed)
    system, network, curriculum = build(given)
    state, task = system.initial_state(network), curriculum.task(len(given.tasks) - 1, 0.0)
    rates = eqx.filter_jit(type(system).vector_field)(system, 0.0, state, task)
    flat = np.concatenate([given.gates.ravel(), given.weights.ravel()])
    expected = Flow(given, given.tasks[-1]).rates(flat, np.sign(given.gates.ravel()))
    found = np.concatenate([np.ravel(rates.gates), np.ravel(rates.weights)])
    assert np.all(given.gates != 0)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_array_equal(curriculum.edges, given.edges)
