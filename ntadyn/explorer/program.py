"""The Python program that makes a view. Nothing here imports JAX."""

import dataclasses
import enum
from pathlib import Path
from typing import Any

from ntadyn.explorer.maps import Map
from ntadyn.explorer.parameters import parsed_value
from ntadyn.explorer.plans import preset_of
from ntadyn.explorer.view import Chosen, View
from ntadyn.specs import families
from ntadyn.specs.paths import is_real
from ntadyn.sweeps import phase_maps
from ntadyn.sweeps.plan import Sweep


def program_of(view: View, map: Map, folder: Path | None = None) -> str:
    """A program that computes what a view shows, and draws it.

    Args:
        view: what is shown.
        map: its map.
        folder: where its file is.

    Returns:
        Text that runs as it stands, if the file is there.
    """
    spec = None if map.plan is None else map.plan.configuration
    values: dict[str, Any] = {}
    for chosen in _cells(view):
        values |= {} if spec is None else {path: parsed_value(spec, path, text) for path, text in chosen.moved}
    lines = [
        '"""A view of ntadyn explore."""',
        "",
        "import ntadyn",
        "",
        "ntadyn.compile_whole_loops()  # before the first array is made, as the command does",
        "",
        "import jax",
        "",
        'jax.config.update("jax_enable_x64", True)',
        "",
        *_imports(view, map, values),
        "",
    ]
    lines += _stored(view, map, folder) if view.file else _computed(view, map)
    lines.append(f"view = View.of_query({view.query!r})")
    lines.append(
        "plane = plane_of(dataset, view.columns, view.rows, view.held)" if view.file else "plane = plane_of(dataset)"
    )
    lines.append("layer = layers_of(plane.dataset, view.score)[view.layer]")
    lines.append('print(layer.label, layer.values, sep="\\n")')
    if _cells(view) and map.plan is not None:
        lines += ["", "cells = CellRuns(plan)", "runs = ["]
        for chosen in _cells(view):
            lines.append(f"    {_run(chosen, map.plan)},")
        lines += ["]", "for run in runs:", "    print(run.scores)"]
    shown = "runs" if _cells(view) and map.plan is not None else "[]"
    lines += ["", f"figure = view_figure(plane, layer, {shown}, view)", 'save_figure(figure, Path("view"))']
    return "\n".join(lines) + "\n"


def _cells(view: View) -> list[Chosen]:
    return [*([Chosen(view.cell, view.moved)] if view.cell is not None else []), *view.pins]


def _imports(view: View, map: Map, values: dict[str, Any]) -> list[str]:
    plan = map.plan
    found = {
        "from pathlib import Path",
        "from ntadyn.explorer.layers import layers_of",
        "from ntadyn.explorer.maps import plane_of",
        "from ntadyn.explorer.picture import view_figure",
        "from ntadyn.explorer.view import View",
        "from ntadyn.plotting.style import save_figure",
    }
    if view.file:
        found.add("from ntadyn.results import read_result")
    else:
        found |= {"from ntadyn.sweeps import Axis, Sweep, run_sweep", "from ntadyn.specs import replaced"}
        maps = view.preset in phase_maps.PRESETS
        found.add(f"from ntadyn.{'sweeps.phase_maps' if maps else 'specs.families'} import PRESETS")
    if view.predicted and plan is not None:
        found.add("from ntadyn.maps.prediction import with_prediction")
    if plan is not None and (_cells(view) or view.predicted):
        if view.file:
            found.add("from ntadyn.sweeps.stored import plan_of")
        if _cells(view):
            found.add("from ntadyn.sweeps.cell_runs import CellRuns")
            if any(chosen.moved for chosen in _cells(view)):
                found |= {"from ntadyn.sweeps.cell_runs import CellRuns, moved"}
                found.discard("from ntadyn.sweeps.cell_runs import CellRuns")
            if any(not is_real(plan.configuration, path) for path in values):
                found |= {"import dataclasses", "from ntadyn.specs import replaced"}
    given = [] if view.file else [parsed_value(preset_of(view.preset), path, text) for path, text in view.given]
    for value in (*values.values(), *given):
        if isinstance(value, enum.Enum):
            found.add(f"from {type(value).__module__} import {type(value).__name__}")
    standard = sorted(line for line in found if "ntadyn" not in line)
    return [*standard, "", *sorted(found - set(standard))]


def _stored(view: View, map: Map, folder: Path | None) -> list[str]:
    path = str(view.file if folder is None else folder / view.file)
    lines = [f"dataset = read_result(Path({path!r})).dataset"]
    if map.plan is not None and (_cells(view) or view.predicted):
        lines.append("plan = plan_of(dataset)")
    if view.predicted and map.plan is not None:
        lines.append("dataset = with_prediction(dataset, plan)")
    return lines


def _computed(view: View, map: Map) -> list[str]:
    plan = map.plan
    assert plan is not None
    preset = preset_of(view.preset)
    changes = {path: parsed_value(preset, path, text) for path, text in view.given}
    base = ".base" if view.preset in phase_maps.PRESETS else ""
    if plan.num_seeds is None:
        changes["randomness.num_seeds"] = view.seeds
    known = view.preset if view.preset in phase_maps.PRESETS else _spelled(view.preset)
    lines = [f"spec = PRESETS[{known!r}](){base}"]
    if changes:
        lines.append(f"spec = replaced(spec, {_mapping(changes)})")
    lines.append("axes = (")
    for axis in plan.parameters:
        lines.append(f"    Axis({axis.path!r}, {axis.values!r}),")
    seeds = "" if plan.num_seeds is None else f", num_seeds={plan.num_seeds}"
    lines += [")", f'plan = Sweep(spec, axes, "map"{seeds})', "dataset = run_sweep(plan)"]
    if view.predicted:
        lines.append("dataset = with_prediction(dataset, plan)")
    return lines


def _spelled(name: str) -> str:
    from ntadyn.specs.names import known_as

    return known_as(name, families.PRESETS, "preset")


def _run(chosen: Chosen, plan: Sweep) -> str:
    spec = plan.configuration
    values = {path: parsed_value(spec, path, text) for path, text in chosen.moved}
    if not values:
        return f"cells.run({chosen.cell})"
    real = {path: value for path, value in values.items() if is_real(spec, path)}
    rest = {path: value for path, value in values.items() if path not in real}
    base = "plan"
    if rest:
        base = f"dataclasses.replace(plan, configuration=replaced(plan.configuration, {_mapping(rest)}))"
    return f"CellRuns(moved({base}, {chosen.cell}, {_mapping(real)}), like=cells).run(0)"


def _mapping(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{path!r}: {_code(value)}" for path, value in values.items()) + "}"


def _code(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    assert not dataclasses.is_dataclass(value)
    return repr(value)
