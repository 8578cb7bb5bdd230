"""One configuration, many repetitions: build them all and run them as one batch."""

import equinox as eqx
import jax

from ntadyn.interface.observables import STANDARD, TWO_LAYER, Observable
from ntadyn.simulation.checks import check
from ntadyn.simulation.method import AbstractMethod
from ntadyn.simulation.outcome import Trajectory
from ntadyn.simulation.trajectory import simulate
from ntadyn.specs import building
from ntadyn.specs.building import Keys
from ntadyn.specs.checks import check_configuration, check_simulation
from ntadyn.specs.configuration import Configuration, Gating
from ntadyn.tasks import AbstractCurriculum


def run_ensemble(
    configuration: Configuration,
    observables: dict[str, Observable] | None = None,
    records_per_block: int = 0,
    method: AbstractMethod | None = None,
    estimate_error: bool = False,
) -> tuple[Trajectory, AbstractCurriculum]:
    """Simulate all repetitions of a configuration.

    Args:
        configuration: what to simulate.
        observables: name -> function (system, state, task) -> array; those that fit the network when omitted.
        records_per_block: records strictly inside every block.
        method: how to step, instead of what the configuration says.
        estimate_error: also estimate the error of every recorded number, see `simulate`.

    Returns:
        The trajectory with a leading axis over repetitions on every array but the times and blocks, and the curriculum.

    Raises:
        ValueError: before any compilation, for anything that cannot be built or run.
    """
    if method is None:
        check_simulation(configuration, records_per_block)
    else:
        check_configuration(configuration)
    keys = building.keys(configuration.randomness)
    system, state = building.build(configuration, building.first(keys))
    curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
    method = building.build_method(configuration, system, state) if method is None else method
    if observables is None:
        observables = TWO_LAYER if configuration.network.gating is Gating.LAYER else STANDARD
    check(system, curriculum, state, method, estimate_error)

    def one(key: Keys) -> Trajectory:
        system, state = building.build(configuration, key)
        return simulate(
            system,
            curriculum,
            state,
            method=method,
            observables=observables,
            records_per_block=records_per_block,
            estimate_error=estimate_error,
        )

    trajectory = eqx.filter_jit(eqx.filter_vmap(one))(keys)
    shared = [jax.tree.map(lambda leaf: leaf[0], item) for item in (trajectory.times, trajectory.blocks)]
    return eqx.tree_at(lambda tr: (tr.times, tr.blocks), trajectory, shared), curriculum
