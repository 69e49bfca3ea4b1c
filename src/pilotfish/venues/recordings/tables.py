"""CSV read row by row: a header that must hold certain columns, and rows that must be as long as it."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from io import StringIO

from pilotfish.venues.recordings.rows import Issues, damaged, shown


class _Lines:
    """The lines of a text, for a csv reader; `at` can be set back after a row that swallowed the lines after it."""

    def __init__(self, text: str) -> None:
        self.lines, self.at = list(StringIO(text, newline="")), 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.at >= len(self.lines):
            raise StopIteration
        self.at += 1
        return self.lines[self.at - 1]


def header(text: str) -> list[str]:
    """The cells of the first line; [] when it is no CSV."""
    try:
        return next(csv.reader([text.partition("\n")[0].rstrip("\r")]), [])
    except csv.Error:
        return []


def table(text: str, required: Collection[str], issues: Issues) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row by column name) of every sound row. A row of another length, or not in UTF-8, becomes an issue."""
    lines = _Lines(text)
    names = header(next(lines, ""))
    missing = [name for name in required if name not in names]
    for name in missing:
        issues.add(1, name, "the column is missing", f"export it with the columns {', '.join(required)}")
    if missing:
        return
    reader = csv.reader(lines)
    while lines.at < len(lines.lines):
        begin = lines.at + 1
        try:
            cells = next(reader, [])
            why = "" if len(cells) in (0, len(names)) else f"has {len(cells)} cells, the header {len(names)}"
        except csv.Error as bad:
            cells, why = [], f"is no CSV ({bad})"
        if why:
            issues.add(begin, "", why, "look for a stray comma, a quote that is never closed, or a file that was cut")
            lines.at = begin  # a quote that is never closed took lines that are rows of their own
        elif any(map(damaged, cells)):
            column = next(n for n, c in zip(names, cells, strict=True) if damaged(c))
            issues.add(begin, column, "holds bytes that are not UTF-8", "save the file as UTF-8")
        elif cells:
            yield begin, dict(zip(names, cells, strict=True))


def remarks(text: str, known: Collection[str]) -> list[str]:
    """What a reader of the table should know: columns that nobody reads, and a last line that may be cut."""
    extra = [name for name in header(text) if name and name not in known]
    notes = [f"columns not read: {', '.join(map(shown, extra))}"] if extra else []
    return notes + ([] if text.endswith(("\n", "\r")) else ["the last line has no end: the file may be cut"])
