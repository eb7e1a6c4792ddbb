"""Graph → graph: passes that keep the meaning and make the program better, one idea per file.

Each pass is a function from `Graph` to `Graph`, can be switched off by its name, and is tested
against the interpreter.
"""

from .flat import Vector, flat
from .pipeline import NAMES, PASSES, optimise, stages, switched_on

__all__ = ["NAMES", "PASSES", "Vector", "flat", "optimise", "stages", "switched_on"]
