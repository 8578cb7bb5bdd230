"""The splitting step on lanes as machine code of our own, through Numba: fewer operations, and fewer steps.

    symbols   numbers of one lane that write down what is done to them
    scheme    the equations of a step, for any number of paths and teachers
    source    the loops around them, as the source of a module
    kernel    that module, compiled once and given to XLA as a function that it calls
    steps     the method that runs sweeps on it

Numba is an extra (`pip install "ntadyn[fast]"`), and is imported when a kernel is first asked for.
"""
