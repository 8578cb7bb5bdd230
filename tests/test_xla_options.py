"""Loops that are compiled whole: what is written into XLA_FLAGS, when that is too late, and whether it is in force."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ntadyn
from ntadyn import xla_options
from ntadyn.xla_options import FLAG, OPTIONS, VARIABLE, compile_whole_loops, loops_are_whole, without_options

FUSION, THRESHOLD = OPTIONS
BOTH = f"{FLAG}={FUSION},{THRESHOLD}"

# Says what is in force in a process that calls the function before or after JAX has started, or never.
ASK = """
import sys
import ntadyn, jax
if "late" in sys.argv:
    jax.devices()
if len(sys.argv) > 1:
    ntadyn.compile_whole_loops()
from ntadyn.sweeps.surroundings import surroundings
found = surroundings()
print(found["loops are compiled whole"], found["variables"])
"""


def asked(*arguments, **environment):
    own = {name: value for name, value in os.environ.items() if name != VARIABLE}
    own |= {"PYTHONPATH": str(Path(ntadyn.__file__).parents[1])} | environment
    return subprocess.run([sys.executable, "-c", ASK, *arguments], env=own, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, BOTH),
        ("", BOTH),
        ("--xla_dump_to=/tmp/x", f"--xla_dump_to=/tmp/x {BOTH}"),
        (f"{FLAG}=xla_cpu_other", f"{FLAG}=xla_cpu_other {BOTH}"),
        (
            f"{FLAG}=xla_cpu_other,xla_cpu_small_while_loop_byte_threshold=4096",
            f"{FLAG}=xla_cpu_other,xla_cpu_small_while_loop_byte_threshold=4096 {FLAG}={FUSION}",
        ),
        (f"{FLAG}={FUSION}=false", f"{FLAG}={FUSION}=false {FLAG}={THRESHOLD}"),
        (BOTH, BOTH),
        ("/home/me/flags", "/home/me/flags"),
    ],
)
def test_options_are_added_unless_the_user_has_spoken(given, expected):
    environment = {} if given is None else {VARIABLE: given}
    compile_whole_loops(environment)
    assert environment[VARIABLE] == expected
    compile_whole_loops(environment)
    assert environment[VARIABLE] == expected


def test_what_the_options_do_is_looked_at_and_all_else_is_told_by_its_flags():
    flags = f"--xla_a=1 {BOTH} {FLAG}=xla_cpu_other {FLAG}={FUSION},xla_cpu_small_while_loop_byte_threshold=4096"
    told = ["--xla_a=1", f"{FLAG}=xla_cpu_other", f"{FLAG}=xla_cpu_small_while_loop_byte_threshold=4096"]
    assert without_options(flags) == told


def test_this_process_compiles_loops_whole_and_may_ask_for_it_again(monkeypatch):
    assert loops_are_whole()
    compile_whole_loops()  # as a notebook does whose first cell is run again
    monkeypatch.setenv(VARIABLE, "--xla_dump_to=/tmp/x")
    with pytest.raises(RuntimeError, match="restart the kernel"):
        compile_whole_loops()
    assert os.environ[VARIABLE] == "--xla_dump_to=/tmp/x"


@pytest.mark.slow
def test_the_identity_of_a_sweep_says_what_is_in_force():
    early, never, late = asked("early"), asked(), asked("late")
    assert early.stdout == "True {}\n", early.stderr
    assert never.stdout == "False {}\n", never.stderr
    assert late.returncode == 1
    assert "has asked for its devices already" in late.stderr
    # Whoever sets the variable himself after JAX has started changes nothing, and that is told.
    assert asked("early", XLA_FLAGS=BOTH).stdout == early.stdout


def test_nobody_is_told_that_jax_has_started_when_it_is_not_even_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "jax._src.xla_bridge")
    assert not xla_options.has_started()
