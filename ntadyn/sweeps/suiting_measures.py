"""What can be kept of the systems of a sweep, found out from their shapes before anything runs."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ntadyn.interface import AbstractGatedLinear, AbstractSystem
from ntadyn.simulation.outcome import RESULTS
from ntadyn.specs import building
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.paths import replaced
from ntadyn.specs.spec import draws_curricula
from ntadyn.sweeps import input_scores
from ntadyn.sweeps.input_scores import has_spectrum
from ntadyn.sweeps.plan import Sweep
from ntadyn.sweeps.scores import OUTCOME, Final, Measures, Recorded
from ntadyn.sweeps.sequence_scores import IRREGULAR


def measures_for(sweep: Sweep) -> Measures:
    """What is kept of a sweep by default: its outcome, or where paths cannot be matched with tasks the last records.

    Args:
        sweep: a sweep whose values have been checked.

    Returns:
        `OUTCOME` for gated linear systems with a path for every task, `IRREGULAR` for a configuration that draws its
        tasks, with what is seen through inputs that have a spectrum, see `input_scores`; else all observables of the
        system at the end.
        Learners on streams also get what they keep of all tasks, see `continual_scores`, learners made of levels what
        practice costs them, see `level_scores`, and hierarchies of gates what becomes of contexts, see
        `hierarchy_scores`.
    """
    spec = replaced(sweep.configuration, sweep.changes(0))
    if isinstance(spec, Configuration):
        kept = IRREGULAR if draws_curricula(spec) else OUTCOME
        return kept.and_also(input_scores.OBSERVED, input_scores.SPECTRUM) if has_spectrum(sweep) else kept
    # Here, because they bring the learners with them, which sweeps of plain networks need not wait for.
    from ntadyn.sweeps.continual_scores import CONTINUAL, OBSERVED, TASK_LOSS
    from ntadyn.sweeps.hierarchy_scores import CONTEXTS, HIERARCHY
    from ntadyn.sweeps.level_scores import CUMULATIVE_LOSS, LEVELS

    key = building.first(building.keys_of(sweep.seeds, sweep.repetitions()))
    system, state = eqx.filter_eval_shape(spec.build, key)
    observables = system.observables()
    observed, kept = (OBSERVED, CONTINUAL) if TASK_LOSS in observables else ({}, {})
    if CUMULATIVE_LOSS in observables:
        kept = LEVELS | kept
    if set(CONTEXTS) <= observables.keys():
        observed, kept = {name: observables[name] for name in CONTEXTS}, HIERARCHY
    if isinstance(system, AbstractGatedLinear):
        gates = eqx.filter_eval_shape(lambda system, state: system.gates(state), system, state)
        if gates.shape[0] >= system.num_tasks:
            return OUTCOME.and_also(observed, kept)
    finals = {name: Final(name) for name in observables}
    return Measures(observed | observables, finals | kept | {"result": OUTCOME.scores["result"]})


def check_measures(sweep: Sweep, measures: Measures) -> None:
    """Refuse observables that a spec's system does not have, such as the gates of one without any.

    Args:
        sweep: a sweep whose values have been checked.
        measures: what it is to keep.

    Raises:
        ValueError: if so, with the name of the observable.
    """
    if isinstance(sweep.configuration, Configuration):
        return
    system, state, task = _shapes(sweep)
    for name, observable in measures.observables.items():
        try:
            eqx.filter_eval_shape(observable, system, state, task)
        except AttributeError as error:
            kind = type(system).__name__
            raise ValueError(
                f"{name!r} cannot be observed in a {kind} ({error}). Leave `measures` out to keep what it observes "
                f"itself, {list(system.observables())}, or pass `Measures` of others."
            ) from error


def scores_of_one_number(sweep: Sweep, measures: Measures) -> tuple[str, ...]:
    """The scores by which cells can be drawn and compared: one number per trajectory, and not its result code.

    Args:
        sweep: a sweep whose values have been checked.
        measures: what it is to keep.
    """

    def of_two_records(system: AbstractSystem, state: PyTree, task: PyTree) -> dict[str, Any]:
        seen = {name: jnp.asarray(observable(system, state, task)) for name, observable in measures.observables.items()}
        values = {name: jnp.stack([value, value]) for name, value in seen.items()}
        errors = {name: values[name] for name in ("gates",) if name in values}  # of runs with error bars
        record = Recorded(jnp.zeros(2), jnp.zeros(2, int), values, jnp.ones(2, bool), RESULTS.successful, errors)
        return {name: score(record) for name, score in measures.scores.items() if name != "result"}

    scores = eqx.filter_eval_shape(of_two_records, *_shapes(sweep))
    return tuple(name for name in measures.scores if name in scores and scores[name].shape == ())


def _shapes(sweep: Sweep) -> tuple[AbstractSystem, PyTree, PyTree]:
    """System, state and task of the first cell, of whose arrays only the shapes are known."""
    spec = replaced(sweep.configuration, sweep.changes(0))
    key = building.first(building.keys_of(sweep.seeds, sweep.repetitions()))
    system, state = eqx.filter_eval_shape(spec.build, key)
    curriculum = spec.build_curriculum(system)
    return system, state, jax.eval_shape(curriculum.task, 0, curriculum.durations[0])
