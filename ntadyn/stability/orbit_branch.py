"""Branches of periodic orbits along a parameter of the system, alone or with a member of a family held fixed."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntadyn.stability.continuation import Branch, BranchPoint, branch, equations_of
from ntadyn.stability.floquet import Multipliers, multipliers
from ntadyn.stability.periodic import (
    NEUTRAL,
    OVERSPECIALISED,
    Constraint,
    Orbit,
    OrbitStatus,
    contrast_of,
)
from ntadyn.stability.stroboscopic import StroboscopicMap

MapAt = Callable[[Float[Array, ""]], StroboscopicMap]


class OrbitBranch(NamedTuple):
    """Orbits along a parameter, both ways from one of them.

    Attributes:
        falling: the curve from the start on, on which the parameter falls at first; its unknowns are the coordinates of
            the orbit and then the numbers of its borders.
        rising: the curve on which it rises at first.
        points: of both, from the far end of the falling one to that of the rising one.
        orbits: one per point.
        multipliers: of every orbit.
    """

    falling: Branch
    rising: Branch
    points: list[BranchPoint]
    orbits: list[Orbit]
    multipliers: list[Multipliers]

    @property
    def parameters(self) -> Float[np.ndarray, " points"]:
        """The parameter of every orbit."""
        return np.array([point.parameter for point in self.points])


def orbit_branch(
    map_at: MapAt,
    orbit: Orbit,
    parameter: float,
    *,
    step: float,
    between: tuple[float, float] = (-math.inf, math.inf),
    fixed: Mapping[Constraint, float] | None = None,
    watch_events: Callable[[StroboscopicMap, Any], Any] | None = None,
    max_points: int = 60,
    progress: Callable[[int, float], None] = lambda count, parameter: None,
) -> OrbitBranch:
    """H(x; p) = x along p, both ways from an orbit that was found.

    Where orbits come in families of k dimensions, H' - 1 has k null vectors and as many left null vectors L. With k
    further unknowns z and k conditions, H(x; p) - x + L z = 0 is regular, and z = 0 on the branch. The conditions are
    those given, and, for what they leave open, that x keeps its components along the family.

    Args:
        map_at: the map at a parameter, which must be traceable in it: the time grid stays as it is.
        orbit: one of the map at the start.
        parameter: p there.
        step: length of the first step in (x, p), either way.
        between: the range of p.
        fixed: function of a network -> its value along the branch, for example of the conserved Q.
        watch_events: (map, network) -> what must stay the same, for example `StroboscopicMap.event_names`.
        max_points: at most as many points, each way.
        progress: called with the number of points and p.

    Raises:
        ValueError: for an orbit that was not found, more conditions than dimensions of its family, or as `branch`.
    """
    if not orbit.found:
        raise ValueError(
            f"the search for the orbit ended as {orbit.status.value!r}; a branch starts from an orbit that was found."
        )
    fixed = {} if fixed is None else fixed
    coordinates, start = orbit.coordinates, np.asarray(orbit.coordinates.vector(orbit.state))
    n, k = start.size, orbit.neutral_dimension
    if len(fixed) > k:
        raise ValueError(f"{len(fixed)} values are fixed, and the family of this orbit has {k} dimensions; fix fewer.")
    left, along = _borders(orbit, start, list(fixed))
    values = jnp.asarray([float(value) for value in fixed.values()], start.dtype)

    def function(u: Float[Array, " n"], p: Float[Array, ""]) -> Float[Array, " n"]:
        x, slack = u[:n], u[n:]
        network = coordinates.network(x)
        moved = coordinates.vector(map_at(p)(network)) - x + jnp.asarray(left) @ slack
        held = [condition(network) for condition in fixed]
        conditions = [jnp.stack(held) - values] if held else []
        return jnp.concatenate([moved, *conditions, jnp.asarray(along) @ (x - start)])

    def events(u: np.ndarray, p: float) -> Any:
        assert watch_events is not None
        return watch_events(map_at(jnp.asarray(p, u.dtype)), coordinates.network(jnp.asarray(u[:n])))

    equations = equations_of(function)
    falling, rising = (
        branch(
            equations,
            np.append(start, np.zeros(k)),
            parameter,
            step=direction * step,
            between=between,
            max_points=max_points,
            events=None if watch_events is None else events,
            progress=progress,
        )
        for direction in (-1, 1)
    )
    points = [*falling.points[:0:-1], *rising.points]
    orbits = []
    for point in points:
        _, in_x, _ = equations(point.x, point.parameter)
        network = coordinates.network(jnp.asarray(point.x[:n]))
        singular = np.linalg.svd(in_x[:n, :n], compute_uv=False)
        beyond = contrast_of(map_at(jnp.asarray(point.parameter, start.dtype)).system, network) > OVERSPECIALISED
        orbits.append(
            dataclasses.replace(
                orbit,
                state=network,
                residual=max(point.residual, float(np.max(np.abs(point.x[n:]), initial=0))),
                jacobian=in_x[:n, :n] + np.eye(n),
                singular_values=singular,
                neutral_dimension=int(np.sum(singular < NEUTRAL)),
                status=OrbitStatus.OVERSPECIALISED if beyond else OrbitStatus.CONVERGED,
                num_steps=0,
            )
        )
    return OrbitBranch(falling, rising, points, orbits, [multipliers(each) for each in orbits])


def _borders(orbit: Orbit, start: np.ndarray, fixed: list[Constraint]) -> tuple[np.ndarray, np.ndarray]:
    """Left null vectors of H' - 1 as columns, and as rows the null directions that conditions leave open."""
    k = orbit.neutral_dimension
    left, _, right = np.linalg.svd(orbit.jacobian - np.eye(start.size))
    null = right[start.size - k :]
    slopes = [
        np.asarray(jax.grad(lambda x, condition=condition: condition(orbit.coordinates.network(x)))(jnp.asarray(start)))
        for condition in fixed
    ]
    if not slopes:
        return left[:, start.size - k :], null
    across = np.linalg.svd(np.stack(slopes) @ null.T)[2][len(slopes) :]
    return left[:, start.size - k :], across @ null
