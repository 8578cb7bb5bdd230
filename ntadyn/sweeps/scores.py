"""What is kept of one trajectory in a sweep: functions of what it recorded."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ntadyn.interface.observables import STANDARD, Observable
from ntadyn.metrics import optimal_assignment, published_sorting, specialisation, total_alignment
from ntadyn.metrics.specialisation import Specialisation
from ntadyn.simulation.outcome import RESULTS, Trajectory, result_codes
from ntadyn.sweeps.fingerprint import fingerprint


class Recorded(eqx.Module):
    """One trajectory at the starts and ends of its blocks.

    Attributes:
        times: t of every record, shape (records,).
        blocks: block of every record.
        values: name -> recorded observable, leading axis = record.
        real: which records are not padding; padding repeats the last record.
        result: how the trajectory ended.
        errors: estimated errors that the method knows, like `values`; None if it knows none.
    """

    times: Float[Array, " record"]
    blocks: Int[Array, " record"]
    values: dict[str, Any]
    real: Bool[Array, " record"]
    result: RESULTS
    errors: dict[str, Any] | None = None

    @property
    def last_blocks(self) -> Specialisation:
        """Matched similarities over the last two blocks and at the end, paths assigned optimally over those blocks."""
        window = self.real & (self.blocks >= self.blocks[-1] - 1)
        return specialisation(self.values["similarity"], window)


Score = Callable[[Recorded], Array]


def path_order(assignment: Int[Array, " m"], num_paths: int) -> Int[Array, " p"]:
    """Paths in the order of the teachers that they are assigned to; those without a teacher follow in their old order.

    Args:
        assignment: path of every teacher, no two alike.
        num_paths: number of paths.
    """
    num_teachers = assignment.shape[0]
    # Masks in place of a sort and entries that are set would be faster, but XLA (jaxlib 0.10.2) stops the process where
    # it compiles them in whole loops on lanes.
    rank = num_teachers + jnp.arange(num_paths)
    return jnp.argsort(rank.at[assignment].set(jnp.arange(num_teachers)))


def recorded(trajectory: Trajectory, real: Bool[Array, " record"]) -> Recorded:
    """A trajectory and which of its records are not padding."""
    return Recorded(trajectory.times, trajectory.blocks, trajectory.values, real, trajectory.result, trajectory.error)


def alignment(record: Recorded) -> Float[Array, ""]:
    """Total alignment at the end, paths assigned optimally by their similarity over the last two blocks."""
    return record.last_blocks.final


def last_alignment(record: Recorded) -> Float[Array, ""]:
    """Total alignment at the end, paths assigned optimally by their similarity at the end."""
    similarity = record.values["similarity"][-1]
    return total_alignment(similarity, optimal_assignment(similarity))


def published_alignment(record: Recorded) -> Float[Array, ""]:
    """Total alignment at the end, published sorting rule."""
    # The published rule averages over the whole record; padding repeats the last one and would shift that mean.
    similarity = record.values["similarity"]
    weight = record.real.astype(similarity.dtype)
    mean = jnp.einsum("t,tmp->mp", weight / jnp.sum(weight), similarity)
    order = published_sorting(jnp.stack([mean])).order
    return jnp.mean(jnp.diagonal(similarity[-1][:, order]))


def contrast(record: Recorded) -> Float[Array, ""]:
    """Matched minus mismatched similarity over the last two blocks."""
    return record.last_blocks.contrast


def loss(record: Recorded) -> Float[Array, ""]:
    """Task loss at the end."""
    return record.values["loss"][-1]


def gates(record: Recorded) -> Float[Array, "..."]:
    """Gates at the end, paths in the order of the teachers that they are assigned to, the others behind them."""
    return record.values["gates"][-1][path_order(record.last_blocks.assignment, record.values["gates"].shape[1])]


def result(record: Recorded) -> Int[Array, ""]:
    """Result code: 0 successful, 1 diverged, 2 other failure, 3 impossible, 4 unresolved, 5 full."""
    return result_codes(record.result)


def gate_bar(record: Recorded) -> Float[Array, ""]:
    """Estimated largest error of any recorded gate, from a run in half as many steps; infinite where the run failed."""
    if record.errors is None:
        raise ValueError("gate_bar is a score of runs with error bars; pass Sweep(..., bars=True).")
    return jnp.where(record.result == RESULTS.successful, jnp.max(record.errors["gates"]), jnp.inf)


def with_bars(measures: "Measures") -> "Measures":
    """Measures with `gate_bar`; the same for the same, by which sweeps know that they share programs."""
    known, barred = _BARRED.get(id(measures), (None, None))
    if barred is None or known is not measures:
        barred = measures.and_also(scores={gate_bar.__name__: gate_bar})
        _BARRED[id(measures)] = measures, barred
    return barred


# By id, together with the measures themselves, so that no others can get the same id.
_BARRED: dict[int, tuple["Measures", "Measures"]] = {}


class Final(eqx.Module):
    """An observable at the end."""

    name: str = eqx.field(static=True)

    def __call__(self, record: Recorded) -> Any:
        """The last record."""
        return record.values[self.name][-1]


class Measures(eqx.Module):
    """What a sweep records along every trajectory and what it keeps of that.

    Attributes:
        observables: name -> function (system, state, task) -> array, recorded at the start and the end of every block.
        scores: name -> function (`Recorded`) -> array; the first line of its docstring describes the result.
    """

    observables: dict[str, Observable]
    scores: dict[str, Score]

    def and_also(
        self, observables: dict[str, Observable] | None = None, scores: dict[str, Score] | None = None
    ) -> "Measures":
        """These and further ones; what has the same name is replaced."""
        return Measures(self.observables | (observables or {}), self.scores | (scores or {}))

    def identity(self) -> dict[str, dict[str, str]]:
        """Name -> what tells a function from others, as plain values; see `ntadyn.sweeps.fingerprint`."""
        return {
            kind: {name: fingerprint(function) for name, function in functions.items()}
            for kind, functions in (("observables", self.observables), ("scores", self.scores))
        }


OUTCOME = Measures(
    {name: STANDARD[name] for name in ("loss", "gates", "similarity")},
    {item.__name__: item for item in (alignment, last_alignment, published_alignment, contrast, loss, gates, result)},
)
