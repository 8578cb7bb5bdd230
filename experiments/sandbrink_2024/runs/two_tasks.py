"""Two tasks in turn: the flexible and the forgetful network of figure 2."""

from ntadyn.specs import presets
from ntadyn.specs.configuration import Configuration, Dynamics
from ntadyn.specs.paths import replaced

REGIMES = {"flexible": presets.figure_2_flexible, "forgetful": presets.figure_2_forgetful}


def two_regimes(dynamics: Dynamics, num_seeds: int, seed: int) -> dict[str, Configuration]:
    """Both regimes as configurations.

    Args:
        dynamics: of both.
        num_seeds: repetitions with other initial weights (and batches), on one set of teachers.
        seed: the seed that all keys are derived from.
    """
    changes = {"dynamics": dynamics, "randomness.num_seeds": num_seeds, "randomness.seed": seed}
    return {name: replaced(preset(), changes) for name, preset in REGIMES.items()}
