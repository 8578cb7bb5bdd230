"""What a sweep runs over, as plain values."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.sweeps.plan import Axis, Precision, Streams, Sweep, Zipped, as_axes

GATES, STRENGTH = "time_constants.gates", "penalties.strength"
BASE = replaced(Configuration(), {"randomness.num_seeds": 3})


def sweep(axes, **changes):
    return dataclasses.replace(Sweep(BASE, as_axes(axes)), **changes)


TWO = sweep({GATES: (0.1, 0.2), STRENGTH: (0.0, 0.5, 1.0)})


def test_plans_are_made_without_jax():
    code = (
        "import sys; from ntadyn.sweeps import Sweep, as_axes; from ntadyn.specs.configuration import Configuration; "
        "Sweep(Configuration(), as_axes({'time_constants.gates': (0.1,)})).check_values(); "
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_axes_are_named_after_what_they_are():
    axis = Axis(GATES, (0.1, 0.2))
    assert (axis.name, axis.label, len(axis)) == ("gate_time_constant", "gate time constant", 2)
    other = Axis("network.num_paths", (2, 3))
    assert (other.name, other.label) == ("network_num_paths", "network.num_paths")
    chosen = Axis(GATES, (0.1,), "speed", "gate speed")
    assert (chosen.name, chosen.label) == ("speed", "gate speed")


def test_numbers_from_numpy_become_those_of_python():
    axis = Axis(GATES, tuple(np.array([0.5, 1.0], np.float32)))
    assert axis.values == (0.5, 1.0)
    assert all(type(value) is float for value in axis.values)
    assert type(Axis("batch_size", tuple(np.arange(3))).values[0]) is int
    assert as_axes({GATES: np.array([0.5, 1.0])}) == (axis,)


def test_cells_are_numbered_row_by_row():
    assert (TWO.shape, TWO.num_cells) == ((2, 3), 6)
    found = [TWO.changes(cell) for cell in range(6)]
    assert found == [{GATES: gates, STRENGTH: k} for gates in (0.1, 0.2) for k in (0.0, 0.5, 1.0)]
    assert np.unravel_index(4, TWO.shape) == (1, 1)
    assert TWO.changes(4) == {GATES: 0.2, STRENGTH: 0.5}


def test_zipped_parameters_change_together():
    zipped = sweep({(GATES, STRENGTH): ((0.2, 0.1, 0.3), (0.0, 0.5, 0.4)), "batch_size": (1, 2)})
    assert zipped.shape == (3, 2)
    assert zipped.axes[0].name == "gate_time_constant_and_strength"
    assert [parameter.path for parameter in zipped.parameters] == [GATES, STRENGTH, "batch_size"]
    assert zipped.changes(3) == {GATES: 0.1, STRENGTH: 0.5, "batch_size": 2}
    zipped.check_values()  # values along a zipped axis need not ascend
    with pytest.raises(ValueError, match="has 1 sequences of values; give one per parameter"):
        as_axes({(GATES, STRENGTH): ((0.1, 0.2),)})


def test_repetitions_share_teachers_unless_they_vary():
    assert TWO.repetitions() == [(0, 0, 0), (0, 1, 1), (0, 2, 2)]
    varied = replaced(BASE, {"randomness.vary_teachers": True})
    assert sweep({GATES: (0.1,)}, configuration=varied).repetitions() == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]


def test_streams_are_crossed():
    crossed = sweep({GATES: (0.1,)}, streams=Streams(teachers=2, initial=3, data=2)).repetitions()
    assert len(crossed) == len(set(crossed)) == 12
    assert crossed[:4] == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)]
    assert Streams().indices() == [(0, k, 0) for k in range(10)]


def test_identity_is_plain_and_tells_sweeps_apart():
    text = json.dumps(TWO.identity(), sort_keys=True)
    assert json.loads(text) == TWO.identity()
    assert TWO.identity() == sweep({GATES: [0.1, 0.2], STRENGTH: np.array([0, 0.5, 1])}, name="another").identity()
    others = [
        dataclasses.replace(TWO, check=0.5),
        dataclasses.replace(TWO, precision=Precision.SINGLE),
        dataclasses.replace(TWO, streams=Streams()),
        dataclasses.replace(TWO, configuration=replaced(BASE, {"randomness.seed": 1})),
        dataclasses.replace(TWO, configuration=replaced(BASE, {"time_constants.weights": 2.0})),
        dataclasses.replace(TWO, axes=TWO.axes[::-1]),  # which numbers cells in another order
        dataclasses.replace(TWO, axes=TWO.axes[:1]),
        sweep({GATES: (0.1, 0.2), STRENGTH: (0.0, 0.5, 1.1)}),
        sweep({(GATES, STRENGTH): ((0.1, 0.2), (0.0, 0.5))}),
        sweep({GATES: (0.1, 0.2), "dynamics": (Dynamics.ONLINE,)}),
    ]
    identities = [json.dumps(item.identity(), sort_keys=True) for item in [TWO, *others]]
    assert len(set(identities)) == len(identities)
    assert TWO.identity()["precision"] == "float64"
    assert Precision.SINGLE.itemsize * 2 == Precision.DOUBLE.itemsize == 8


def configured(**changes):
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    return dataclasses.replace(TWO, configuration=replaced(BASE, paths))


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (sweep({}), "at least one axis"),
        (sweep({"time_constants.gate": (0.1, 0.2)}), r"no parameter 'time_constants.gate'.*\['gates', 'weights'\]"),
        (sweep({"time_constants": (0.1, 0.2)}), r"'time_constants' is a group of parameters, \['gates', 'weights'\]"),
        (sweep({"randomness.seed": (0, 1)}), "'randomness.seed' cannot be an axis.*Give `seeds`"),
        (sweep({GATES: ()}), "'gate_time_constant' has no values"),
        (sweep({GATES: (0.2, 0.1)}), "finite and ascending"),
        (sweep({GATES: (0.1, 0.1)}), "finite and ascending"),
        (sweep({GATES: (0.1, float("nan"))}), "finite and ascending"),
        (sweep({GATES: (0.1, float("inf"))}), "finite and ascending"),
        (sweep({(GATES, STRENGTH): ((0.1, float("nan")), (0.1, 0.2))}), "finite and ascending"),
        (sweep({GATES: ("0.1", "0.2")}), "has the value '0.1'; each must be a real number"),
        (sweep({"max_step": (None, 0.2)}), "has the value None; each must be a real number"),
        (sweep({"network.num_paths": (2, 2.5)}), "has the value 2.5; each must be a whole number"),
        (sweep({"curriculum.num_blocks": ("4", "8")}), "has the value '4'; each must be a whole number or None"),
        (
            sweep({"dynamics": ("ONLINE", "GRADIENT_FLOW")}),
            "each must be one of Dynamics.ORDER_PARAMETERS, Dynamics.GRADIENT_FLOW",
        ),
        (sweep({"network.num_paths": (2, 2)}), "must all differ"),
        (sweep({(GATES, STRENGTH): ((0.1, 0.2), (0.1,))}), "'time_constants.gates': 2, 'penalties.strength': 1.*same"),
        (dataclasses.replace(TWO, axes=(Zipped("nothing", ()),)), r"have the lengths \{\}"),
        (sweep({GATES: (0.1,), (GATES, STRENGTH): ((0.1,), (0.2,))}), "can be changed by one axis only"),
        (dataclasses.replace(TWO, check=1.5), "check is 1.5; it must be a share"),
        (dataclasses.replace(TWO, check=float("nan")), "check is nan; it must be a share"),
        (dataclasses.replace(TWO, streams=Streams(initial=0)), "initial=0.*at least 1"),
        (configured(network__initial_gate=float("nan")), "network.initial_gate is nan; it must be finite"),
        (configured(curriculum__total_time=float("inf")), "curriculum.total_time is inf; it must be finite"),
    ],
    ids=lambda item: "" if isinstance(item, Sweep) else item[:30],
)
def test_what_makes_no_sense_is_refused(plan, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        plan.check_values()


@pytest.mark.parametrize(
    "axes",
    [
        (Axis(GATES, (0.1,), "same"), Axis(STRENGTH, (0.1,), "same")),
        (Axis(GATES, (0.1,), "seed"),),
        (Axis(GATES, (0.1,), "teachers_seed"),),
        (Axis(GATES, (0.1,), "loss"),),
        (Zipped("strength", as_axes({STRENGTH: (0.1,)})),),
        (Zipped("both", as_axes({GATES: (0.1,), STRENGTH: (0.1,)})), Axis("batch_size", (1,), "strength")),
    ],
)
def test_names_are_used_once(axes):
    with pytest.raises(ValueError, match="must differ from each other and from.*Rename"):
        Sweep(BASE, axes).check_names(("alignment", "loss"))
    Sweep(BASE, as_axes({GATES: (0.1,)})).check_names(("alignment", "loss"))


@pytest.mark.parametrize(
    ("axes", "named"),
    [
        ({"network.num_paths": (2, 10**11)}, "network.num_paths is 100000000000"),
        ({"teachers.d_in": (20, 900_000), "teachers.d_out": (10, 900_000)}, "teachers.num_tasks, d_out and d_in"),
        ({"teachers.overlap": (0.5, 7.0)}, "teachers.overlap is 7.0"),
        ({"batch_size": (1, -5)}, "batch_size is -5"),
        ({("time_constants.gates", "penalties.strength"): ((0.01, 0.02, 0.03), (0.1, -0.2, 0.3))}, "strength is -0.2"),
    ],
    ids=str,
)
def test_values_of_axes_are_checked_as_those_of_configurations_are(axes, named):
    with pytest.raises(ValueError, match=named):
        Sweep(Configuration(), as_axes(axes)).check_values()


def test_an_axis_may_make_up_for_the_configuration():
    """Columns are penalised in weight space only, and that is where all cells are."""
    axes = {"dynamics": (Dynamics.GRADIENT_FLOW,), "penalties.column_l2": (0.1, 0.2)}
    Sweep(Configuration(), as_axes(axes)).check_values()
    axes["dynamics"] = (Dynamics.GRADIENT_FLOW, Dynamics.ORDER_PARAMETERS)
    with pytest.raises(ValueError, match="penalties.column_l2 acts on the weights"):
        Sweep(Configuration(), as_axes(axes)).check_values()
