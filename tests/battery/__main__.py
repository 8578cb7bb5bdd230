"""Everything that tries to fool ntadyn, at any size and with any seed.

python -m tests.battery [PART ...] [--seed 0] [--share 1.0]
"""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence

PARTS = {
    "configurations": "10,000 random configurations: refused by name, or built",
    "solutions": "500 simulations against SciPy",
    "formulations": "500 simulations against each other",
    "kills": "20 SIGKILLs on a real sweep",
    "files": "140 kinds of hostile files, 2000 damaged ones",
    "disks": "20 full disks",
    "inputs": "50 kinds of wrong input, 25 of each",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run parts, print what they found; 0 if nothing was uncaught, wrong beyond its estimate, or lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.battery",
        description=__doc__,
        epilog="\n".join(f"{name}: {what}" for name, what in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all when left out: {', '.join(PARTS)}")
    parser.add_argument("--seed", type=int, default=0, help="where random draws start")
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown or not 0 < options.share <= 10 or options.seed < 0:
        parser.error(f"unknown parts {sorted(unknown)}" if unknown else "a share from 0 to 10 and a seed from 0 on")
    import jax

    from tests.battery.findings import forget_programs

    jax.config.update("jax_enable_x64", True)
    faults = 0
    for name in options.parts or PARTS:
        began = time.monotonic()
        forget_programs()
        part = importlib.import_module(f"tests.battery.{name}")
        found = part.run(options.seed, options.share, lambda line: print(f"  {line}", file=sys.stderr, flush=True))
        print(f"{name}: {found} ({time.monotonic() - began:.0f} s)", flush=True)
        for fault in found.faults[:50]:
            print(f"  FAULT {fault}", flush=True)
        faults += len(found.faults)
    print(f"{faults} faults in all: uncaught errors, numbers wrong beyond their estimate, lost or damaged results")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
