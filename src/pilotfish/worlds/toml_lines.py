"""Where in a TOML file each name stands: tomllib says what a file means, and not on which line."""

from __future__ import annotations

import re
from collections import Counter

_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"]+)\s*\]")
_KEY = re.compile(r"\s*([\w.\-\"]+)\s*=")


def lines_of(text: str) -> dict[str, int]:
    """Line numbers from 1 by path: `fees`, `fees.steps`, `rules[1].when`. Text inside long strings names nothing."""
    found: dict[str, int] = {}
    count: Counter[str] = Counter()
    prefix, inside = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        quotes = [mark for mark in ('"""', "'''") if line.count(mark) % 2]
        if inside:
            inside = "" if inside in quotes else inside
            continue
        if header := _HEADER.match(line):
            name = header[2].replace('"', "")
            prefix = f"{name}[{count[name]}]" if header[1] == "[[" else name
            count[name] += header[1] == "[["
            found.setdefault(prefix, number)
        elif key := _KEY.match(line):
            name = key[1].replace('"', "")
            found.setdefault(f"{prefix}.{name}" if prefix else name, number)
        inside = quotes[0] if quotes else ""
    return found


def line_of(lines: dict[str, int], path: str) -> int | None:
    """The line of the name, or of the nearest one around it; None where there is none."""
    while path:
        if path in lines:
            return lines[path]
        shorter = re.sub(r"(\.[^.\[\]]+|\[\d+\])$", "", path)
        path = shorter if shorter != path else ""
    return None
