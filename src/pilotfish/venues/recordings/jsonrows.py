"""JSON read row by row, so that one bad row or a cut file costs no more than what is bad.

`scan` walks into the objects and lists that can hold rows and decodes everything else whole. It yields each row with
the line it begins on, and the plain values beside the rows (an account's address, a channel's name).
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pilotfish.venues.recordings.rows import Issues, RowError, damaged, shown

_SPACE = re.compile(r"[\s]*")
_NEXT_ROW = re.compile(r"\}\s*,\s*(?=\{)")
_CONTAINERS = {"fills", "data", "userFills"}  # the keys under which venues put rows
_DEPTH_MAX = 4
_FILLS = re.compile(r'"fills"\s*:\s*(?=\[)')
_STAMP = re.compile(r"\d{1,20}[ \t]+(?=[\[{])")  # the receive stamp before a raw message


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < 100 else digits  # Python itself refuses to read a number of 4300 digits


_decoder = json.JSONDecoder(parse_float=Decimal, parse_int=_integer, parse_constant=str)


@dataclass(frozen=True, slots=True)
class Row:
    """A decoded object, where it stood, and the plain values that stood around it."""

    value: dict[str, Any]
    line: int
    path: str  # "fills[12].", or "" for a row on a line of its own
    around: dict[str, Any]


Rows = Generator[Row, None, bool]
"""Yields rows; returns whether the container closed as it should."""


class Cursor:
    """A position in a text that knows its line."""

    def __init__(self, text: str, first_line: int = 1) -> None:
        self.text, self.at, self._counted, self._line = text, 0, 0, first_line

    @property
    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def peek(self) -> str:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> bool:
        if self.peek() == wanted:
            self.at += 1
            return True
        return False

    def decode(self) -> Any:
        """The value that begins here. Raises ValueError (bad or cut JSON) or RecursionError (nested without end)."""
        self.peek()
        value, self.at = _decoder.raw_decode(self.text, self.at)
        return value


def scan(text: str, issues: Issues) -> Iterator[Row]:
    """All rows of a document, of several after each other, or of one on each line (with or without a receive stamp).

    Documents on lines of their own are read line by line, so that a broken one cannot reach into the next.
    """
    if _one_a_line(text):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield from _documents(Cursor(line, number), issues)
    else:
        yield from _documents(Cursor(text), issues)


def _one_a_line(text: str) -> bool:
    first, _, rest = text.lstrip().partition("\n")
    return (
        first.strip() not in ("[", "{")
        and any(_is_document(x) for x in (first, rest.partition("\n")[0]))
        and bool(rest)
    )


def _is_document(line: str) -> bool:
    cursor = Cursor(line)
    if stamp := _STAMP.match(line):
        cursor.at = stamp.end()
    try:
        return isinstance(cursor.decode(), dict | list) and not cursor.peek()
    except (ValueError, RecursionError):
        return False


def _documents(cursor: Cursor, issues: Issues) -> Iterator[Row]:
    while cursor.peek():
        if stamp := _STAMP.match(cursor.text, cursor.at):
            cursor.at = stamp.end()
        elif cursor.peek() not in "[{":
            beginning = shown(cursor.text[cursor.at : cursor.at + 40])
            issues.add(cursor.line, "", f"{beginning} is no JSON", "drop what is no part of the recording")
            return
        around: dict[str, Any] = {}
        closed = yield from _container(cursor, issues, "", around)
        if not closed:
            following = _FILLS.search(cursor.text, cursor.at)
            if following is None:
                return
            cursor.at = following.end()
            yield from _list(cursor, issues, "fills", around)
            return


def _container(cursor: Cursor, issues: Issues, path: str, around: dict[str, Any]) -> Rows:
    return (yield from (_list if cursor.peek() == "[" else _object)(cursor, issues, path, around))


def _list(cursor: Cursor, issues: Issues, path: str, around: dict[str, Any]) -> Rows:
    cursor.take("[")
    index = 0
    while not cursor.take("]"):
        cursor.peek()
        line, begin = cursor.line, cursor.at
        where = f"{path}[{index}]."
        try:
            value = cursor.decode()
        except (ValueError, RecursionError) as bad:
            following = _NEXT_ROW.search(cursor.text, begin)
            if following is None:
                issues.add(
                    line,
                    where[:-1],
                    f"the JSON ends or breaks here ({_why(bad)})",
                    f"{index} rows before it are kept; export the rest again",
                )
                return False
            issues.add(line, where[:-1], f"is no JSON ({_why(bad)})", "mend or drop the row")
            cursor.at = following.end()
            index += 1
            continue
        if not isinstance(value, dict):
            issues.add(line, where[:-1], f"{shown(value)} is not an object", "a row has named fields")
        elif damaged(cursor.text[begin : cursor.at]):
            issues.add(line, where[:-1], "holds bytes that are not UTF-8", "save the file as UTF-8")
        else:
            yield Row(value, line, where, around)
        index += 1
        if not cursor.take(",") and cursor.peek() != "]":
            issues.add(cursor.line, path, f"the list is not closed after {index} rows", "export the file again")
            return False
    return True


def _object(cursor: Cursor, issues: Issues, path: str, around: dict[str, Any]) -> Rows:
    """An object: rows under the keys that hold rows, plain values into `around`; itself a row when it holds none."""
    begin, line, rows = cursor.at, cursor.line, False
    plain: dict[str, Any] = {}
    cursor.take("{")
    while not cursor.take("}"):
        try:
            key = cursor.decode()
            if not isinstance(key, str) or not cursor.take(":"):
                raise ValueError("a key and a colon were expected")
            if key in _CONTAINERS and cursor.peek() in ("[", "{") and path.count(".") < _DEPTH_MAX:
                rows = True
                if not (yield from _container(cursor, issues, f"{path}.{key}" if path else key, around)):
                    return False
            else:
                plain[key] = around[key] = cursor.decode()
            if not cursor.take(",") and cursor.peek() != "}":
                raise ValueError("the object is not closed")
        except (ValueError, RecursionError) as bad:
            issues.add(cursor.line, path, f"the JSON ends or breaks here ({_why(bad)})", "export the file again")
            return False
    if not rows and path == "":
        if damaged(cursor.text[begin : cursor.at]):
            issues.add(line, "", "holds bytes that are not UTF-8", "save the file as UTF-8")
        else:
            yield Row(plain, line, "", around)
    return True


def _why(bad: Exception) -> str:
    if isinstance(bad, RecursionError):
        return "nested without end"
    return bad.msg if isinstance(bad, json.JSONDecodeError) else shown(str(bad))


def field_error(row: Row, issues: Issues, bad: RowError) -> None:
    """Report a row whose JSON is fine but whose content is not."""
    issues.row(row.line, bad, row.path)
