"""A scalar expression written as text, as a graph: what a person types who writes no Python.

    (x + y) * z
    q = x + y; f = q * z

Numbers, names, + - * / ** and parentheses mean what they mean in Python, and the elementwise
functions of minigrad are called by their names. The text is parsed, and never run.
"""

import ast
import difflib
import inspect
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import DataError, MinigradError
from .functions import elementwise
from .variables import Constant, Input, Variable, constant, input

__all__ = ["FUNCTIONS", "Expression", "parse"]

FUNCTIONS: Mapping[str, Callable[..., Variable]] = {
    name: getattr(elementwise, name) for name in elementwise.__all__
} | {"max": elementwise.maximum, "min": elementwise.minimum, "σ": elementwise.sigmoid}
"""What may be called, by name; the last three as lectures write them."""

_OPERATORS: Mapping[type[ast.operator], Callable[..., Variable]] = {
    ast.Add: elementwise.add,
    ast.Sub: elementwise.subtract,
    ast.Mult: elementwise.multiply,
    ast.Div: elementwise.divide,
    ast.Pow: elementwise.pow,
}
_DTYPE = "float64"  # of all numbers: 2**-1 is 0.5, and 9**9**9 inf
_SIGNS = str.maketrans("·×−÷", "**-/")
_FOREIGN = re.compile(r"[^\w\s.,;=()+\-*/]")
_HINTS = {"^": ": a power is written **", "|": ": |x| is written abs(x)", "√": ": write sqrt(x)"}
_MADE_OF = "an expression is made of numbers, names, + - * / ** ( ), exp(x) …, and q = …; f = …"
_QUOTED = 30  # characters of the text in a message


@dataclass(frozen=True, eq=False)
class Expression:
    """What was written: the graph of its last part, and the inputs that it reads, by name, in the
    order of the text."""

    output: Variable
    inputs: Mapping[str, Input]


def parse(text: str) -> Expression:
    """The graph of an expression. Names that it defines, as in ``q = x + y; q * z``, name
    variables; all others are inputs, float64 scalars. The last part is called f if it has no name.

    >>> e = parse("q = x + y; max(q, 1) * z")
    >>> list(e.inputs), e.output
    (['x', 'y', 'z'], <f: float64 () = multiply>)
    >>> e.output.eval({"x": -2, "y": 5, "z": -4})
    array(-12.)

    Raises DataError for anything else, with the column of what is wrong.
    """
    return _Reader(re.sub(r"\s", " ", text).translate(_SIGNS).rstrip()).read()


class _Reader:
    """Reads one text. Its columns are those of the text as it was typed: signs and spaces are
    replaced one by one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = len(text) - len(text.lstrip())  # Python refuses space in front
        self.inputs: dict[str, Input] = {}
        self.defined: dict[str, Variable] = {}
        self.used: set[str] = set()

    def read(self) -> Expression:
        statements = self._statements()
        if not statements:
            raise DataError(f"there is no expression: {_MADE_OF}")
        for statement in statements[:-1]:
            if not isinstance(statement, ast.Assign):
                raise self._error(statement, "all parts but the last need a name, as in q = x + y")
        for statement in statements:
            output = self._statement(statement)
        if unused := self.defined.keys() - self.used - {output.name}:
            raise DataError(f"the expression defines {', '.join(sorted(unused))} and never uses it")
        if output.owner is None:
            raise DataError(f"there is nothing to compute in {self._quoted(statement)}: {_MADE_OF}")
        if output.name is None:
            taken = self.defined.keys() | self.inputs.keys()
            output.named("out" if "f" in taken else "f")
        return Expression(output, self.inputs)

    # ------------------------------------------------------------ text to syntax

    def _statements(self) -> list[ast.stmt]:
        if found := _FOREIGN.search(self.text):
            hint = _HINTS.get(found[0], f"; {_MADE_OF}")
            raise _at(found.start(), f"the sign {found[0]!r} is not known{hint}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd numbers, such as 0or
                return ast.parse(self.text[self.start :]).body
        except SyntaxError as error:
            what = re.split(r"[.:;] ", error.msg)[0]  # without Python's advice
            raise _at(self.start + max(0, (error.offset or 1) - 1), f"{what}; {_MADE_OF}") from None
        except (MemoryError, RecursionError):
            raise DataError("the expression is too long, or nested too deeply") from None

    def _statement(self, statement: ast.stmt) -> Variable:
        match statement:
            case ast.Expr(value=value):
                return self._built(value)
            case ast.Assign(targets=[ast.Name(id=name) as target], value=value):
                return self._define(name, target, self._built(value))
            case ast.Assign():
                raise self._error(statement, "one name stands before =, as in q = x + y")
        raise self._not_known(statement)

    def _define(self, name: str, target: ast.Name, value: Variable) -> Variable:
        if name in FUNCTIONS:
            raise self._error(target, f"{name} is a function: choose another name")
        if name in self.defined:
            raise self._error(target, f"{name} is defined twice")
        if name in self.inputs:
            raise self._error(target, f"{name} is used before it is defined")
        if value.name is not None:
            raise self._error(target, f"{name} is only another name of {value.name}")
        self.defined[name] = value.named(name)
        return value

    # ------------------------------------------------------------ syntax to graph

    def _built(self, root: ast.expr) -> Variable:
        """Children come after their parents in `ast.walk`. Without recursion: a sum of a thousand
        terms is a thousand deep."""
        nodes = [node for node in ast.walk(root) if isinstance(node, ast.expr)]
        called = {node.func for node in nodes if isinstance(node, ast.Call)}
        names = [n for n in nodes if isinstance(n, ast.Name) and n not in called]
        names.sort(key=lambda node: node.col_offset)  # inputs in the order of the text
        made: dict[ast.expr, Variable] = {name: self._named(name, name.id) for name in names}
        for node in reversed(nodes):
            if node in made or node in called:
                continue
            try:
                made[node] = self._variable(node, made)
            except DataError:
                raise
            except MinigradError as error:  # a gate refuses, such as one of a bool
                raise self._error(node, error.message) from None
        return made[root]

    def _variable(self, node: ast.expr, made: Mapping[ast.expr, Variable]) -> Variable:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(node, number)
            case ast.UnaryOp(op=ast.UAdd(), operand=x):
                return made[x]
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as x):
                return constant(-made[x].value)  # type: ignore[attr-defined]
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return elementwise.negative(made[x])
            case ast.BinOp(left=x, op=op, right=y) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](made[x], made[y])
            case ast.Call(func=ast.Name(id=name), args=operands, keywords=[]):
                return self._function(node, name, len(operands))(*(made[x] for x in operands))
            case ast.Call(func=ast.Constant() | ast.BinOp() | ast.UnaryOp()):
                raise self._error(node, "this is no function; a product is written with *")
        raise self._not_known(node)

    def _number(self, node: ast.expr, number: float) -> Constant:
        try:
            return constant(float(number), _DTYPE)
        except OverflowError:
            raise self._error(node, "this number is too large") from None

    def _named(self, node: ast.expr, name: str) -> Variable:
        if name in FUNCTIONS:
            raise self._error(node, f"{name} is a function, and is written {name}(…)")
        self.used.add(name)
        if name not in self.defined and name not in self.inputs:
            self.inputs[name] = input(name, dtype=_DTYPE)
        return self.defined[name] if name in self.defined else self.inputs[name]

    def _function(self, node: ast.expr, name: str, count: int) -> Callable[..., Variable]:
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS)
            advice = (
                f"did you mean {' or '.join(near)}?"
                if near
                else f"there are {', '.join(FUNCTIONS)}"
            )
            raise self._error(node, f"there is no function {name:.{_QUOTED}}: {advice}")
        wanted = len(inspect.signature(FUNCTIONS[name]).parameters)
        if count != wanted:
            plural = "" if wanted == 1 else "s"
            raise self._error(node, f"{name} takes {wanted} argument{plural}, and had {count}")
        return FUNCTIONS[name]

    # ------------------------------------------------------------ what is wrong, and where

    def _not_known(self, node: ast.stmt | ast.expr) -> DataError:
        return self._error(node, f"{self._quoted(node)} is not known; {_MADE_OF}")

    def _quoted(self, node: ast.stmt | ast.expr) -> str:
        source = ast.get_source_segment(self.text[self.start :], node) or ""
        return repr(source if len(source) <= _QUOTED else source[: _QUOTED - 1] + "…")

    def _error(self, node: ast.stmt | ast.expr, what: str) -> DataError:
        before = self.text[self.start :].encode()[: node.col_offset]  # Python counts bytes
        return _at(self.start + len(before.decode()), what)


def _at(column: int, what: str) -> DataError:
    return DataError(f"column {column + 1} of the expression: {what}")
