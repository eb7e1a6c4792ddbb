"""The largest errors of elementary.h, over all float32: ``python -m tests.native exp tanh``.

It takes a few minutes for each function.
"""

import argparse
import tempfile
from pathlib import Path

from .compiling import THIS_MACHINE, build
from .ulps import FUNCTIONS, SOURCE, doubles, floats, worst


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.native", description=__doc__)
    parser.add_argument("names", nargs="*", default=list(FUNCTIONS), choices=list(FUNCTIONS))
    parser.add_argument("--step", type=int, default=1, help="each how-many-th float32 is tried")
    parser.add_argument("--doubles", type=int, default=10_000_000, help="how many are tried")
    parser.add_argument("--no-fma", action="store_true", help="for any machine, not for this one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library, _ = build(SOURCE, Path(folder), *(["-O2"] if given.no_fma else THIS_MACHINE))
        for name in given.names:
            for kind, chunks in (("float", floats(given.step)), ("double", doubles(given.doubles))):
                error, at = worst(library, name, chunks)
                print(f"{name:9} {kind:7} {error:.3f} ulp at {at!r}", flush=True)


main()
