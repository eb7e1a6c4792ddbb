"""Contestants of a case, round after round, and what came of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from statistics import median

from .worker import Effort, Entry, Ready, Worker

PAUSE = 0.1
"""Seconds between bursts, in which the threads of the last contestant stop spinning."""


@dataclass
class Result:
    """How a contestant did; `failure` says why it did not.

    Args:
        rounds: the median time of a step in each round, seconds.
    """

    entry: Entry
    rounds: list[float] = field(default_factory=list)
    ready: Ready | None = None
    failure: str = ""

    @property
    def median(self) -> float:
        return median(self.rounds)


def compete(entries: Sequence[Entry], effort: Effort, warm_up: int = 5) -> list[Result]:
    """Run bursts of all contestants in turns, so that what else the machine does hits all alike.

    One that is not installed, fails, or is not ready in time is left out by name.
    """
    results = [Result(entry) for entry in entries]
    workers: list[tuple[Result, Worker]] = []
    try:
        for result in results:
            if find_spec(result.entry.needs) is None:
                result.failure = f"{result.entry.needs} is not installed"
                continue
            worker = Worker(result.entry, effort, warm_up)
            workers.append((result, worker))
            try:
                result.ready = worker.ready()
            except (TimeoutError, RuntimeError) as error:
                result.failure = str(error)
                worker.close()
                workers.pop()
        for number in range(effort.rounds):
            turn = number % max(1, len(workers))
            for result, worker in workers[turn:] + workers[:turn]:
                time.sleep(PAUSE)
                try:
                    result.rounds.append(worker.burst())
                except (TimeoutError, RuntimeError) as error:
                    result.failure = str(error)
                    worker.close()
                    workers.remove((result, worker))
    finally:
        for _, worker in workers:
            worker.close()
    return results


def disagreements(results: Sequence[Result]) -> list[str]:
    """Whose losses are not those of the first that ran: they ought to train the same network."""
    ready = [(r.entry.label, r.ready.losses) for r in results if r.ready]
    found = []
    for label, losses in ready[1:]:
        for place, tolerance in ((0, 1e-4), (-1, 0.02)):
            ours, theirs = ready[0][1][place], losses[place]
            if not abs(ours - theirs) <= tolerance * abs(ours):
                which = "first" if place == 0 else "last warm-up"
                found.append(f"{label}: its {which} loss is {theirs:.4f}, ours {ours:.4f}")
    return found
