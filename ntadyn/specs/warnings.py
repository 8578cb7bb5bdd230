"""Warnings about runs that make little sense: given with the result, never refused. Nothing here imports JAX."""

from collections import Counter
from collections.abc import Iterator

from ntadyn.specs.configuration import Composites, Configuration, Dynamics, TeacherKind
from ntadyn.specs.extent import default_step_for, num_blocks, order_of_tasks, size_of_teachers
from ntadyn.specs.kinds import is_number
from ntadyn.specs.spec import draws_curricula

# Blocks that a task needs to be seen again after a switch.
FEWEST_BLOCKS = 2
# Steps this many times longer than the default have errors larger by this number squared.
COARSE = 10
# Number of blocks beyond which every task comes often enough.
_MANY_BLOCKS = 1000


def warnings_of(configuration: Configuration) -> list[str]:
    """What you should know about a run before you believe its numbers.

    Args:
        configuration: one that passes `check_simulation`; parameters that are traced or arrays are ignored.

    Returns:
        Sentences that name the parameters; none for a run that makes sense.
    """
    return [*_about_blocks(configuration), *_about_steps(configuration), *_without_effect(configuration)]


def _about_blocks(configuration: Configuration) -> Iterator[str]:
    curriculum = configuration.curriculum
    duration, end = curriculum.block_duration, curriculum.end
    if not (is_number(duration) and is_number(end)):
        return
    if duration > end * (1 + 1e-9):
        yield (
            f"curriculum.block_duration {duration:g} is longer than the run of {end:g}: the task never switches. Make "
            f"blocks shorter, or curriculum.total_time longer."
        )
        return
    number = num_blocks(curriculum)
    if number > _MANY_BLOCKS:
        return
    met = Counter(order_of_tasks(configuration))
    tasks = met.keys() if curriculum.tasks is not None or curriculum.name != "A_B__" else _all_base(configuration)
    seldom = {task: met[task] for task in sorted(tasks) if met[task] < FEWEST_BLOCKS}
    if seldom:
        times = ", ".join(f"task {task} in {count}" for task, count in seldom.items())
        yield (
            f"{number} blocks of curriculum.block_duration {duration:g} in a run of {end:g} show some tasks in fewer "
            f"than {FEWEST_BLOCKS} blocks ({times}): nothing is learned again there. Make the run longer "
            f"(curriculum.total_time, curriculum.num_blocks), or the blocks shorter."
        )


def _all_base(configuration: Configuration) -> range:
    return range(int(configuration.teachers.num_tasks))


def _about_steps(configuration: Configuration) -> Iterator[str]:
    taus, given = configuration.time_constants, configuration.max_step
    if given is None or not all(map(is_number, (taus.gates, taus.weights, given))):
        return
    size = size_of_teachers(configuration.teachers)
    if configuration.dynamics is Dynamics.ONLINE:
        limit = 2 * min(taus.gates / size**2, taus.weights)
        if given > limit * (1 + 1e-9):
            yield (
                f"max_step {given:g} is beyond {limit:.2g}, where the steps of dynamics online overshoot further each "
                f"time. Make it smaller."
            )
        return
    default = default_step_for(configuration, size)
    if given > COARSE * default:
        yield (
            f"max_step {given:g} is {given / default:.0f} times the default step, about {default:.2g}: numbers will "
            f"be far off. Leave it out, or look at estimate_error."
        )


def _without_effect(configuration: Configuration) -> Iterator[str]:
    """Parameters that were changed and are not used."""
    default, teachers = Configuration(), configuration.teachers
    overlapping = teachers.kind in (TeacherKind.OVERLAPPING, TeacherKind.ROW_OVERLAPPING)
    unused = {
        "teachers.overlap": (not overlapping, "only teachers.kind overlapping and row_overlapping do", "overlap"),
        "teachers.mixing": (teachers.composites is not Composites.SUM, "only teachers.composites sum does", "mixing"),
    }
    for path, (is_unused, who, name) in unused.items():
        value = getattr(teachers, name)
        if is_unused and is_number(value) and value != getattr(default.teachers, name):
            yield f"{path} {value:g} has no effect: {who}."
    if configuration.dynamics is not Dynamics.ONLINE:
        if configuration.batch_size != default.batch_size:
            yield f"batch_size {configuration.batch_size} has no effect: only dynamics online draws batches."
        if configuration.sampler is not default.sampler:
            yield f"sampler {configuration.sampler.value} has no effect: only dynamics online draws batches."
        if configuration.randomness.data_seed is not None and not draws_curricula(configuration):
            seed = configuration.randomness.data_seed
            yield f"randomness.data_seed {seed} has no effect: only dynamics online draws batches."
