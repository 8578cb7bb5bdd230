import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ntadyn.dynamics import DeepOrderParameters, GradientFlow, OnlineSGD, OrderParameters
from ntadyn.networks import DeepLinear, GatedLinear, NeuronGatedLinear
from ntadyn.regularizers import L1, L2, ColumnL1, ColumnL2, Frobenius, Nonnegativity, UnitL1Norm, UnitL2Norm
from ntadyn.regularizers.terms import TERMS
from ntadyn.simulation import Updates, default_step
from ntadyn.solvers import SlidingHeun, Splitting
from ntadyn.specs import building
from ntadyn.specs.configuration import (
    NO_PENALTIES,
    Composites,
    Configuration,
    Curriculum,
    Dynamics,
    Gating,
    Penalties,
    Randomness,
    RelativePenalties,
    TeacherKind,
    Teachers,
    TeacherScale,
)
from ntadyn.specs.paths import replaced

SMALL = replaced(Configuration(), {"teachers.d_in": 6, "teachers.d_out": 2})
KEY = building.Keys(*map(jax.random.key, range(3)))
ROW_NORMS = {TeacherScale.D_IN: 6**-0.5, TeacherScale.UNIT: 1.0, TeacherScale.NUM_SV: 1.0}


def data(keys):
    return np.asarray(jax.random.key_data(keys))


@pytest.mark.parametrize("scale", TeacherScale)
@pytest.mark.parametrize("kind", TeacherKind)
def test_every_kind_of_teacher_builds(kind, scale):
    overlap = 0.4 if "OVERLAPPING" in kind.name else 0.0
    spec = replaced(SMALL, {"teachers.kind": kind, "teachers.scale": scale, "teachers.overlap": overlap}).teachers
    tasks = building.build_tasks(spec, KEY.teachers)
    assert tasks.teachers.shape == (2, 2, 6)
    assert tasks.names == ("A", "B")
    fixed = "ORTHOGONAL", "MATCHED_ROWS_ORTHOGONAL", "ROW_OVERLAPPING", "AXIS_ALIGNED"
    if kind.name in fixed:
        norms = jnp.linalg.norm(tasks.teachers, axis=-1)
        np.testing.assert_allclose(norms, ROW_NORMS[scale], rtol=1e-12)
    if kind is TeacherKind.ROW_OVERLAPPING:
        np.testing.assert_allclose(tasks.gram[0, 1] / tasks.gram[0, 0], 0.4, rtol=1e-12)
    again = building.build_tasks(spec, KEY.teachers)
    np.testing.assert_array_equal(tasks.teachers, again.teachers)


@pytest.mark.parametrize(
    ("composites", "expected"), [(Composites.NONE, 3), (Composites.SUM, 6), (Composites.INTERLEAVED, 6)]
)
def test_composites_follow_the_base_tasks(composites, expected):
    changes = {"teachers.num_tasks": 3, "teachers.composites": composites, "teachers.mixing": 0.25}
    tasks = building.build_tasks(replaced(SMALL, changes).teachers, KEY.teachers)
    assert (tasks.num_tasks, tasks.num_base) == (expected, 3)
    if composites is Composites.SUM:
        np.testing.assert_allclose(tasks.teachers[3], 0.25 * tasks.teachers[0] + 0.75 * tasks.teachers[1], rtol=1e-12)


@pytest.mark.parametrize("gating", Gating)
@pytest.mark.parametrize("dynamics", Dynamics)
def test_every_kind_of_dynamics_builds_the_same_system_seen_differently(dynamics, gating):
    configuration = replaced(SMALL, {"dynamics": dynamics, "network.gating": gating, "batch_size": 7})
    system, state = building.build(configuration, KEY)
    layer = gating is Gating.LAYER
    expected = {
        Dynamics.ORDER_PARAMETERS: DeepOrderParameters if layer else OrderParameters,
        Dynamics.GRADIENT_FLOW: GradientFlow,
        Dynamics.ONLINE: OnlineSGD,
    }
    assert type(system) is expected[dynamics]
    # Two paths of two outputs, or four hidden units.
    assert system.gates(state).shape == {Gating.PATH: (2,), Gating.NEURON: (2, 2), Gating.LAYER: (4, 2)}[gating]
    np.testing.assert_array_equal(system.gates(state), 0.5)
    task = jnp.asarray([1.0, 0.0])
    flow, network = building.build(replaced(configuration, {"dynamics": Dynamics.GRADIENT_FLOW}), KEY)
    kinds = {Gating.PATH: GatedLinear, Gating.NEURON: NeuronGatedLinear, Gating.LAYER: DeepLinear}
    assert type(network) is kinds[gating]
    np.testing.assert_allclose(system.energy(state, task), flow.energy(network, task), rtol=1e-12)
    if dynamics is Dynamics.ONLINE:
        assert system.batch_size == 7
        np.testing.assert_array_equal(data(system.data_key), data(KEY.data))


def test_penalties_can_be_left_out_or_put_on_weights():
    none = {f"penalties.{name}": None for name in ("nonnegative", "unit_l1")}
    system, _ = building.build(replaced(SMALL, none), KEY)
    assert system.penalties == {}
    on_weights = {"penalties.column_l2": 1.0, "dynamics": Dynamics.GRADIENT_FLOW}
    system, _ = building.build(replaced(SMALL, none | on_weights), KEY)
    assert set(system.penalties) == {"weights"}


def test_all_real_numbers_may_be_traced():
    def energy(gate, strength, tau, overlap):
        changes = {
            "network.initial_gate": gate,
            "penalties.strength": strength,
            "time_constants.gates": tau,
            "teachers.overlap": overlap,
            "teachers.kind": TeacherKind.ROW_OVERLAPPING,
        }
        system, state = building.build(replaced(SMALL, changes), KEY)
        return system.energy(state, jnp.asarray([1.0, 0.0])) / system.time_constants["gates"]

    values = (0.7, 0.3, 0.1, 0.2)
    np.testing.assert_allclose(jax.jit(energy)(*values), energy(*values), rtol=1e-12)


def test_repetitions_share_teachers_unless_told_otherwise():
    shared = building.keys(Randomness(num_seeds=3))
    varied = building.keys(Randomness(num_seeds=3, vary_teachers=True))
    assert len(np.unique(data(shared.teachers), axis=0)) == 1
    assert len(np.unique(data(varied.teachers), axis=0)) == 3
    for keys in (shared, varied):
        assert len(np.unique(np.concatenate([data(keys.initial), data(keys.data)]), axis=0)) == 6
    np.testing.assert_array_equal(data(shared.initial), data(varied.initial))
    np.testing.assert_array_equal(data(shared.teachers)[0], data(varied.teachers)[0])


@pytest.mark.parametrize("vary", [False, True])
def test_the_first_repetitions_do_not_depend_on_how_many_there_are(vary):
    few, many = (building.keys(Randomness(seed=3, num_seeds=n, vary_teachers=vary)) for n in (2, 7))
    for name in ("teachers", "initial", "data"):
        np.testing.assert_array_equal(data(getattr(few, name)), data(getattr(many, name))[:2])


def test_another_seed_changes_every_source_of_randomness():
    one, other = (building.first(building.keys(Randomness(seed=seed))) for seed in (0, 1))
    for name in ("teachers", "initial", "data"):
        assert np.any(data(getattr(one, name)) != data(getattr(other, name)))


@pytest.mark.parametrize(("total", "duration", "blocks", "last"), [(3.0, 1.0, 3, 1.0), (2.5, 1.0, 3, 0.5),
    (0.7, 0.1, 7, 0.1), (0.5, 1.0, 1, 0.5), (20.0, 0.999, 21, 0.02)])  # fmt: skip
def test_blocks_fill_the_total_time_and_the_last_one_is_cut(total, duration, blocks, last):
    tasks = building.build_tasks(SMALL.teachers, KEY.teachers)
    changes = {"curriculum.total_time": total, "curriculum.block_duration": duration}
    curriculum = building.build_curriculum(replaced(SMALL, changes).curriculum, tasks)
    assert curriculum.num_blocks == blocks
    np.testing.assert_allclose(curriculum.durations[-1], last, rtol=1e-9)
    np.testing.assert_allclose(curriculum.total_time, total, rtol=1e-12)
    np.testing.assert_array_equal(curriculum.tasks, np.arange(blocks) % 2)


def test_the_method_fits_the_dynamics():
    system, state = building.build(SMALL, KEY)
    method = building.build_method(SMALL, system, state)
    assert isinstance(method.solver, Splitting)
    assert method.max_step == pytest.approx(default_step(system), rel=1e-12)
    online = replaced(SMALL, {"dynamics": Dynamics.ONLINE})
    method = building.build_method(online, *building.build(online, KEY))
    assert isinstance(method, Updates)
    assert method.max_step == 1e-3
    assert building.build_method(replaced(SMALL, {"max_step": 0.125}), system, state).max_step == 0.125
    assert building.build_method(replaced(online, {"max_step": 0.125}), *building.build(online, KEY)).max_step == 0.125


@pytest.mark.representatives(2)
@pytest.mark.parametrize(
    ("gating", "paths", "solver"),
    [
        (Gating.NEURON, 16, Splitting),
        (Gating.NEURON, 17, SlidingHeun),
        (Gating.LAYER, 8, Splitting),
        (Gating.LAYER, 9, SlidingHeun),
        (Gating.PATH, 40, SlidingHeun),
    ],
)
def test_many_gates_get_the_solver_that_is_made_for_them(gating, paths, solver):
    configuration = replaced(SMALL, {"network.gating": gating, "network.num_paths": paths})
    system, state = building.build(configuration, KEY)
    method = building.build_method(configuration, system, state)
    assert isinstance(method.solver, solver)
    assert (system.gates(state).size > 32) == (solver is SlidingHeun)
    assert method.max_step == pytest.approx(default_step(system), rel=1e-12)


@pytest.mark.parametrize("gating", Gating)
def test_initial_gates_may_deviate_from_their_common_value(gating):
    changes = {"network.gating": gating, "network.num_paths": 60, "dynamics": Dynamics.GRADIENT_FLOW}
    _, alike = building.build(replaced(SMALL, changes), KEY)
    _, random = building.build(replaced(SMALL, changes | {"network.initial_gate_scale": 0.3}), KEY)
    np.testing.assert_array_equal(alike.weights, random.weights)
    np.testing.assert_array_equal(alike.gates, 0.5)
    deviation = np.asarray(random.gates) - 0.5
    spread = 0.3 / 6**0.5
    # Means and deviations of 60 numbers or more, four standard errors.
    assert abs(deviation.mean()) < 4 * spread / deviation.size**0.5
    assert deviation.std() == pytest.approx(spread, rel=4 / (2 * deviation.size) ** 0.5)
    assert abs(np.corrcoef(deviation.ravel()[:60], random.weights.ravel()[:60])[0, 1]) < 4 / 60**0.5


# What is changed -> what the message must name: the value that was given, and what is allowed or to be done.
BAD = [
    ({"teachers.d_in": 3}, ["2 \\* 2 = 4", "Raise d_in to 4"]),
    ({"teachers.num_tasks": 0}, ["num_tasks = 0", "at least 1"]),
    ({"teachers.d_out": 0}, ["d_out = 0", "at least 1"]),
    ({"teachers.kind": TeacherKind.SVD, "teachers.num_tasks": 3}, ["num_tasks = 3", "Use fewer tasks"]),
    ({"teachers.kind": TeacherKind.OVERLAPPING, "teachers.overlap": 1.5}, ["1.5", "allowed"]),
    ({"teachers.kind": TeacherKind.ROW_OVERLAPPING, "teachers.overlap": -0.5}, ["-0.5", "0 to 1"]),
    ({"teachers.composites": Composites.SUM, "teachers.mixing": 2.0}, ["mixing = 2.0", "0 to 1"]),
    ({"network.num_paths": 0}, ["at least one path", "\\(0, 2, 6\\)"]),
    ({"network.initial_gate": float("nan")}, ["gates contain NaN", "pass finite"]),
    ({"network.initial_scale": float("inf")}, ["weights contain NaN or infinity", "pass finite"]),
    ({"network.initial_gate_scale": float("inf")}, ["gates contain NaN or infinity", "pass finite"]),
    ({"network.num_paths": 0, "network.gating": Gating.LAYER}, ["at least one path", "\\(0, 2, 6\\)"]),
    ({"time_constants.gates": 0.0}, ["'gates' is 0.0", "must be positive"]),
    ({"time_constants.weights": -1.3}, ["'weights' is -1.3", "must be positive"]),
    ({"time_constants.gates": float("nan")}, ["'gates' is nan", "finite"]),
    ({"penalties.strength": -0.1}, ["strength", ">= 0, got -0.1"]),
    ({"penalties.unit_l1": -1.0}, ["unit_l1", ">= 0, got -1.0"]),
    ({"penalties.unit_l1": 0.0, "penalties.nonnegative": 0.0}, ["sum to zero", "Give at least one"]),
    ({"penalties.frobenius": 1.0}, ["penalty on the weights", "use GradientFlow"]),
    ({"dynamics": Dynamics.ONLINE, "batch_size": 0}, ["batch size is 0", "at least 1"]),
]


@pytest.mark.parametrize(("changes", "parts"), BAD, ids=[" ".join(change) for change, _ in BAD])
def test_what_cannot_be_built_is_refused(changes, parts):
    with pytest.raises(ValueError, match="(?s)" + ".*".join(parts)):
        building.build(replaced(SMALL, changes), KEY)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"name": "A_B"}, ["'A_B'", "A_B__", "Choose one"]),
        ({"name": "A_B__AB__"}, ["task 2", "0 to 1", "Add composites"]),
        ({"block_duration": 0.0}, ["block duration 0.0", "positive"]),
        ({"block_duration": -1.0}, ["block duration -1.0", "positive"]),
        ({"total_time": float("nan")}, ["total time nan", "positive"]),
        ({"total_time": float("inf")}, ["total time inf", "finite"]),
    ],
)
def test_impossible_curricula_are_refused(changes, parts):
    tasks = building.build_tasks(SMALL.teachers, KEY.teachers)
    spec = replaced(SMALL, {f"curriculum.{name}": value for name, value in changes.items()}).curriculum
    with pytest.raises(ValueError, match="(?s)" + ".*".join(parts)):
        building.build_curriculum(spec, tasks)


@pytest.mark.parametrize(
    ("randomness", "parts"),
    [
        (Randomness(num_seeds=0), ["num_seeds is 0", "at least one"]),
        (Randomness(seed=-1), ["seed is -1", "between 0 and"]),
        (Randomness(seed=2**70), ["seed is", "between 0 and"]),
    ],
)
def test_impossible_randomness_is_refused(randomness, parts):
    with pytest.raises(ValueError, match=".*".join(parts)):
        building.keys(randomness)


def built_penalties(**parts):
    configuration = Configuration(dynamics=Dynamics.GRADIENT_FLOW, **parts)
    return building.build(configuration, KEY)[0].penalties


ALL_TERMS = {name: 0.1 * (k + 1) for k, name in enumerate(vars(Penalties()))}


def test_coefficients_enter_the_energy_as_they_are():
    gates, weights = jnp.asarray([0.7, -0.2]), jnp.linspace(-1.0, 1.0, 400).reshape(2, 10, 20)
    found = built_penalties(coefficients=Penalties(**ALL_TERMS))
    expected = {
        "gates": Nonnegativity(0.1) + UnitL1Norm(0.2) + UnitL2Norm(0.3) + L1(0.4) + L2(0.5),
        "weights": ColumnL1(0.6) + ColumnL2(0.7) + Frobenius(0.8),
    }
    assert set(found) == set(expected)
    for group, values in (("gates", gates), ("weights", weights)):
        np.testing.assert_allclose(found[group].energy(values), expected[group].energy(values), rtol=1e-13)


def test_coefficients_are_those_behind_relative_weights():
    # k_nn = 10 * 0.1 * 1/11 and k_1 = 10 * 0.1 * 10/11
    gates = jnp.asarray([0.7, -0.2])
    one = built_penalties()["gates"].energy(gates)
    other = built_penalties(coefficients=Penalties(nonnegative=1 / 11, unit_l1=10 / 11))["gates"].energy(gates)
    np.testing.assert_allclose(one, other, rtol=1e-13)


def test_every_relative_weight_has_a_coefficient():
    assert set(vars(Penalties())) == set(vars(RelativePenalties())) - {"strength"}
    assert set(vars(Penalties())) == {name for terms in TERMS.values() for name in terms}


def test_coefficients_take_the_place_of_the_default_weights_and_of_no_others():
    assert Configuration(coefficients=Penalties(l1=0.1)).penalties == NO_PENALTIES
    given = RelativePenalties()
    assert Configuration(penalties=given, coefficients=Penalties(l1=0.1)).penalties is given
    assert Configuration().penalties == RelativePenalties()


def test_coefficients_can_be_traced():
    def stiffness(k):
        configuration = replaced(
            Configuration(), {"coefficients.unit_l1": k, "penalties.nonnegative": None, "penalties.unit_l1": None}
        )
        return building.build_penalties(configuration)["gates"].energy(jnp.asarray([2.0, 0.0]))

    np.testing.assert_allclose(jax.vmap(stiffness)(jnp.asarray([0.0, 2.0])), [0.0, 1.0])


def curriculum_of(num_tasks=2, **values):
    tasks = building.build_tasks(Teachers(num_tasks=num_tasks, d_in=10 * num_tasks), KEY.teachers)
    built = building.build_curriculum(Curriculum(**values), tasks)
    return np.asarray(built.tasks).tolist(), float(built.total_time)


def test_a_curriculum_can_be_a_list_of_tasks():
    assert curriculum_of(tasks=(0, 0, 1), block_duration=0.5) == ([0, 0, 1], 1.5)  # once
    assert curriculum_of(tasks=(0, 0, 1), num_blocks=5) == ([0, 0, 1, 0, 0], 5.0)  # repeated
    assert curriculum_of(tasks=(0, 0, 1), num_blocks=2) == ([0, 0], 2.0)
    assert curriculum_of(tasks=(2, 1), total_time=2.5, num_tasks=3) == ([2, 1, 2], 2.5)  # and cut


def test_a_curriculum_can_have_a_number_of_blocks():
    assert curriculum_of(num_blocks=3, block_duration=0.1) == ([0, 1, 0], pytest.approx(0.3))
    assert curriculum_of(num_tasks=3, num_blocks=4) == ([0, 1, 2, 0], 4.0)


def test_a_curriculum_of_which_nothing_is_said_is_the_same_as_ever():
    said = Curriculum(name="A_B__", block_duration=1.0, total_time=20.0)
    assert Curriculum() == said
    assert Curriculum(num_blocks=3).total_time is None
    assert Curriculum(tasks=(0, 1)) == Curriculum(tasks=(0, 1), name=None, total_time=None)


STREAMS = ("teachers", "initial", "data")


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_with_a_seed_of_its_own_is_that_of_the_run_with_this_seed(stream):
    common, other = (building.keys(Randomness(seed=seed, num_seeds=3)) for seed in (3, 8))
    named = building.keys(Randomness(seed=3, num_seeds=3, **{f"{stream}_seed": 8}))
    for item in STREAMS:
        expected = getattr(other if item == stream else common, item)
        assert jnp.array_equal(jax.random.key_data(getattr(named, item)), jax.random.key_data(expected))


@pytest.mark.parametrize("stream", STREAMS)
def test_a_bad_seed_of_a_stream_is_refused(stream):
    with pytest.raises(ValueError, match="seed is -1"):
        building.keys(Randomness(**{f"{stream}_seed": -1}))
