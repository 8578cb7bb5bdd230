"""Where the parameters of a command start: the preset that is named, without what the options replace."""

import contextlib
import itertools
from collections.abc import Sequence
from typing import Any, TypeVar

from ntadyn.cli.axis_words import path_of
from ntadyn.specs.configuration import NO_PENALTIES
from ntadyn.specs.names import spoken
from ntadyn.specs.paths import replaced

Started = TypeVar("Started")
# Short names from papers -> options: first those of maps, in which these parameters are axes.
_SHORT = {
    "tau-c": ("--gate-time-constant LOW HIGH", "--time-constants.gates"),
    "tau-w": ("--time-constants.weights", "--time-constants.weights"),
    "tau-b": ("--block-duration LOW HIGH", "--curriculum.block-duration"),
    "lambda": ("--strength LOW HIGH", "--penalties.strength"),
    "num-seeds": ("--seeds", "--seeds"),
}


def named_preset(arguments: Sequence[str]) -> str | None:
    """The preset that the arguments name, in its shown spelling, or None.

    Args:
        arguments: the words of the command line.

    Raises:
        ValueError: if they name several, because all but one would be ignored.
    """
    named = given_once("preset", arguments)
    return None if named is None else spoken(named)


def given_once(option: str, arguments: Sequence[str]) -> str | None:
    """The value of an option on which the others depend, or None.

    Args:
        option: its name without dashes.
        arguments: the words of the command line.

    Raises:
        ValueError: if it is given several times, because all but one would be ignored.
    """
    begin = f"--{option}="
    named = [argument.removeprefix(begin) for argument in arguments if argument.startswith(begin)]
    named += [value for name, value in itertools.pairwise(arguments) if name == f"--{option}"]
    if len(named) > 1:
        raise ValueError(f"--{option} is given {len(named)} times ({', '.join(named)}); give it once.")
    return named[0] if named else None


def making_room(configuration: Started, arguments: Sequence[str]) -> Started:
    """A preset without what the options replace: relative weights, the name of a curriculum, the total time.

    Args:
        configuration: the preset, a `Configuration` or a learner on a stream of teachers.
        arguments: the words of the command line.

    Returns:
        The configuration without these; unchanged if nothing is replaced.
    """
    options, changes = [*_options(arguments), *_axes(configuration, arguments)], {}
    if any(option.startswith("coefficients.") for option in options):
        changes["penalties"] = NO_PENALTIES
    if "curriculum.tasks" in options:
        changes["curriculum.name"] = None
    if "curriculum.num-blocks" in options:
        changes["curriculum.total_time"] = None
    # Curricula of other kinds have no such alternatives.
    given = getattr(configuration, "curriculum", None)
    changes = {path: to for path, to in changes.items() if path == "penalties" or hasattr(given, path.split(".")[-1])}
    return replaced(configuration, changes)


def check_short_names(arguments: Sequence[str]) -> None:
    """Refuse short names that are not options.

    Args:
        arguments: the words of the command line.

    Raises:
        ValueError: for such a name; the message says which option was meant.
    """
    is_map = "phase-diagram" in arguments[:1]
    for option in _options(arguments):
        if option in _SHORT:
            of_maps, of_simulations = _SHORT[option]
            raise ValueError(f"there is no option --{option}; use {of_maps if is_map else of_simulations}.")


def _options(arguments: Sequence[str]) -> list[str]:
    """The names of all options, without their values."""
    return [spoken(word[2:].partition("=")[0]) for word in arguments if word.startswith("--")]


def _axes(configuration: Any, arguments: Sequence[str]) -> list[str]:
    """The parameters that `--axis` names, spelled like options; unknown ones are refused later."""
    words = [word.removeprefix("--axis=") for word in arguments if word.startswith("--axis=")]
    words += [word for name, word in itertools.pairwise(arguments) if name == "--axis"]
    found = []
    for name in (name for word in words for name in word.partition("=")[0].split("+")):
        with contextlib.suppress(ValueError):
            found.append(spoken(path_of(name, configuration)))
    return found
