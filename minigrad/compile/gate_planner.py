"""Gates to instructions: where every value of a graph lies, and what puts it there.

    y = tanh(x * w) + 1        b = multiply(x, w);  b = tanh(b);  b = add(b, 1)

The gates are gone through in order. `Liveness` tells what dies: an elementwise gate writes over an
input that does, and the memory of others is given back. What the program returns is new.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import GateError, MinigradError
from ..gates import Concat, ExpandDims, Reshape, Squeeze
from ..graph import Apply, Binding, Gate, Graph
from ..loops import Scan
from ..types import Type
from ..variables import Constant, Variable
from .liveness import Liveness
from .memory import Memory, size_of
from .plan import Array, Block, Call, Copy, Instruction, Part, Plan

__all__ = ["GatePlanner", "Join", "Scope"]


@dataclass
class Scope:
    """Where the variables of one graph are: the program's, or the body of a loop.

    arrays: of the variables so far; targets: places that some of them must be written to; kept:
    variables that must lie in new memory, since they are returned; joins: concatenations that are
    computed piece by piece; pieces: what is computed in one.
    """

    arrays: dict[Variable, Array]
    liveness: Liveness
    targets: Mapping[Variable, Array]
    kept: frozenset[Variable]
    joins: dict[Apply, "Join"]
    pieces: dict[Variable, "Join"]


@dataclass(eq=False)
class Join:
    """A concat of which pieces are computed where they belong; the others are copied there.

    pieces: the variables that are, and which operand each of them is; whole: the array, once there
    is one.
    """

    apply: Apply
    gate: Concat
    pieces: dict[Variable, int]
    whole: Array | None = None


@dataclass
class GatePlanner(ABC):
    """What the graph and the bodies of its loops share: sizes, memory, the list of instructions."""

    binding: Binding
    smallest: int
    memory: Memory = field(default_factory=Memory)
    constants: dict[Constant, Array] = field(default_factory=dict)
    steps: list[Instruction] = field(default_factory=list)

    def plan(self, graph: Graph, filled: Sequence[Variable]) -> Plan:
        arguments = [Array(self.type(v), name=v.name) for v in graph.inputs]
        rooms = [Array(self.type(v), name=v.name or "new_values") for v in filled]
        whole = Graph(graph.inputs, (*graph.outputs, *filled), graph.binding)
        targets = dict(zip(filled, rooms, strict=True))
        found, _ = self.block(whole, arguments, targets, kept=frozenset(whole.outputs))
        results = found[: len(graph.outputs)]
        for v, array, room in zip(filled, found[len(results) :], rooms, strict=True):
            if array is not room:  # it is an input, made by a loop, or has two rooms
                self.steps.append(Copy(array, room, v.owner))
        return Plan([*arguments, *rooms], self.constants, self.steps, results, self.memory.blocks)

    def type(self, v: Variable) -> Type:
        """The type of a variable in numbers."""
        found: Type = self.binding(v.type)
        return found

    def array(self, v: Variable, scope: Scope) -> Array:
        """Where the value of a variable is."""
        if v in scope.arrays:
            return scope.arrays[v]
        if not isinstance(v, Constant):
            raise GateError(f"{v!r} is read where it has no value", v.where)
        return self.constants.setdefault(v, Array(v.type, name=v.name))

    def block(
        self,
        graph: Graph,
        arguments: Sequence[Array],
        targets: Mapping[Variable, Array] | None = None,
        kept: frozenset[Variable] = frozenset(),
    ) -> tuple[list[Array], Scope]:
        """Plan a graph whose inputs are in these arrays; where its outputs are, and all else."""
        order = graph.applies()
        arrays = dict(zip(graph.inputs, arguments, strict=True))
        scope = Scope(arrays, Liveness(order, graph.outputs), targets or {}, kept, {}, {})
        self.find_joins(order, scope)
        for k, apply in enumerate(order):
            gate = self.bound(apply)
            dying = scope.liveness.dying(apply, k)
            if isinstance(gate, Scan):
                self.loop(scope, apply, gate)
            elif apply in scope.joins:
                self.join(scope, scope.joins[apply])
            else:
                self.call(scope, apply, gate, dying)
            unread = [v for v in apply.outputs if v not in scope.liveness.last]
            for memory in scope.liveness.dead([*dying, *unread]):
                self.memory.give(memory)
        return [self.array(v, scope) for v in graph.outputs], scope

    @abstractmethod
    def loop(self, scope: Scope, apply: Apply, gate: Scan) -> None:
        """Plan an application of a scan."""

    def bound(self, apply: Apply) -> Gate:
        """The gate with numbers for sizes, its types inferred from them again."""
        try:
            gate = apply.gate.bind(self.binding)
            gate.infer(*(self.type(v) for v in apply.inputs))
        except MinigradError as error:  # sizes that the graph was not built for
            if error.where is None:
                error.where, error.message = apply.where, f"{apply.gate}: {error.message}"
            raise
        return gate

    # ------------------------------------------------------------ gates

    def call(self, scope: Scope, apply: Apply, gate: Gate, dying: Sequence[Variable]) -> None:
        """Plan one application of a gate."""
        inputs = [self.array(v, scope) for v in apply.inputs]
        place = self.place(scope, apply, gate, dying)
        placed = place is not None
        if place is not None:
            array, blocks = place
            outputs = [array]
        else:
            outputs = [Array(self.type(v), name=v.name) for v in apply.outputs]
            blocks = scope.liveness.of(apply.inputs) if gate.may_share else frozenset()
        scratch = self.scratch(gate, inputs)
        self.steps.append(Call(gate, inputs, outputs, apply, placed, scratch))
        if not placed and (target := self.target(scope, apply.outputs[0])):
            self.steps.append(Copy(outputs[0], target, apply))
            outputs, blocks, placed = [target], target.blocks, True
        for v, array in zip(apply.outputs, outputs, strict=True):
            scope.arrays[v] = array
            scope.liveness.made(v, blocks, placed)

    def scratch(self, gate: Gate, inputs: Sequence[Array]) -> list[Array]:
        """Memory for a gate to work in, if it asks for more than NumPy finds as quickly."""
        types = gate.scratch(*(a.type for a in inputs))
        if any(size_of(type) < self.smallest for type in types):
            return []
        arrays = [self.memory.take(type) for type in types]
        for array in arrays:
            self.memory.give(*array.blocks)
        return arrays

    def place(
        self, scope: Scope, apply: Apply, gate: Gate, dying: Sequence[Variable]
    ) -> tuple[Array, frozenset[Block]] | None:
        """Where the result is to be written: a given target, a dying input, or a free block.

        The array, and the blocks that it is in."""
        v = apply.outputs[0]
        if gate.view or not (apply.single and v.ndim):
            return None
        if target := self.target(scope, v):
            return target, target.blocks
        type = self.type(v)
        if v in scope.kept or gate.allocates or size_of(type) < self.smallest:
            return None
        if gate.in_place():
            for old in dying:
                if self.type(old) == type and scope.liveness.alone(old):
                    return scope.arrays[old], scope.liveness.of([old])
        array = self.memory.take(type)
        return array, array.blocks

    def target(self, scope: Scope, v: Variable) -> Array | None:
        """The place that a variable must be written to: a given one, or its part of a concat."""
        if v in scope.targets:
            return scope.targets[v]
        join = scope.pieces.get(v)
        if join is None:
            return None
        return Array(self.type(v), self.part(scope, join, join.pieces[v]), v.name)

    # ------------------------------------------------------------ concatenations

    def find_joins(self, order: Sequence[Apply], scope: Scope) -> None:
        """The concatenations of which a piece at least can be computed in its place.

        a = x * y;  b = x + y;  c = concat([a, b])   →   x * y and x + y, written into c
        """
        made = {v for apply in order if _can_be_placed(apply) for v in apply.outputs}
        made -= scope.targets.keys() | scope.kept
        for apply in order:
            (v, *_), gate = apply.outputs, apply.gate
            if not isinstance(gate, Concat) or v in scope.kept:
                continue
            strided = any(size != 1 for size in self.type(v).shape[: gate.axis])
            pieces: dict[Variable, int] = {}
            for i, operand in enumerate(apply.inputs):
                piece = operand if strided else _before_reshaping(operand, scope.arrays)
                if piece not in made or piece in scope.pieces or piece.dtype != v.dtype:
                    continue
                if not strided or (piece.owner and piece.owner.gate.in_place()):
                    pieces.setdefault(piece, i)
            if pieces:
                bound = gate.bind(self.binding)
                assert isinstance(bound, Concat)
                join = scope.joins[apply] = Join(apply, bound, pieces)
                scope.pieces |= dict.fromkeys(pieces, join)

    def part(self, scope: Scope, join: Join, i: int) -> Part:
        """The place of operand i in a concatenation."""
        (v,), axis = join.apply.outputs, join.gate.axis
        if join.whole is None:
            join.whole = self.target(scope, v) or self.memory.take(self.type(v))
        sizes = [int(self.type(u).shape[axis]) for u in join.apply.inputs[: i + 1]]  # type: ignore[arg-type]
        return Part(join.whole, axis, sum(sizes[:i]), sum(sizes))

    def join(self, scope: Scope, join: Join) -> None:
        """Copy what was not computed in its place."""
        (v,), placed = join.apply.outputs, set(join.pieces.values())
        for i, operand in enumerate(join.apply.inputs):
            if i not in placed:
                place = Array(self.type(operand), self.part(scope, join, i))
                self.steps.append(Copy(self.array(operand, scope), place, join.apply))
        assert join.whole is not None
        scope.arrays[v] = join.whole
        scope.liveness.made(v, join.whole.blocks, placed=True)


def _can_be_placed(apply: Apply) -> bool:
    """Whether the planner can say where the result is to be written."""
    no = isinstance(apply.gate, Scan | Concat) or apply.gate.view
    return apply.single and apply.outputs[0].ndim > 0 and not no


def _before_reshaping(v: Variable, known: Collection[Variable]) -> Variable:
    while (
        v not in known
        and v.owner is not None
        and isinstance(v.owner.gate, Reshape | ExpandDims | Squeeze)
    ):
        (v,) = v.owner.inputs
    return v
