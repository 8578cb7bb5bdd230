"""How degenerate a point of a loss landscape is: learning coefficients, and whether they can be trusted."""
