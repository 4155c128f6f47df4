"""What a graph of recorded operations looks like as plain JSON: nodes, edges, names, what is kept, what has arrived."""

from __future__ import annotations

from typing import Any

NODES = 10_000  # of a graph; what lies further back is counted

Names = dict[str, Any]


def behind(value: Any, names: Names) -> Any:
    """The node that is meant, where a module's probes speak of nodes: the value, or what made it or the last named result."""
    kind = names.get("Node")
    for each in (value, *reversed(names.values())) if kind is not None else ():
        if type(each) is kind:
            return each
        edge = getattr(each, "edge", None)
        if isinstance(edge, tuple) and type(edge[0]) is kind:
            return edge[0]
    return None


def graph(root: Any, names: Names) -> Names:
    """The drawing of the graph behind a node, under the names that a snippet gave to its results."""
    found, seen = [root], {id(root)}
    for each in found:
        for cause, _ in edges(each):
            if id(cause) not in seen:
                seen.add(id(cause))
                found.append(cause)
    called = Called(names)
    at = {id(each): place for place, each in enumerate(found[:NODES])}
    nodes = [
        called.said(each) | {"edges": [at[id(cause)] for cause, _ in edges(each) if id(cause) in at]}
        for each in found[:NODES]
    ]
    return {"kind": "graph", "nodes": nodes, "more": max(0, len(found) - NODES)}


def edges(target: Any) -> list[tuple[Any, int]]:
    """Where gradients go from a node; nowhere from a leaf."""
    return [edge for edge in getattr(target, "edges", ()) if edge is not None]


class Called:
    """The tensors of a snippet, by what made them and by the memory that they show."""

    def __init__(self, names: Names) -> None:
        self.made: dict[
            tuple[int, int], tuple[str, Any]
        ] = {}  # by node or leaf, and the number of its output
        self.held: dict[int, str] = {}
        for name, each in names.items():
            edge = getattr(each, "edge", ())  # of a tensor None or a pair
            if edge is None or (isinstance(edge, tuple) and len(edge) == 2):
                target, number = edge or (each, 0)
                self.made.setdefault((id(target), number), (name, each))
                self.held.setdefault(id(each.array), name)

    def said(self, target: Any) -> Names:
        """Everything about a node or a leaf but its edges."""
        recorded = hasattr(target, "op")
        numbers = range(target.made if recorded else 1)
        named = [self.made[id(target), i] for i in numbers if (id(target), i) in self.made]
        only = (named[0][1] if len(named) == 1 else None) if recorded else target
        return {
            "operation": type(target.op).__name__ if recorded else "leaf",
            "name": ", ".join([name for name, _ in named]) or None,
            "value": content(only),
            "g": content(getattr(only, "grad", None)),
            "kept": self.kept(target) if recorded else [],
        }

    def kept(self, node: Any) -> list[str]:
        """What a node keeps, by the names of the results whose memory it is."""
        found = []
        for position, value in node.inputs.items():
            edge = node.edges[position]
            cause, _ = self.made.get((id(edge[0]), edge[1]), ("", None)) if edge else ("", None)
            found.append(self.held.get(id(getattr(value, "array", value))) or cause or f"input {position}")
        found += ["its result"] * bool(node.outputs)
        return list(dict.fromkeys(found))


def content(tensor: Any) -> str:
    """The numbers of a tensor, if there are few of them; else its shape. Nothing for None."""
    if tensor is None:
        return ""
    numbers = tensor.detach().numpy_view().reshape(-1)[:4].tolist()
    if tensor.numel() == 1:
        return f"{numbers[0]:.6g}"
    if tensor.numel() > 3 or tensor.ndim > 1:
        return str(tuple(tensor.shape))
    return f"({', '.join([f'{number:.3g}' for number in numbers])})"
