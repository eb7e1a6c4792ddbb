"""A contestant in a process of its own, which runs a burst of steps when it is told to.

In one process the thread pools of OpenBLAS, PyTorch and XLA spin against each other; so each has
its own, on the same cores, and sleeps while another runs.
"""

import multiprocessing
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

_LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Entry:
    """A contestant.

    Args:
        label: its name in the table.
        builder: ``module.function`` of this package; called with the case and the settings, it
            returns `step`, and ``step()`` runs one step, waits for its end and returns the loss.
        needs: the package without which it is skipped.
        target: how many times as fast as this one ours must be.
        settings: where it runs: ``backend`` of ours, ``device`` of others …
    """

    label: str
    builder: str
    case: Any = None
    needs: str = "numpy"
    target: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.builder.startswith("ours.")


@dataclass(frozen=True)
class Effort:
    """How to measure.

    Args:
        rounds: how many bursts of each contestant.
        seconds: of a burst.
        limit: the seconds in which a contestant must be ready, with its first steps done.
        threads: of each contestant, and the cores that it may use.
        clock: "wall", or "cpu" for the processor's time that all threads of a contestant used: on
            a busy machine, and with one thread, that is what a quiet machine's clock would show.
    """

    rounds: int = 10
    seconds: float = 0.5
    limit: float = 300
    threads: int = 2
    clock: str = "wall"


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


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

    def __init__(self, entry: Entry, effort: Effort, warm_up: int = 5) -> None:
        self._effort = effort
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        for name in _LIMITS:
            os.environ[name] = str(effort.threads)
        # JAX would take three quarters of a GPU's memory, which contestants share
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        args = (theirs, entry, effort, warm_up)
        self._process = context.Process(target=_serve, args=args, daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> Ready:
        """Raises TimeoutError after the limit, RuntimeError where the contestant failed."""
        return self._answer(self._effort.limit)

    def burst(self) -> float:
        """The median time of a step in a burst, seconds."""
        self._pipe.send("go")
        return self._answer(self._effort.limit)

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


def _serve(pipe: Connection, entry: Entry, effort: Effort, warm_up: int) -> None:
    """The worker: say `Ready`, then the median of a burst for each message received."""
    if hasattr(os, "sched_setaffinity"):  # XLA has no other setting: it counts the cores it may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: effort.threads])
    refuse_fallback()
    try:
        module, name = entry.builder.split(".")
        build = getattr(import_module(f".{module}", __package__), name)
        base, start = _peak(), time.perf_counter()
        step = build(entry.case, **entry.settings)
        losses = [step()]
        seconds = time.perf_counter() - start
        losses += [step() for _ in range(warm_up - 1)]
        pipe.send(Ready(seconds, losses, base, _peak()))
        while True:
            pipe.recv()
            pipe.send(_burst(step, effort))
    except EOFError:
        return
    except Exception as error:
        pipe.send(reason(error))


def refuse_fallback() -> None:
    """Where a compiler fails, NumPy does all, with a warning: that must not pass for C."""
    warnings.filterwarnings("error", ".* runs in NumPy alone")


def reason(error: Exception) -> str:
    """The error in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _burst(step: Callable[[], float], effort: Effort) -> float:
    """Quick steps are timed several at once, so that reading the clock does not count."""
    clock, start = CLOCKS[effort.clock], time.perf_counter()
    step()  # wakes the threads, and fills the caches
    at_once = max(1, int(1e-3 / (time.perf_counter() - start)))
    times = []
    end = time.perf_counter() + effort.seconds
    while len(times) < 3 or time.perf_counter() < end:
        begun = clock()
        for _ in range(at_once):
            step()
        times.append((clock() - begun) / at_once)
    return statistics.median(times)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
