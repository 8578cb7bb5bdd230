"""python -m ntadyn."""

from ntadyn.cli import main

main()
