"""Random configurations: each is refused by the name of a parameter, or built."""

import collections
import dataclasses
import enum
import math
import types
import typing
from typing import Any

import numpy as np

from tests.battery.findings import Findings

FULL = 10_000

_REALS = (
    math.nan, math.inf, -math.inf, 0.0, -0.0, 0, -1, -1.0, 1, 2, 1e-300, 5e-324, 1e-30, 1e-9, 1e9, 1e30, 1e100, 1e101,
    1e308, 10**30, 10**400, -(10**400), True, None, "1", "", "nan", 1j, b"1", [], [1.0], (1.0, 2.0), {}, object(),
)  # fmt: skip
_WHOLES = (
    0, -1, 1, 2, 3, 7, 64, 999, 10**4, 10**6, 10**6 + 1, 2**31, 2**32 - 1, 2**32, 2**63, 10**30, 1.0, 2.5, math.nan,
    math.inf, True, False, None, "2", "", [2], (2,), 2j, np.int64(3), np.float64(3.0), object(),
)  # fmt: skip
_OTHERS = (
    None,
    True,
    0,
    1,
    -1,
    1.5,
    math.nan,
    "",
    "A",
    "ORTHOGONAL",
    "\x00",
    "Ä" * 500,
    b"A",
    [],
    {},
    object(),
    10**400,
)
_CURRICULA = (
    "A_B__",
    "A_B_C__",
    "A_B__A",
    "A_B__AB",
    "A__",
    "B_A__",
    "random__",
    "A_Z__",
    "__",
    "A_B",
    "",
    "a_b__",
    "A" * 99,
)


def leaves(node: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (declared type, value) of every parameter."""
    found = {}
    for item in dataclasses.fields(node):
        value = getattr(node, item.name)
        if dataclasses.is_dataclass(value):
            found |= leaves(value, f"{prefix}{item.name}.")
        else:
            found[prefix + item.name] = item.type, value
    return found


def _draw_value(rng: np.random.Generator, path: str, kind: Any, value: Any) -> Any:
    """Something plausible, more often than not, or anything at all."""
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if isinstance(kind, types.UnionType):
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
    plausible = rng.random() < 0.8
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        options = list(kind) if plausible else _OTHERS
    elif kind is bool:
        options = (True, False) if plausible else _OTHERS
    elif kind is str:
        options = _CURRICULA if plausible else _OTHERS
    elif typing.get_origin(kind) is tuple:
        order = tuple(rng.integers(0, 4, int(rng.integers(1, 6))).tolist())
        options = (order, None) if plausible else (*_OTHERS, (), (-1,), (0.5,), (True,), (10**30,), [0, 1], ("A",))
    elif kind is int:
        options = (int(rng.integers(1, 30)),) if plausible else _WHOLES
    else:
        assert kind is float, f"{path} has the unknown type {kind}"
        size = value if isinstance(value, float) and value > 0 else 1.0
        options = (float(size * 10 ** rng.normal(0, 1)), None) if plausible else _REALS
    return options[int(rng.integers(len(options)))]


def draw(rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    """A configuration, and what is unlike the preset that it started from."""
    from ntadyn.specs.configuration import Configuration
    from ntadyn.specs.paths import replaced
    from ntadyn.specs.presets import SIMULATIONS

    presets = [Configuration, *SIMULATIONS.values()]
    start = presets[int(rng.integers(len(presets)))]()
    parameters = leaves(start)
    number = min(int(rng.geometric(0.35)), len(parameters))
    chosen = rng.choice(sorted(parameters), number, replace=False)
    changes = {str(path): _draw_value(rng, str(path), *parameters[str(path)]) for path in chosen}
    return replaced(start, changes), changes


def build(configuration: Any) -> None:
    """All that is built before a simulation runs, as shapes only: nothing is allocated."""
    import jax

    from ntadyn.specs import building

    key = building.first(building.keys(configuration.randomness))
    system, state = jax.eval_shape(lambda key: building.build(configuration, key), key)
    building.build_curriculum(configuration.curriculum, system.tasks)
    assert state is not None


def run(seed: int, share: float, write) -> Findings:
    """Draw, check, build."""
    from ntadyn.specs.checks import check_configuration
    from ntadyn.specs.configuration import Configuration
    from tests.battery.findings import Reminder

    names = {path.rpartition(".")[2] for path in leaves(Configuration())}
    total = max(1, round(FULL * share))
    findings, counts = Findings(), collections.Counter()
    reminder = Reminder("configurations", total, write)
    for number in range(total):
        reminder.tell(number)
        rng = np.random.default_rng([seed, 1, number])
        configuration, changes = draw(rng)
        findings.tried += 1
        stage = "refused by its check"
        try:
            check_configuration(configuration)
            stage = "refused by what builds it"
            build(configuration)
            counts["built"] += 1
        except ValueError as error:
            message = str(error)
            counts[stage] += 1
            if not any(name in message for name in names):
                findings.fault(f"{number}: {changes} was refused without a parameter's name: {message}")
            elif len(message) > 1000:
                findings.fault(f"{number}: {changes} was refused at a length of {len(message)} characters: {message}")
        except Exception as error:
            findings.fault(f"{number}: {changes} ended in {type(error).__name__}: {error}")
    findings.facts = [f"{count} {what}" for what, count in sorted(counts.items())]
    return findings
