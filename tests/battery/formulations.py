"""The same problem in all formulations: weight space, order parameters, singular modes, and on lanes."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from tests.battery import problems
from tests.battery.findings import Findings, Reminder, forget_programs
from tests.battery.problems import HINGE, L1, PATHS, UNIT_L1, Problem, Structure
from tests.battery.solutions import PROMISED

FULL = 500
PER_STRUCTURE = 20
# Formulations that make the same steps differ by rounding, which problems amplify.
ROUNDING = 1e-9
_PENALTIES = ((), (HINGE, UNIT_L1), (HINGE,), (UNIT_L1,), (L1,), (HINGE, L1), (UNIT_L1, L1))


def _structure(rng: np.random.Generator) -> Structure:
    """White inputs, one gate per path, few paths: what all formulations can hold."""
    return Structure(
        kind=PATHS,
        paths=int(rng.integers(1, 5)),
        d_out=int(rng.integers(1, 5)),
        d_in=int(rng.integers(3, 8)),
        num_tasks=int(rng.integers(1, 4)),
        num_blocks=int(rng.integers(1, 5)),
        penalties=_PENALTIES[int(rng.integers(len(_PENALTIES)))],
        is_white=True,
    )


def _with_common_modes(problem: Problem, rng: np.random.Generator) -> Problem:
    """Teachers of the same sizes that share their left singular vectors and have orthogonal row spaces."""
    tasks, d_out, d_in = problem.teachers.shape
    rank = min(d_out, d_in // tasks)
    left = np.linalg.qr(rng.normal(size=(d_out, d_out)))[0][:, :rank]
    right = np.linalg.qr(rng.normal(size=(d_in, d_in)))[0][:, : tasks * rank].T.reshape(tasks, rank, d_in)
    strengths = rng.uniform(0.3, 1.0, (tasks, rank))
    strengths *= np.linalg.norm(problem.teachers, axis=(1, 2))[:, None] / np.linalg.norm(strengths, axis=1)[:, None]
    teachers = np.einsum("or,mr,mri->moi", left, strengths, right)
    return dataclasses.replace(problem, teachers=teachers)


def draw(seed: int, number: int) -> Problem:
    """The problem of this number; `PER_STRUCTURE` consecutive ones share their compiled programs."""
    structure = _structure(np.random.default_rng([seed, 2, number // PER_STRUCTURE]))
    rng = np.random.default_rng([seed, 3, number])
    return _with_common_modes(problems.fill(structure, rng), rng)


@dataclasses.dataclass(frozen=True)
class Run:
    """Gates at the ends of blocks, the largest estimated error of any gate, and the result code."""

    gates: np.ndarray
    estimate: float
    code: int


def _run_all(problem: Problem) -> Iterator[tuple[str, Run]]:
    from ntadyn.dynamics import OrderParameters, SVDModes
    from ntadyn.simulation import observables, simulate
    from ntadyn.simulation.outcome import result_codes

    recorded = {"gates": observables.gates}
    flow, network, curriculum = problems.build(problem)
    for name, kind in (("weight space", None), ("order parameters", OrderParameters), ("singular modes", SVDModes)):
        system = flow if kind is None else kind(flow.tasks, flow.time_constants, flow.penalties)
        state = system.initial_state(network)
        found = simulate(system, curriculum, state, observables=recorded, estimate_error=True)
        assert found.error is not None
        yield (
            name,
            Run(
                np.asarray(found.values["gates"])[1::2],
                float(np.max(found.error["gates"])),
                int(result_codes(found.result)),
            ),
        )
    yield "lanes", _on_lanes(problem)


def _on_lanes(problem: Problem) -> Run:
    import equinox as eqx
    import jax

    from ntadyn.dynamics import OrderParameters
    from ntadyn.simulation import LaneSteps, default_step, integrate_batch, observables
    from ntadyn.simulation.outcome import result_codes
    from ntadyn.simulation.time_grid import lay_out

    flow, network, curriculum = problems.build(problem)
    system = OrderParameters(flow.tasks, flow.time_constants, flow.penalties)
    state = system.initial_state(network)
    grid = lay_out(curriculum, default_step(system, state))
    systems, states = jax.tree.map(
        lambda leaf: np.asarray(leaf)[None] if eqx.is_array_like(leaf) else leaf, (system, state)
    )
    run, recorded = eqx.filter_jit(integrate_batch), {"gates": observables.gates}
    coarse, fine = (run(systems, curriculum, states, LaneSteps(times), grid, recorded) for times in (1, 2))
    gates, finer = (np.asarray(found.values["gates"])[0][1::2] for found in (coarse, fine))
    codes = [int(result_codes(found.result)[0]) for found in (coarse, fine)]
    return Run(gates, 3 * float(np.max(np.abs(gates - finer))), max(codes))


def run(seed: int, share: float, write) -> Findings:
    """Every formulation against weight space: by rounding where steps are the same, within the estimates otherwise."""
    total = max(PER_STRUCTURE, round(FULL * share))
    findings, same, unresolved = Findings(), [], 0
    reminder = Reminder("formulations", total, write)
    worst = {}
    for number in range(total):
        reminder.tell(number)
        if number % PER_STRUCTURE == 0:
            forget_programs()
        findings.tried += 1
        problem = draw(seed, number)
        try:
            runs = dict(_run_all(problem))
        except Exception as error:
            findings.fault(f"{number}: {problem.summary()} ended in {type(error).__name__}: {error}")
            continue
        whole = runs["weight space"]
        for name, other in runs.items():
            if other.code:
                findings.fault(f"{number}: {problem.summary()}: {name} ended with result code {other.code}")
                continue
            difference = float(np.max(np.abs(other.gates - whole.gates)))
            allowed = whole.estimate + other.estimate
            unresolved += not np.isfinite(allowed)
            if name in ("order parameters", "singular modes"):
                same.append(difference <= ROUNDING)
            worst[name] = max(worst.get(name, 0.0), difference)
            if difference > max(allowed, PROMISED) or difference > max(10 * allowed, ROUNDING):
                findings.fault(
                    f"{number}: {problem.summary()}: {name} differs from weight space by {difference:.1e}, where the "
                    f"estimates allow {allowed:.1e}"
                )
    if np.mean(same) < 0.95:
        findings.fault(f"only {100 * np.mean(same):.1f} % of runs that make the same steps agree to {ROUNDING:g}")
    findings.facts = [
        f"{100 * np.mean(same):.1f} % of the runs that make the same steps agree to {ROUNDING:g}",
        *(f"{name} differ by {value:.0e} at most" for name, value in worst.items() if value),
        f"{unresolved} unresolved",
    ]
    return findings
