"""How a trajectory ended."""

import diffrax


class RESULTS(diffrax.RESULTS):  # pyright: ignore[reportGeneralTypeIssues]
    """Result codes of trajectories: those of Diffrax, and two of our own."""

    successful = ""
    diverged = (
        "The trajectory diverged: its state is not finite. Take smaller steps (`max_step`), a solver that is stable at "
        "them (`Splitting`), or weaker drive."
    )
    kink_met = (
        "A gate reached zero, where its penalty has a kink, under an adaptive solver: such solvers chatter there and can "
        "report success with wrong gates. Use the default fixed-step `Splitting`, or a smoothed penalty."
    )
