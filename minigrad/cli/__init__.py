"""The command line: ``minigrad train``, ``sample``, ``score``, ``verify``, ``draw``.

Errors are one clear line and status 2, never a traceback.
"""

# Each adds its commands, in the order of the help.
from . import circuits, networks

# isort: split
from . import instruments, reading, training
from .app import app, main

__all__ = ["app", "circuits", "instruments", "main", "networks", "reading", "training"]
