"""How fast this machine sweeps, and against what: every number a ratio of things measured in one run."""

import dataclasses
import itertools
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ntadyn.dynamics.order_parameters import OrderParameters
from ntadyn.interface.observables import STANDARD, batch_loss, full_state
from ntadyn.maps.summary import JITTER, SENSITIVE
from ntadyn.simulation import Updates
from ntadyn.simulation.integration import integrate
from ntadyn.simulation.lane_gates import flow_within_orthants
from ntadyn.simulation.lane_weights import relax_weights
from ntadyn.simulation.lanes import LaneProblem, LaneState, to_lanes
from ntadyn.simulation.native import kernel
from ntadyn.simulation.native.lines import Shape
from ntadyn.simulation.native.scheme import Improved
from ntadyn.simulation.native.source import operations
from ntadyn.simulation.time_grid import lay_out
from ntadyn.specs import building
from ntadyn.specs.configuration import Dynamics
from ntadyn.specs.paths import replaced
from ntadyn.specs.presets import figure_5_published
from ntadyn.sweeps.engine import Threads, run_sweep
from ntadyn.sweeps.phase_maps import figure_5_maps, published
from ntadyn.sweeps.plan import Backend, Precision, Sweep
from ntadyn.xla_options import loops_are_whole

MATRIX = 2048
# The error that 99 of 100 trajectories of the maps stay below, which steps are chosen for.
ERROR_BAR = 1e-3
# The published algorithm is run for this share of the length of figure 5, after which it goes on in the same way.
BASELINE_SHARE = 0.1


@dataclass(frozen=True)
class SweepSpeed:
    """The gate-speed map of figure 5 (7 units of time, tau_W = 1, ten repetitions) by one backend in one precision.

    Attributes:
        backend: what steps: a value of `sweeps.plan.Backend`.
        precision: of the numbers.
        trajectories: how many were run.
        per_second: trajectories per second of run time, compilation apart.
        compile_seconds: compilation of the program.
        steps: mean number of steps of a trajectory.
        gate_error_median: median of the largest change of a recorded gate under halved steps, without sensitive
            trajectories.
        gate_error_99: 99 of 100 of these are below this.
        sensitive: share of the checked trajectories that amplify a jitter of their start a thousandfold.
        flops: floating-point operations per second that the steps need, divisions counted as one.
        peak: floating-point operations per second of a matrix product on all cores.
    """

    backend: str
    precision: str
    trajectories: int
    per_second: float
    compile_seconds: float
    steps: float
    gate_error_median: float
    gate_error_99: float
    sensitive: float
    flops: float
    peak: float

    @property
    def per_second_at_bar(self) -> float:
        """Trajectories per second in steps that leave an error of `ERROR_BAR`, of a scheme of second order."""
        return self.per_second * math.sqrt(ERROR_BAR / self.gate_error_99)


@dataclass(frozen=True)
class Benchmark:
    """What `measure` found.

    Attributes:
        machine: processor, number of cores, device, and how XLA compiles loops (see `ntadyn.compile_whole_loops`).
        sweeps: one entry per backend that is installed, and precision.
        baseline_per_second: trajectories per second of the published algorithm in our own online system: batches of
            200, steps of 1e-3, weights and gates logged at every step, ten repetitions as one batch, double precision;
            measured for a tenth of the length of figure 5.
        baseline_compile_seconds: compilation of that.
    """

    machine: dict[str, Any]
    sweeps: tuple[SweepSpeed, ...]
    baseline_per_second: float
    baseline_compile_seconds: float

    def as_record(self) -> dict[str, Any]:
        """Plain values, ratios to the baseline included."""
        record = dataclasses.asdict(self)
        for sweep in record["sweeps"]:
            sweep["ratio_to_baseline"] = sweep["per_second"] / self.baseline_per_second
        for sweep, item in zip(record["sweeps"], self.sweeps, strict=True):
            sweep["per_second_at_bar"] = item.per_second_at_bar
        return record

    def table(self) -> str:
        """The same as a table in Markdown."""
        lines = [
            f"| backend | precision | trajectories per s | ratio | compile | steps | gate error, 99 % below "
            f"| per s at {ERROR_BAR:g} | GFlop/s | of peak |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {item.backend} | {item.precision} | {item.per_second:,.0f} "
            f"| {item.per_second / self.baseline_per_second:,.0f} | {item.compile_seconds:.1f} s | {item.steps:.0f} "
            f"| {item.gate_error_99:.0e} | {item.per_second_at_bar:,.0f} "
            f"| {item.flops / 1e9:.1f} | {item.flops / item.peak:.0%} of {item.peak / 1e9:.0f} |"
            for item in self.sweeps
        ]
        lines.append(
            f"| baseline | float64 | {self.baseline_per_second:.2f} | 1 | {self.baseline_compile_seconds:.1f} s | 7000 "
            "| | | | |"
        )
        return "\n".join(lines)


Report = Callable[[str, int], Callable[[int], Any]]


def _silent(what: str, total: int) -> Callable[[int], Any]:
    return lambda number: None


def measure(size: int = 128, workers: int = 2, report: Report = _silent) -> Benchmark:
    """Measure this machine.

    Args:
        size: rows and columns of the map; 128 makes 163,840 trajectories.
        workers: tiles that run at the same time.
        report: called with what is being measured and of how many parts, before it begins; what it returns is called
            with the number of parts that are finished.

    Returns:
        The numbers.

    Raises:
        ValueError: if the size or the number of workers is not positive.
    """
    sweeps = []
    for backend, precision in itertools.product(installed_backends(), Precision):
        sweeps.append(_sweep_speed(backend, precision, size, workers, report))
    per_second, compile_seconds = baseline(BASELINE_SHARE * figure_5_published().curriculum.end, report)
    device = jax.devices()[0]
    machine = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": f"{len(jax.devices())} x {device.device_kind}",
        "jax": jax.__version__,
        "loops": "compiled whole" if loops_are_whole() else "run operation by operation",
        "workers": workers,
    }
    return Benchmark(machine, tuple(sweeps), per_second, compile_seconds)


def installed_backends() -> tuple[Backend, ...]:
    """The backends that can run here: XLA, and kernels on a CPU with Numba."""
    native = kernel.backend() is not None and jax.default_backend() == "cpu"
    return (Backend.XLA, Backend.NATIVE) if native else (Backend.XLA,)


def _sweep_speed(backend: Backend, precision: Precision, size: int, workers: int, report: Report) -> SweepSpeed:
    compute = Threads(workers)
    plan, checks = _map(size, backend, precision), _map(max(2, size // 5), backend, precision, check=1.0)
    trajectories, checked = (item.num_cells * len(item.repetitions()) for item in (plan, checks))
    finished = report(f"{backend.value}, {precision.value}: {size} x {size} cells of ten repetitions", trajectories)
    # The peak is measured right before and right after: a shared machine changes its speed from minute to minute.
    before = matrix_product_flops(precision)
    dataset = run_sweep(plan, compute=compute, report=finished)
    peak = max(before, matrix_product_flops(precision))
    number, seconds = dataset.result.size, float(dataset.attrs["run_seconds"])
    finished = report(f"{backend.value}, {precision.value}: errors of every fifth cell", checked)
    found = run_sweep(checks, compute=compute, report=finished)
    errors, jumps = found.gate_error.values, found.perturbation.values
    steady = errors[jumps < SENSITIVE * JITTER]
    steps = float(dataset.attrs["mean_steps"])
    return SweepSpeed(
        backend.value,
        precision.value,
        number,
        number / seconds,
        float(dataset.attrs["compile_seconds"]),
        steps,
        float(np.median(steady)),
        float(np.quantile(steady, 0.99)),
        1 - steady.size / errors.size,
        (step_flops() if backend is Backend.XLA else native_step_flops(precision)) * steps * number / seconds,
        peak,
    )


def _map(size: int, backend: Backend, precision: Precision, check: float = 0.0) -> Sweep:
    ranges = dataclasses.replace(published(), size=(size, size))
    return dataclasses.replace(figure_5_maps(ranges, check, precision)[0], backend=backend, bars=False)


def native_step_flops(precision: Precision) -> int:
    """`step_flops` of a round of the improved step, as its kernel is written."""
    return operations(Shape(2, 2, precision.value, Improved()))


def step_flops() -> float:
    """Additions, multiplications, divisions and comparisons of one step of one trajectory with two paths and two tasks.

    Of a step that meets no kink; others cost twice as much.
    """
    configuration = figure_5_published()
    key = building.first(building.keys(configuration.randomness))

    def one(key: building.Keys) -> tuple[OrderParameters, Any]:
        system, state = building.build(configuration, key)
        assert isinstance(system, OrderParameters)
        return system, state

    batch = jax.eval_shape(lambda key: jax.tree.map(lambda leaf: jnp.asarray(leaf)[..., None], one(key)), key)
    problem, state = jax.eval_shape(to_lanes, *batch)

    def step(problem: LaneProblem, state: LaneState, pull: list[Any], task: list[Any], duration: Any):
        state, pull = relax_weights(problem, state, pull, task, duration)
        return flow_within_orthants(problem, state, pull, task, duration), state

    number = jax.ShapeDtypeStruct((), state.gates[0].dtype)
    analysis = jax.jit(step).lower(problem, state, state.gates, [number, number], number).cost_analysis()
    assert analysis is not None
    return float(analysis["flops"])


def matrix_product_flops(precision: Precision) -> float:
    """Operations per second of the product of two matrices, best of three."""
    matrix = jnp.ones((MATRIX, MATRIX), jnp.dtype(precision.value))
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    return 2 * MATRIX**3 / min(_timed(lambda: product(matrix, matrix).block_until_ready()) for _ in range(3))


def baseline(total_time: float | None = None, report: Report = _silent) -> tuple[float, float]:
    """The published algorithm on one cell of figure 5: batches in weight space, everything logged at every step.

    Args:
        total_time: length of the run; that of figure 5 if omitted.
        report: see `measure`.

    Returns:
        Trajectories per second, scaled to the length of figure 5, and seconds of compilation.
    """
    configuration = replaced(figure_5_published(), {"dynamics": Dynamics.ONLINE, "max_step": 1e-3})
    whole = configuration.curriculum.end
    total = whole if total_time is None else total_time
    configuration = replaced(configuration, {"curriculum.total_time": total})
    keys = building.keys(configuration.randomness)
    system, _ = building.build(configuration, building.first(keys))
    curriculum = building.build_curriculum(configuration.curriculum, system.tasks)
    steps = round(min(configuration.curriculum.block_duration, total) / 1e-3)
    grid = lay_out(curriculum, 1e-3, records_per_block=steps - 1)
    observables = STANDARD | {"batch_loss": batch_loss, "state": full_state}

    def one(key: building.Keys):
        system, state = building.build(configuration, key)
        return integrate(system, curriculum, state, Updates(), grid, observables).values["loss"]

    finished = report("baseline: the published algorithm, one cell of ten repetitions", 3)
    began = time.perf_counter()
    compiled = jax.jit(jax.vmap(one)).lower(keys).compile()
    compile_seconds = time.perf_counter() - began
    seconds = math.inf
    for _ in range(2):
        finished(1)
        seconds = min(seconds, _timed(lambda: jax.block_until_ready(compiled(keys))))
    finished(1)
    return configuration.randomness.num_seeds / seconds * total / whole, compile_seconds


def _timed(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
