"""The sweep behind a map that is computed on the spot: a preset, and two of its parameters with their ranges."""

import functools
from typing import Any

from ntadyn.explorer.parameters import parameters_of, parsed_value
from ntadyn.explorer.view import MOST_CELLS, Range, View
from ntadyn.limits import check_count
from ntadyn.specs import families
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration, Randomness
from ntadyn.specs.names import known_as
from ntadyn.specs.paths import is_real, replaced, value_at
from ntadyn.sweeps import phase_maps
from ntadyn.sweeps.plan import BLOCK_DURATION, GATE_TIME_CONSTANT, Sweep

COLUMNS, ROWS = 12, 12
# Steps of gates and weights that trade places, which maps of other learners begin with as well.
_FIRST = (GATE_TIME_CONSTANT, BLOCK_DURATION, "clocks.gates_to_weights", "stream.block_duration")


def preset_of(name: str) -> Any:
    """The spec of a preset of simulations, sweeps or maps.

    Raises:
        ValueError: if there is none; the message lists all.
    """
    if name in phase_maps.PRESETS:
        return phase_maps.PRESETS[name]().base
    return families.PRESETS[known_as(name, families.PRESETS, "preset")]()


def plan_of_view(view: View) -> Sweep:
    """The plan of a map that is computed.

    Raises:
        ValueError: for an unknown preset, and parameters or ranges that make no sense.
    """
    preset = preset_of(view.preset)
    spec = replaced(preset, {path: parsed_value(preset, path, text) for path, text in view.given})
    usual = default_ranges(view.preset)
    ranges = [Range.parsed(text) if text else own for text, own in zip((view.rows, view.columns), usual, strict=True)]
    if ranges[0].path == ranges[1].path:
        raise ValueError(f"{ranges[0].path!r} is the axis of the columns and of the rows; choose two.")
    for item in ranges:
        value_at_or_refuse(spec, item.path)
    check_count("cells of the map", ranges[0].count * ranges[1].count, MOST_CELLS)
    randomness = getattr(spec, "randomness", None)
    own = isinstance(randomness, Randomness)
    if own:
        spec = replaced(spec, {"randomness.num_seeds": view.seeds})
    plan = Sweep(spec, tuple(item.axis for item in ranges), "map", num_seeds=None if own else view.seeds)
    plan.check_values()
    for changes in plan.extremes():
        check_cell(replaced(spec, changes))
    return plan


def value_at_or_refuse(spec: Any, path: str) -> Any:
    """A real parameter of a spec.

    Raises:
        ValueError: if there is none.
    """
    known = [item.path for item in parameters_of(spec) if is_real(spec, item.path)]
    if path not in known:
        raise ValueError(f"{path!r} cannot be an axis; choose from {', '.join(known)}.")
    return value_at(spec, path)


@functools.cache
def default_ranges(preset: str) -> tuple[Range, Range]:
    """Rows and columns of a map that nobody asked for: those of figure 5 where they fit, else around two parameters.

    Raises:
        ValueError: for an unknown preset, or one without two real parameters.
    """
    spec = preset_of(preset)
    maps = {phase_maps.BASES[name]: name for name in ("released", "published")} | {
        name: name for name in phase_maps.PRESETS
    }
    if preset in maps:
        given = phase_maps.PRESETS[maps[preset]]()
        rows, columns = given.block_duration, given.gate_time_constant
        return Range(BLOCK_DURATION, *rows, ROWS), Range(GATE_TIME_CONSTANT, *columns, COLUMNS)
    real = {item.path: item for item in parameters_of(spec) if is_real(spec, item.path) and item.value > 0}
    order = [path for path in _FIRST if path in real]
    order += [
        path for path in real if path not in order and not path.startswith(("teachers.", "network.", "curriculum."))
    ]
    order += [path for path in real if path not in order]
    fitting = [path for path in order if _can_be_moved(spec, path, *real[path].range)]
    if len(fitting) < 2:
        raise ValueError(f"{preset} has fewer than two real parameters that can be moved, which make no map.")
    columns, rows = (real[path] for path in fitting[:2])
    return tuple(Range(item.path, *item.range, 8, True) for item in (rows, columns))  # pyright: ignore[reportReturnType]


def _can_be_moved(spec: Any, path: str, *ends: float) -> bool:
    """Whether a parameter may have all of some values; others count whole steps, or stay below one."""
    try:
        for end in ends:
            check_cell(replaced(spec, {path: end}))
    except ValueError:
        return False
    return True


def check_cell(spec: Any) -> None:
    """Refuse a cell that makes no sense or would not end.

    Raises:
        ValueError: for such a cell.
    """
    if isinstance(spec, Configuration):
        check_simulation(spec)
    elif check := getattr(spec, "check", None):
        check()
