"""Damage to messages that leaves most of them whole: fields changed, lost, doubled, nested; bytes cut and flipped.

A `Random` decides, so that the same seed does the same damage. Only the standard library: fuzzers start fast.
"""

import json
from collections.abc import Iterator, MutableMapping, MutableSequence
from random import Random
from typing import Any, NamedTuple

JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, 0.0, -0.5,
    1e308, 5e-324,
    "", " ", "0", "-0", "-1", "1e3", "1E-9", "+1", "1_0", ".5", "5.", "NaN", "Infinity", "-inf", "0x10", "٣", "²",
    "\x00",
    "9" * 18, "9" * 19, "9223372036854775807", "9223372036854775808", "9223372036854775807.5", "0." + "0" * 30 + "1",
    "9" * 41, "9" * 5_000, "1784683656000", "9999999999999", "0001-01-01T00:00:00Z", "BTC",
    "ETH", "A", "B", "BUY", "sell",
    [], {}, [[]], [{}], {"a": 1}, ["0.5"], "\U0001f41f" * 50,
)  # fmt: skip
LITERALS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "9" * 400, "9" * 5_000, "0" * 5, "1.0", "tru")
BYTES = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b'"',
    b"{",
    b"[",
    b"}",
    b"]",
    b",",
    b"\\u0000",
    b"\\ud800",
    b"\n",
)


class Literal(NamedTuple):
    """Written as it stands, whether it is JSON or not."""

    text: str


def written(value: Any) -> str:
    """JSON, with whatever literals were put into it."""
    if isinstance(value, Literal):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def damaged(raw: bytes, chance: Random) -> bytes:
    """A message with a few fields damaged where it is JSON, and now and then a few bytes."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return torn(raw, chance)
    if chance.random() < 0.1:
        return torn(raw, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        value = changed(value, chance)
    text = written(value).encode("utf-8", "replace")
    return torn(text, chance) if chance.random() < 0.05 else text


def torn(raw: bytes, chance: Random) -> bytes:
    """Cut short, a byte flipped, something put in, or said twice."""
    at = chance.randrange(len(raw) + 1)
    kind = chance.randrange(5)
    if kind == 0:
        return raw[:at]
    if kind == 1 and at < len(raw):
        return raw[:at] + bytes([raw[at] ^ 1 << chance.randrange(8)]) + raw[at + 1 :]
    if kind == 2:
        return raw[:at] + chance.choice(BYTES) * chance.choice((1, 1, 3, 2_000)) + raw[at:]
    if kind == 3:
        return raw + raw
    return raw[at:]


def changed(value: Any, chance: Random) -> Any:
    """The same tree with one place of it damaged; the tree that is given is not kept."""
    places = list(_places(value))
    if not places:
        return _junk(chance)
    home, key = chance.choice(places)
    kind = chance.randrange(20)
    if kind <= 2:
        home[key] = _junk(chance)
    elif kind == 3:
        home[key] = Literal(chance.choice(LITERALS))
    elif kind == 4:
        del home[key]
    elif kind == 5:  # one field says what another one says: crossed books, doubled levels, swapped sides
        other, at = chance.choice(places)
        home[key] = _copy(other[at])
    elif kind == 6:
        other, at = chance.choice(places)
        home[key], other[at] = _copy(other[at]), _copy(home[key])
    elif kind == 7:
        _disorder(home[key], chance)
    elif kind == 8 and isinstance(home, dict):  # the same name twice: which of the two is meant?
        home[key] = Literal(f"{written(home[key])},{json.dumps(str(key))}:{written(_junk(chance))}")
    elif kind == 9:
        depth = chance.choice((1, 1, 2, 50, 3_000))
        home[key] = Literal("[" * depth + written(home[key]) + "]" * depth)
    else:
        home[key] = _nearly(home[key], chance)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with every key of it."""
    stack = [value]
    while stack:
        home = stack.pop()
        if isinstance(home, dict):
            pairs = [(home, key) for key in home]
        elif isinstance(home, list):
            pairs = [(home, at) for at in range(len(home))]
        else:
            continue
        yield from pairs
        stack += [home[key] for home, key in pairs]


def _junk(chance: Random) -> Any:
    return _copy(chance.choice(JUNK))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


def _disorder(value: Any, chance: Random) -> None:
    if isinstance(value, MutableSequence) and value:
        again = [_copy(one) for one in value]
        kind = chance.randrange(3)
        if kind == 0:
            value.reverse()
        elif kind == 1:
            chance.shuffle(value)
        else:
            value += again[: chance.randrange(len(again)) + 1]
    elif isinstance(value, MutableMapping) and value:
        key = chance.choice(list(value))
        value[f"{key}_"] = value.pop(key)


def _nearly(value: Any, chance: Random) -> Any:
    """A number a little or very different, as number or as text; of a text, a letter less or more."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return _junk(chance)
    text = str(value)
    kind = chance.randrange(8)
    if kind == 0:
        new = text[1:] if text.startswith("-") else f"-{text}"
    elif kind == 1:
        at = chance.randrange(len(text))
        new = text[:at] + chance.choice("0123456789.") + text[at + 1 :]
    elif kind == 2:
        new = text + chance.choice(("0", "000000000000", ".0", "5", "e1", " ", "\u0663"))
    elif kind == 3:
        new = chance.choice(("0", "00", " ", "+")) + text
    elif kind == 4:
        return float(text) if _numeric(text) and len(text) < 300 else text[:-1]
    elif kind == 5:
        return text.upper() if chance.random() < 0.5 else text.swapcase()
    elif kind == 6:
        new = text.replace(".", "", 1)
    else:
        new = text[:-1]
    return new if isinstance(value, str) else Literal(new) if _numeric(new) else new


def _numeric(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal() and text.isascii()
