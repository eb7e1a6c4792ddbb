"""A contestant in a process of its own, which runs a burst of steps when it is told to.

In one process the thread pools of OpenBLAS, PyTorch and XLA spin against each other; so each has
its own, on the same two cores, and sleeps while another runs.
"""

import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

THREADS = 2
_LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Entry:
    """A contestant.

    Args:
        label: its name in the table.
        builder: ``module.function`` of this package; called with the case, it returns `step`, and
            ``step()`` runs one step and returns the loss.
        needs: the package without which it is skipped.
        target: how many times as fast as this one ours must be.
    """

    label: str
    builder: str
    case: Any = None
    needs: str = "numpy"
    target: float | None = None


@dataclass(frozen=True)
class Ready:
    """What a worker says after its first steps.

    Args:
        seconds: from the start of building to the end of the first step.
        losses: of the first steps.
        base, peak: the most memory used, in bytes, after the imports and after those steps.
    """

    seconds: float
    losses: list[float]
    base: int
    peak: int


class Worker:
    """The parent's end of a worker. Call `close` in the end."""

    def __init__(self, entry: Entry, warm_up: int = 5) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        for name in _LIMITS:
            os.environ[name] = str(THREADS)
        self._process = context.Process(target=_serve, args=(theirs, entry, warm_up), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self, limit: float) -> Ready:
        """Raises TimeoutError after `limit` seconds, RuntimeError where the contestant failed."""
        return self._answer(limit)

    def burst(self, seconds: float) -> float:
        """The median time of a step, in seconds, over about `seconds` of them."""
        self._pipe.send(seconds)
        return self._answer(60 + 100 * seconds)

    def _answer(self, limit: float) -> Any:
        if not self._pipe.poll(limit):
            raise TimeoutError(f"not ready after {limit:.0f} s")
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            answer = f"its process ended with {self._process.exitcode}"
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer

    def close(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, entry: Entry, warm_up: int) -> None:
    """The worker: say `Ready`, then the median of a burst for each number of seconds received."""
    _limit_threads()
    try:
        module, name = entry.builder.split(".")
        build = getattr(import_module(f".{module}", __package__), name)
        base, start = _peak(), time.perf_counter()
        step = build(entry.case)
        losses = [step()]
        seconds = time.perf_counter() - start
        losses += [step() for _ in range(warm_up - 1)]
        pipe.send(Ready(seconds, losses, base, _peak()))
        while True:
            pipe.send(_burst(step, pipe.recv()))
    except EOFError:
        return
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}".splitlines()[0][:200])


def _burst(step: Callable[[], float], seconds: float) -> float:
    step()  # wakes the threads, and fills the caches
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _limit_threads() -> None:
    """Two cores for all: XLA has no setting of its own and counts the cores that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
