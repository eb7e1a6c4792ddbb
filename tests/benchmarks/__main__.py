"""The benchmarks, from a checkout: ``python -m tests.benchmarks --only a,b --rounds 10``.

Peers come with the extra: ``python -m pip install -e ".[bench]"``; those not installed are left
out, by name. With ``--gpu`` the cases that are for a GPU.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from .gpu_suite import GPU_SUITE
from .report import Table, machine, write
from .suite import SUITE
from .worker import CLOCKS, Effort

METHOD = (
    "Each contestant is a process of its own with {threads} thread(s); in each of {rounds} rounds "
    "each runs its steps for about {seconds} s, in turns ({clock} time). The median is that of the "
    "rounds' medians. One-hot characters go in, float32, the same weights and data for all."
)
ON_A_GPU = (
    "A step begins with the characters in the computer's memory and ends when the GPU has done all "
    "of it. No TF32: products are of float32 throughout."
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="on a GPU")
    parser.add_argument("--only", help="the cases, such as a,b")
    parser.add_argument("--rounds", type=int, default=Effort.rounds)
    parser.add_argument("--seconds", type=float, default=Effort.seconds, help="of a burst of steps")
    parser.add_argument(
        "--limit", type=float, default=Effort.limit, help="seconds until a peer must be compiled"
    )
    parser.add_argument("--threads", type=int, default=Effort.threads, help="of each contestant")
    parser.add_argument(
        "--clock", choices=list(CLOCKS), default=Effort.clock, help="cpu: for a busy machine"
    )
    parser.add_argument("--write", type=Path, help="a Markdown file to put the tables into")
    parser.add_argument("--title", help="of the section that it fills")
    parser.add_argument("--note", default="", help="what else to say about this run")
    given = parser.parse_args()
    suite = GPU_SUITE if given.gpu else SUITE
    letters = given.only.split(",") if given.only else [*suite]
    if unknown := set(letters) - set(suite):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if given.gpu and given.clock == "cpu":
        parser.error("the processor's clock does not see what a GPU does: leave --clock away")
    console = Console()
    effort = Effort(given.rounds, given.seconds, given.limit, given.threads, given.clock)
    method = METHOD.format_map(asdict(effort))
    facts = [machine(given.gpu), method, ON_A_GPU if given.gpu else "", given.note]
    intro = " ".join(filter(None, facts))
    console.print(intro, highlight=False)
    tables: list[Table] = []
    for letter in letters:
        tables.append(suite[letter](effort))
        tables[-1].show(console)
    if given.write:
        pages = [intro, *(table.markdown() for table in tables)]
        title = given.title or ("Against others, on a GPU" if given.gpu else "Against others")
        write(given.write, title, "\n\n".join(pages))


if __name__ == "__main__":
    main()
