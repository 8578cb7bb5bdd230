"""What experiments e1 to e6 share: predictions that were frozen before the runs, verdicts, conditions, measures.

On the first page of all six: networks are linear in their input, but for an exploratory part of e5. The table of gates
of all tasks is our construction, since a simulated network has one set of gates at a time. The coefficient is that of
behaviour, which is no generalisation error. And for linear networks specialised and mixed solutions of the same tasks
have the same coefficient, which is proved: whatever tells them apart is no coefficient.
"""
