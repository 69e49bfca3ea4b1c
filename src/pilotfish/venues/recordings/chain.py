"""Position chains: each fill states the position before it, so fills order themselves and gaps show.

A fill is an edge from its start to its start ± size. A sound group of fills is a walk that uses every edge once, that
is an Eulerian trail, found by Hierholzer's algorithm in linear time. Where fills are missing, virtual edges from dead
ends to orphan starts make it one; they are the breaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Link:
    """A fill as the chain sees it: the stated position before it and the one it leads to, within `tolerance`."""

    start: Decimal
    end: Decimal
    tolerance: Decimal = Decimal(0)


def closes(end: Decimal, link: Link) -> bool:
    return abs(link.start - end) <= link.tolerance


def breaks(links: Sequence[Link], before: Decimal | None = None) -> int:
    """How often a start is not the end before it."""
    first = int(before is not None and bool(links) and not closes(before, links[0]))
    return first + sum(not closes(a.end, b) for a, b in pairwise(links))


def ordered(links: Sequence[Link], before: Decimal | None = None) -> list[int]:
    """Indices in the order in which the positions follow from each other, beginning at `before` where it is known.

    The given order is kept when it holds, then the reverse is tried; only then is the order rebuilt. Ties keep the
    given order, so the result is deterministic.
    """
    given = list(range(len(links)))
    if len(links) < 2 or breaks(links, before) == 0:
        return given
    backward = given[::-1]
    if breaks([links[i] for i in backward], before) == 0:
        return backward
    rebuilt = _trail(links, before)
    best = min((given, backward, rebuilt), key=lambda order: breaks([links[i] for i in order], before))
    return best


def _trail(links: Sequence[Link], before: Decimal | None) -> list[int]:
    """An order by Eulerian trails; components in the order of their first fill, the one that holds `before` first."""
    nodes = _nodes(links, before)
    tails, heads = nodes[: len(links)], nodes[len(links) : 2 * len(links)]
    entry = nodes[-1] if before is not None else None
    order: list[int] = []
    components = _components(tails, heads)
    components.sort(key=lambda edges: entry not in {tails[e] for e in edges} if entry is not None else False)
    for edges in components:
        order += _euler(edges, tails, heads, entry)
        entry = None
    return order


def _euler(edges: list[int], tails: list[int], heads: list[int], entry: int | None) -> list[int]:
    """Hierholzer over one component made Eulerian with virtual edges (negative ids, dropped from the answer)."""
    surplus: dict[int, int] = {}
    for e in edges:
        surplus[tails[e]] = surplus.get(tails[e], 0) + 1
        surplus[heads[e]] = surplus.get(heads[e], 0) - 1
    sources = [n for n, k in surplus.items() for _ in range(k)]
    sinks = [n for n, k in surplus.items() for _ in range(-k)]
    if entry is None or entry not in surplus:
        begin = sources.pop(0) if sources else tails[edges[0]]
    else:  # the walk begins where the account stood
        begin = entry
        if begin in sources:
            sources.remove(begin)
        elif sources:
            sinks.insert(0, begin)  # a break leads from here to the first orphan start
    leaving: dict[int, list[tuple[int, int]]] = {}
    for e in edges:
        leaving.setdefault(tails[e], []).append((e, heads[e]))
    for sink, source in zip(sinks, sources, strict=False):
        leaving.setdefault(sink, []).append((-1, source))
    for out in leaving.values():
        out.reverse()  # pop() then takes the earliest
    stack, walk = [(begin, -1)], []
    while stack:
        node, by = stack[-1]
        if leaving.get(node):
            edge, onward = leaving[node].pop()
            stack.append((onward, edge))
        else:
            stack.pop()
            walk.append(by)
    found = [e for e in reversed(walk) if e >= 0]
    return found + sorted(set(edges) - set(found))


def _components(tails: list[int], heads: list[int]) -> list[list[int]]:
    """Edges that hang together, by union-find."""
    parent = {n: n for n in (*tails, *heads)}

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for a, b in zip(tails, heads, strict=True):
        parent[root(b)] = root(a)
    groups: dict[int, list[int]] = {}
    for e, a in enumerate(tails):
        groups.setdefault(root(a), []).append(e)
    return list(groups.values())


def _nodes(links: Sequence[Link], before: Decimal | None) -> list[int]:
    """Positions to node numbers: starts, then ends, then `before`. Values within tolerance of each other are one
    node.
    """
    values = [x.start for x in links] + [x.end for x in links] + ([before] if before is not None else [])
    tolerance = max((x.tolerance for x in links), default=Decimal(0))
    numbers, node, last = [0] * len(values), 0, None
    for i in sorted(range(len(values)), key=lambda i: values[i]):
        if last is not None and values[i] - last > tolerance:
            node += 1
        numbers[i], last = node, values[i]
    return numbers
