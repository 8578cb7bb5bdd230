"""Writes a file of trials that nobody made, in the form in which `people` reads those of people.

    python -m experiments.sandbrink_2024.figure_8.synthetic_people trials.csv --seed 0

It is for trying the panel, and says nothing about people: the numbers below are made up, none is measured. Errors after
a switch, and the time that an answer takes, fall with the trials since the switch and with the games played. Every line
is marked as synthetic, and so is whatever is drawn from it.
"""

import argparse
import io
from pathlib import Path

import numpy as np

from ntadyn.results import storage

USERS, GAMES, TRIALS = 12, (1, 2, 5, 10, 20, 50, 100, 200), 40
TASKS = ("pointing", "moving")
STAY = 0.7  # the probability that the next trial cues the same task


def synthetic_trials(seed: int) -> str:
    """The text of a file, see the module.

    Args:
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    text = io.StringIO()
    text.write("user,practice,trial,task,correct,response_time,synthetic\n")
    for user in range(USERS):
        skill = rng.normal(0, 0.2)
        for game in GAMES:
            task, since = int(rng.integers(2)), 5
            for trial in range(1, TRIALS + 1):
                if rng.random() > STAY:
                    task, since = 1 - task, 1
                else:
                    since += 1
                cost = np.exp(-(since - 1) / 2) / np.sqrt(game)
                correct = rng.random() < 1 / (1 + np.exp(-(2.5 + skill - 1.5 * cost)))
                seconds = (0.7 + 0.4 * cost) * np.exp(rng.normal(0, 0.2))
                text.write(f"nobody{user:02},{game},{trial},{TASKS[task]},{int(correct)},{seconds:.3f},1\n")
    return text.getvalue()


def main() -> None:
    """Write the file, whole or not at all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the CSV file to write; one that exists is replaced")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws")
    given = parser.parse_args()
    print(f"wrote {storage.write_bytes(synthetic_trials(given.seed).encode(), given.file)}: synthetic, nobody's trials")


if __name__ == "__main__":
    main()
