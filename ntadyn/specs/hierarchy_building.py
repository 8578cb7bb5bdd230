"""Hierarchies of gates, built from plain values."""

from typing import TYPE_CHECKING

from ntadyn.dynamics import GradientFlow, OrderParameters
from ntadyn.nested import GateHierarchy, HierarchyFlow, HierarchyState
from ntadyn.regularizers import Zero
from ntadyn.specs import building

if TYPE_CHECKING:
    from ntadyn.specs.hierarchy import ContextHierarchy


def build(spec: "ContextHierarchy", keys: building.Keys) -> tuple[HierarchyFlow, HierarchyState]:
    """System and initial state of one repetition; real numbers and keys may be traced.

    Args:
        spec: what is simulated.
        keys: of teachers and initial weights.

    Raises:
        ValueError: for any part that cannot be built.
    """
    tasks = building.build_tasks(spec.teachers, keys.teachers)
    branches, clocks = spec.network.branches, spec.clocks
    network = GateHierarchy.initialise(
        keys.initial,
        branches,
        (tasks.d_out, tasks.d_in),
        spec.network.initial_scale,
        spec.network.initial_gate,
        tasks.teachers.dtype,
    )
    of_gates = clocks.weights * clocks.gates_to_weights
    paths = (GradientFlow if spec.weight_space else OrderParameters)(
        tasks, {"gates": of_gates, "weights": clocks.weights}, building.relative_penalties(spec.penalties)
    )
    above = range(len(branches) - 1, 0, -1)
    system = HierarchyFlow(
        paths,
        branches[:-1],
        tuple(of_gates * clocks.contexts_to_gates**level for level in above),
        (building.relative_penalties(spec.context_penalties).get("gates", Zero()),) * len(above),
    )
    return system, system.initial_state(network)
