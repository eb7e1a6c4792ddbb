"""The command line: ``minigrad train``, ``sample``, ``score``, ``verify``, ``draw``.

Errors are one clear line and status 2, never a traceback.
"""

from . import circuits, reading, training  # each adds its commands
from .app import app, main

__all__ = ["app", "circuits", "main", "reading", "training"]
