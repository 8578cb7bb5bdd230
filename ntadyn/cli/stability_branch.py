"""ntadyn stability branch: orbits over the gate time constant."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ntadyn.cli.devices import wake_jax
from ntadyn.cli.endings import keep, of_preset, tell
from ntadyn.cli.progress import say, stages
from ntadyn.cli.values import one_of
from ntadyn.results.text import printable
from ntadyn.specs.checks import check_simulation
from ntadyn.specs.configuration import Configuration
from ntadyn.specs.presets import SIMULATIONS, figure_2_flexible

GRAZING, UNSPECIALISED, SPECIALISED, DRAW = "grazing orbits", "unspecialised orbit", "specialised orbit", "drawing"


@dataclass(frozen=True)
class Branch:
    """Print and draw how the orbits of one cell change with the gate time constant, up to where specialised ones end.

    Grazing orbits are followed in the plane of the teachers, the unspecialised and the specialised orbit in the whole
    system; the latter until gates arrive or leave in another order.
    """

    preset: Annotated[str, one_of(SIMULATIONS)] = "figure-2-flexible"
    """Where to start; `ntadyn presets` says what each is."""
    out: Path = Path("branch")
    """Folder for branch.nc, branch.png and branch.pdf."""
    gate_time_constant: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")] = (0.01, 0.3)
    """Range of gate time constants; the preset's must lie inside."""
    configuration: Annotated[Configuration, tyro.conf.arg(name="")] = field(default_factory=figure_2_flexible)

    def run(self) -> int:
        """Follow, print, draw; 0 always."""
        check_simulation(self.configuration, 0, False)
        low, high = self.gate_time_constant
        tau = self.configuration.time_constants.gates
        if not 0 < low < tau < high < math.inf:
            raise ValueError(
                f"gate_time_constant is {low:g} {high:g}, and the branch starts at time_constants.gates = {tau:g}; "
                f"give two positive numbers, one below and one above it."
            )

        from ntadyn.specs.teacher_plane import check_theory

        check_theory(self.configuration, self.gate_time_constant)

        from ntadyn.results import storage

        with storage.new_folder(self.out) as folder:
            say(f"stability branch: tau_c from {low:g} to {high:g}, into {printable(str(self.out))}")

            wake_jax()

            from ntadyn.plotting.bifurcation import bifurcation_figure
            from ntadyn.solvers import LorentzBoost
            from ntadyn.specs.branches import (
                branch_report,
                grazing_over_gates,
                has_specialised_orbit,
                specialised_over_gates,
                unspecialised_over_gates,
            )

            with stages({GRAZING: 5.0, UNSPECIALISED: 40.0, SPECIALISED: 120.0, DRAW: 2.0}) as enter:
                enter(GRAZING)
                dataset = grazing_over_gates(self.configuration, self.gate_time_constant)
                enter(UNSPECIALISED)
                found = unspecialised_over_gates(self.configuration, self.gate_time_constant)
                dataset = dataset.merge(found).assign_attrs(dataset.attrs | found.attrs)
                if has_specialised_orbit(self.configuration):
                    enter(SPECIALISED)
                    found = specialised_over_gates(self.configuration, self.gate_time_constant, LorentzBoost())
                    dataset = dataset.merge(found).assign_attrs(dataset.attrs | found.attrs)
                enter(DRAW)
                written = keep(of_preset(dataset, self.preset), folder / "branch", bifurcation_figure)
        tell(branch_report(dataset), written)
        return 0
