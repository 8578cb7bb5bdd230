"""Words of the command line: choices in any case, presets in any spelling, what options replace, what is unknown."""

import pytest

from ntadyn.cli import main
from ntadyn.cli.phase_diagram import PhaseDiagram
from ntadyn.cli.simulate import Simulate
from ntadyn.specs import families
from ntadyn.specs.checks import check_configuration
from ntadyn.specs.configuration import NO_PENALTIES, Composites, Dynamics, Gating, TeacherKind, TeacherScale
from ntadyn.specs.paths import value_at
from ntadyn.specs.presets import SIMULATIONS
from ntadyn.sweeps.phase_maps import PRESETS
from ntadyn.sweeps.plan import Precision
from ntadyn.tasks.schedules import NAMED
from ntadyn.version import __version__


@pytest.fixture
def parsed(monkeypatch):
    """The command that some words make, which is not run."""

    def parse(*words):
        made = []
        for command in (Simulate, PhaseDiagram):
            monkeypatch.setattr(command, "run", lambda self: made.append(self) or 0)
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        assert end.value.code == 0
        return made[0]

    return parse


def refused(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert end.value.code == 2
    return capsys.readouterr().err


CHOICES = {
    "dynamics": Dynamics,
    "teachers.kind": TeacherKind,
    "teachers.scale": TeacherScale,
    "teachers.composites": Composites,
    "network.gating": Gating,
}


@pytest.mark.parametrize("spell", [str.lower, str.upper, lambda name: name.title().replace("_", "-")])
@pytest.mark.parametrize("path", CHOICES)
def test_choices_are_taken_in_any_case(path, spell, parsed):
    for member in CHOICES[path]:
        command = parsed("simulate", f"--{path}", spell(member.name))
        assert value_at(command.configuration, path) is member


def test_choices_of_other_commands_too(parsed):
    assert parsed("phase-diagram", "--precision", "Single").running.precision is Precision.SINGLE


@pytest.mark.parametrize("command", ["simulate", "phase-diagram"])
def test_help_shows_choices_in_small_letters(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    for kind in CHOICES.values():
        assert "{" + ",".join(member.name.lower() for member in kind)[:20] in text
        assert "{" + ",".join(member.name for member in kind)[:6] not in text


@pytest.mark.parametrize("words", [["--preset", "figure_2_forgetful"], ["--preset=Figure-2-Forgetful"]])
def test_presets_are_taken_in_any_spelling(words, parsed):
    command = parsed("simulate", *words)
    assert command.preset == "figure-2-forgetful"
    assert command.configuration == SIMULATIONS["figure-2-forgetful"]()
    assert parsed("phase-diagram", "--preset", "SMALL").ranges == PRESETS["small"]()


def test_an_unknown_preset_is_answered_with_those_that_there_are(capsys):
    told = " ".join(refused(capsys, "simulate", "--preset", "figure-2-flexibel").replace("│", " ").split())
    assert all(name in told for name in SIMULATIONS)
    assert "Did you mean figure-2-flexible" in told


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["simulate", "--tau-c", "1"], "--time-constants.gates"),
        (["simulate", "--tau_c=1"], "--time-constants.gates"),
        (["simulate", "--tau-w", "1"], "--time-constants.weights"),
        (["simulate", "--lambda", "1"], "--penalties.strength"),
        (["phase-diagram", "--lambda", "1"], "--strength LOW HIGH"),
        (["phase-diagram", "--tau-c", "1"], "--gate-time-constant LOW HIGH"),
    ],
    ids=lambda item: item if isinstance(item, str) else " ".join(item),
)
def test_short_names_of_papers_are_answered_with_the_option(words, meant, capsys):
    told = refused(capsys, *words)
    assert told.startswith("ntadyn: there is no option --")
    assert told.count("\n") == 1
    assert meant in told


def test_options_take_the_place_of_what_the_preset_says(parsed):
    command = parsed("simulate", "--coefficients.unit-l1", 0.5, "--curriculum.num-blocks", 7)
    assert command.configuration.penalties == NO_PENALTIES
    assert (command.configuration.curriculum.total_time, command.configuration.curriculum.num_blocks) == (None, 7)
    check_configuration(command.configuration)
    command = parsed("simulate", "--preset", "figure-5-published", "--curriculum.tasks", 0, 1, 1, 0)
    assert command.configuration.curriculum.tasks == (0, 1, 1, 0)
    assert (command.configuration.curriculum.name, command.configuration.curriculum.total_time) == (None, 7.0)
    once = parsed("simulate", "--curriculum.tasks", 0, 1, 1, "--curriculum.total-time", "None")
    assert once.configuration.curriculum.end == 3.0
    maps = parsed("phase-diagram", "--coefficients.unit-l1=0.5")
    assert maps.ranges.base.penalties == NO_PENALTIES


def test_what_is_given_twice_is_refused(capsys):
    told = refused(capsys, "simulate", "--curriculum.num-blocks", "7", "--curriculum.total-time", "3")
    assert "curriculum.num_blocks 7 and curriculum.total_time 3.0 both say the end of the run" in told
    told = refused(capsys, "simulate", "--coefficients.l1", "1", "--penalties.strength", "0.3")
    assert "coefficients.l1 and penalties.strength exclude each other" in told


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"ntadyn {__version__}\n"


def test_presets_are_listed_with_what_they_differ_in(capsys):
    with pytest.raises(SystemExit) as end:
        main(["presets"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    told = {line.split()[0]: line for line in lines if line.startswith("  ") and line[2] != " "}
    assert set(told) == {*families.PRESETS, *PRESETS, *NAMED}
    forgetful = lines.index(told["figure-2-forgetful"])
    assert lines[forgetful + 1].strip().startswith("time_constants.gates 1.3, penalties.strength 0,")
    assert lines[lines.index(told["small"]) + 1].strip() == "randomness.num_seeds 3, size 12 12"


def test_curricula_are_listed_in_the_help_with_their_meaning(capsys):
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for name, schedule in NAMED.items():
        assert f"{name}: {schedule.meaning}" in told
