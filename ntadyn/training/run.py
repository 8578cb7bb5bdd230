"""Training as one call: the rate that is chosen, all seeds, tests, one labelled data set."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from jaxtyping import PyTree

from ntadyn.limits import MOST_RECORDS, check_count
from ntadyn.results import storage
from ntadyn.results.provenance import provenance
from ntadyn.results.text import printable
from ntadyn.specs.paths import plain
from ntadyn.sweeps.plan import Precision
from ntadyn.tasks.sequence_data import HeldOut
from ntadyn.training.checkpoint import Kept, claim, claimed, load, save
from ntadyn.training.labelled import labelled
from ntadyn.training.lanes import Watch, train_lanes
from ntadyn.training.program import Lane, Maker, Program, State, is_shape, maker_of
from ntadyn.training.spec import TrainingSpec
from ntadyn.version import __version__

STEPS = "steps.json"
TIMED_STEPS = 8
MOST_OF_MEMORY = 0.9


def train(
    spec: TrainingSpec,
    *,
    make: Maker | None = None,
    folder: Path | None = None,
    resume: bool = False,
    device: Any = None,
    tell: Callable[[str], None] = lambda line: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> xr.Dataset:
    """Train all seeds of a model on a task, test them, and label the results.

        dataset = train(dataclasses.replace(preset("mqar"), model="hope"), folder=Path("out"))

    The learning rate is chosen first: the first seed is trained with every rate of the spec, and the one with the
    least loss on examples held out for this is kept, the training with it included. Tests come last and choose nothing.

    Args:
        spec: task, model, and how to train.
        make: makes a model of one's own from a key in place of that which the spec names: a module with
            `initial_state()` and `(state, inputs) -> (state, answers)`, see `ntadyn.nested.sequence_models`.
        folder: where trainings are kept, so that one that was stopped goes on, to the same bits; made if missing.
        resume: whether to go on with the training in the folder, if there is one.
        device: one of `jax.devices()`, which runs the programs; JAX chooses if omitted.
        tell: is called with lines about choices as they are made.
        progress: is called with the number of steps done, of all lanes, and of all there are.

    Returns:
        Dataset over (seed, step, evaluation, part, rate): losses of training and on examples for choices, all measures
        of the test under "test_...", what others do on the task, parameters, floats of the state, seconds of steps,
        evaluations and compilation, result codes (1 where the loss stopped being a number).

    Raises:
        ValueError: before anything is computed, for a spec that makes no sense, or a folder of another training.
    """
    spec.check()
    with _precision(spec), jax.default_device(device):
        task = spec.data.build()
        program = Program(spec, task, maker_of(spec, task) if make is None else make)
        if folder is not None:
            storage.output_folder(folder)
            claim(folder, _identity(spec, program), resume)
        steps = _steps(program, folder, tell)
        program.spec = spec = spec.of_steps(steps)
        number = len(spec.rates) + spec.seeds - 1
        done = 0

        def advanced(by: int) -> None:
            nonlocal done
            done += by
            progress(done, number * steps)

        watch = Watch(advanced, folder)
        choices = task.held_out(HeldOut.VALIDATION)

        def trained_of(lanes: Sequence[Lane]) -> Iterator[tuple[Lane, Kept]]:
            size = lanes_together(program, len(lanes))
            for first in range(0, len(lanes), size):
                group = tuple(lanes[first : first + size])
                kept = train_lanes(program, group, steps, choices, watch)
                yield from zip(group, _one_by_one(kept), strict=True)

        found = dict(trained_of([Lane(spec.seed, rate) for rate in spec.rates]))
        grid = {lane.rate: float(kept.held_out[0, -1].mean()) for lane, kept in found.items()}
        rate = min(grid, key=lambda rate: (not np.isfinite(grid[rate]), grid[rate]))
        if len(grid) > 1:
            tell(f"learning rate {rate:g}: {', '.join(f'{each:g} -> {loss:.4f}' for each, loss in grid.items())}")
        found |= dict(trained_of([Lane(spec.seed + index, rate) for index in range(1, spec.seeds)]))
        chosen = [found[Lane(spec.seed + index, rate)] for index in range(spec.seeds)]
        if folder is not None:
            for index, kept in enumerate(chosen):
                save(kept.state.models, folder / _model_file(spec.seed + index))
        dataset = labelled(program, chosen, grid, task.held_out(HeldOut.TEST))
        about = {"rate": rate, "lanes_together": lanes_together(program, spec.seeds), "precision": spec.precision.value}
        dataset = dataset.assign_attrs(provenance() | about)
    variables, coordinates = spec.data.references()
    return dataset.assign(variables).assign_coords(coordinates)


def trained(spec: TrainingSpec, folder: Path, *, make: Maker | None = None) -> list[PyTree]:
    """The models of a training that has ended, one per seed.

    Args:
        spec: that was trained.
        folder: in which it was kept.
        make: as it was given to `train`.

    Raises:
        ValueError: for a folder of another training, or one that has not ended.
    """
    spec.check()
    claimed(folder)
    files = [folder / _model_file(spec.seed + index) for index in range(spec.seeds)]
    if missing := [file.name for file in files if not file.exists()]:
        raise ValueError(f"the training in {printable(str(folder))} has not ended: there is no {', '.join(missing)}.")
    with _precision(spec):
        task = spec.data.build()
        program = Program(spec, task, maker_of(spec, task) if make is None else make)
        claim(folder, _identity(spec, program), resume=True)
        like = program.start((Lane(spec.seed, spec.rates[0]),)).models
        return [model for file in files for model in program.models(State(load(like, file), None))]


def lanes_together(program: Program, number: int) -> int:
    """How many of some lanes are trained side by side: one on a CPU, elsewhere as many as fit into memory.

    Args:
        program: of the training, whose spec may say how many.
        number: of lanes.
    """
    device = jax.config.values["jax_default_device"] or jax.devices()[0]
    wanted = program.spec.together or (1 if device.platform == "cpu" else number)
    size = max(1, min(wanted, number))
    memory = (device.memory_stats() or {}).get("bytes_limit")
    while memory is not None and size > 1:
        lanes = tuple(Lane(program.spec.seed, program.spec.rates[0]) for _ in range(size))
        if program.step_bytes(lanes) <= MOST_OF_MEMORY * memory:
            break
        size = -(-size // 2)
    return size


@contextlib.contextmanager
def _precision(spec: TrainingSpec) -> Iterator[None]:
    with jax.enable_x64(spec.precision is Precision.DOUBLE):
        yield


def _identity(spec: TrainingSpec, program: Program) -> dict[str, Any]:
    """All that the numbers of a training depend on; what is made by a maker of one's own is known by its shapes."""
    shapes = [[list(leaf.shape), str(leaf.dtype)] for leaf in jax.tree.leaves(eqx.filter(program.shapes, is_shape))]
    versions = {name: metadata.version(name) for name in ("jax", "jaxlib", "equinox", "optax")}
    return {
        "specification": plain(spec),
        "data": spec.data.described(),
        "arrays": shapes,
        "versions": versions | {"ntadyn": __version__},
        # These move the last bits.
        "compilation": [os.environ.get("XLA_FLAGS", ""), bool(jax.config.read("jax_disable_most_optimizations"))],
        "platform": (jax.config.values["jax_default_device"] or jax.devices()[0]).platform,
    }


def _steps(program: Program, folder: Path | None, tell: Callable[[str], None]) -> int:
    """Steps of a training: those of its spec, or as many as fit into its time, which a folder remembers."""
    spec = program.spec
    if spec.seconds is None:
        return spec.steps
    file = None if folder is None else folder / STEPS
    if file is not None and file.exists():
        return int(json.loads(file.read_text())["steps"])
    size = lanes_together(program, spec.seeds)
    lanes = tuple(Lane(spec.seed + index, spec.rates[0]) for index in range(size))
    state = program.start(lanes)
    for step in range(1 + TIMED_STEPS):
        state, loss = program.step(state, lanes, step, 1 + TIMED_STEPS)
        loss.block_until_ready()
        if step == 0:  # which was compiled
            begin = time.perf_counter()
    share = (time.perf_counter() - begin) / (TIMED_STEPS * size)
    check_count("steps in the given seconds, times seeds", spec.seconds / share * spec.seeds, MOST_RECORDS)
    steps = max(1, int(spec.seconds / share))
    tell(f"{1e3 * share:.3g} ms per step and seed: {steps} steps in {spec.seconds:g} s")
    if file is not None:
        storage.write_bytes(json.dumps({"steps": steps}).encode(), file)
    return steps


def _one_by_one(kept: Kept) -> list[Kept]:
    """Every lane of a group for itself; of its time, an equal share."""
    number = len(kept.losses)

    def one(index: int) -> Kept:
        state, losses, held_out = jax.tree.map(
            lambda leaf: leaf[index : index + 1], (kept.state, kept.losses, kept.held_out)
        )
        return Kept(state, kept.step, losses, held_out, kept.seconds / number)

    return [one(index) for index in range(number)]


def _model_file(seed: int) -> str:
    return f"seed-{seed}.model"
