"""Threads that run a function of a program together: see team.c."""

import ctypes
from functools import cache
from importlib.resources import files

from .compiler import load

__all__ = ["TYPES", "team"]

TYPES = """typedef struct mg_team {
    int (*meet)(struct mg_team *);
    void (*fail)(struct mg_team *, long);
} mg_team;
typedef long mg_work(char *const *, mg_team *, long, long);
typedef long mg_run(mg_work *, char *const *, char *, char *, long);

/* Of a function that a team runs: what it calls between instructions, and its share of n places. */
#define MEET if (team && team->meet(team)) return 0
#define FIRST(n) ((n) * member / members)
#define BEHIND(n) ((n) * (member + 1) / members)
"""
"""What functions that a team runs are compiled behind."""


@cache
def team() -> int:
    """The address of ``run(function, table, threads of BLAS, set these, members at most)``."""
    text = (files(__package__) / "team.c").read_text(encoding="utf-8")
    run = load(text, ("-pthread",)).run
    return ctypes.cast(run, ctypes.c_void_p).value or 0
