"""A plugin for runs in which all that C does is shared by a team of three, however small it is."""

import ctypes
import importlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from minigrad.native import library, load

_BLAS = """
static int threads = MEMBERS, fewest = MEMBERS;
int told(void) { return threads; }
int fewest_asked(void) { return fewest; }
void set(int asked) {
    threads = asked;
    if (asked < fewest) fewest = asked;
}
"""


def share_everything(patch: pytest.MonkeyPatch, members: int) -> ctypes.CDLL:
    """As if BLAS had so many threads (`told` tells how many it has), and all work were much."""
    found, threads = library.find_blas(), load(_BLAS, [f"-DMEMBERS={members}"])
    told, put = (
        ctypes.cast(function, ctypes.c_void_p).value or 0
        for function in (threads.told, threads.set)
    )
    shared = found and replace(found, threads=(told, put))
    patch.setattr(library, "find_blas", lambda: shared)
    lower, sharing = (
        importlib.import_module(f"minigrad.compile.c.{m}") for m in ("lower", "sharing")
    )
    patch.setattr(lower, "is_worth_sharing", lambda plan: True)
    patch.setattr(sharing, "_LEAST_ROWS", 2)
    return threads


@pytest.fixture(scope="session", autouse=True)
def _in_teams() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        share_everything(patch, 3)
        yield
