"""What the forms of linear memories cost against the loop over tokens: compile and run, forward and with gradients.

    python tests/benchmarks/memory_forms.py

writes the table from which `ntadyn.nested.memories.default_form` chooses. Single precision. The forms of one problem
take turns, so that a ratio compares runs side by side, and the median of the turns is kept. Takes about half an hour
on two cores; others may use them, which moves the seconds more than the ratios.
"""

import argparse
import csv
import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import ntadyn
from ntadyn.nested.memories import (
    AbstractForm,
    AbstractLinearRule,
    AssociativeMemory,
    GatedDelta,
    Hebbian,
    MeasuredForm,
    Writes,
)
from ntadyn.nested.memories import default_form as table_module

TABLE = Path(table_module.__file__).with_name(table_module.TABLE)
"""Where the table is kept."""
