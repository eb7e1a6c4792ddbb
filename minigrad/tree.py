"""Nested structures: tuples, lists, dicts and named tuples of leaves, taken apart and put back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Structure", "flatten", "tree_map", "unflatten"]


@dataclass(frozen=True)
class Structure:
    """The shape of a nesting: what kind of node, its keys, and its children (None is a leaf)."""

    kind: type[Any]
    keys: tuple[Any, ...]
    children: tuple["Structure | None", ...]


def flatten(tree: Any) -> tuple[list[Any], list[str], Structure | None]:
    """The leaves of `tree`, a path for each, and its structure. None holds no leaf.

    >>> leaves, paths, structure = flatten({"h": 1, "c": (2, [3])})
    >>> leaves, paths
    ([2, 3, 1], ["['c'][0]", "['c'][1][0]", "['h']"])
    >>> unflatten(structure, leaves)
    {'c': (2, [3]), 'h': 1}
    """
    children = _children(tree)
    if children is None:
        return [tree], [""], None
    leaves: list[Any] = []
    paths: list[str] = []
    structures: list[Structure | None] = []
    for key, child in children:
        below, where, structure = flatten(child)
        leaves += below
        paths += [f"[{key!r}]{path}" for path in where]
        structures.append(structure)
    return leaves, paths, Structure(type(tree), tuple(k for k, _ in children), tuple(structures))


def _children(tree: Any) -> list[tuple[Any, Any]] | None:
    if tree is None:
        return []
    if isinstance(tree, dict):
        return sorted(tree.items(), key=lambda item: str(item[0]))  # whatever order it was built in
    if isinstance(tree, tuple | list):
        return list(enumerate(tree))
    return None


def unflatten(structure: Structure | None, leaves: list[Any]) -> Any:
    """The nesting of `structure` with these leaves; the inverse of `flatten`."""
    return _build(structure, iter(leaves))


def _build(structure: Structure | None, leaves: Iterator[Any]) -> Any:
    if structure is None:
        return next(leaves)
    children = [_build(child, leaves) for child in structure.children]
    kind = structure.kind
    if kind is type(None):
        return None
    if issubclass(kind, dict):
        return kind(zip(structure.keys, children, strict=True))
    if hasattr(kind, "_make"):  # a named tuple
        return kind._make(children)
    return kind(children)


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """`tree` with `function` applied to each leaf, and to the leaves of `others` beside it.

    >>> tree_map(lambda a, b: a + b, {"h": 1, "c": (2,)}, {"h": 10, "c": (20,)})
    {'c': (22,), 'h': 11}
    """
    leaves, _, structure = flatten(tree)
    columns = [flatten(other)[0] for other in others]
    return unflatten(structure, [function(*row) for row in zip(leaves, *columns, strict=True)])
