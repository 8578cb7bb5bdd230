"""Configurations with other repetitions."""

import dataclasses

from ntadyn.specs.configuration import Configuration, Randomness


def seeded(configuration: Configuration, num_seeds: int, seed: int) -> Configuration:
    """The configuration with so many repetitions of that seed, on one set of teachers."""
    return dataclasses.replace(configuration, randomness=Randomness(seed=seed, num_seeds=num_seeds))
