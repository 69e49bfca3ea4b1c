"""Types of an ABI and types of Python: which goes with which, and values from one to the other."""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError, EncodingError

from pilotfish.domain.errors import VenueError

Field = dict[str, Any]
"""An input or output as an ABI says it."""
UNREADABLE = (DecodingError, EncodingError, OverflowError, ValueError, TypeError)


class AbiRefused(VenueError):
    """Arguments that a contract's function does not take, or an answer that is not its own."""


class Tuple(msgspec.Struct, frozen=True):
    """A struct of Solidity: the same fields in the same order, as Python spells them. Any msgspec.Struct will do."""


def camel(name: str) -> str:
    """A name of Python's as Solidity spells it."""
    if name.isupper():
        return name
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def bare_name(name: str) -> str:
    return name.strip("_")


def canonical(field: Field) -> str:
    """An ABI type as signatures write it: a struct by its fields."""
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(map(canonical, field['components']))}){kind.removeprefix('tuple')}"


def signature(entry: Field) -> str:
    """Of a function, event or error: name(types)."""
    return f"{entry['name']}({','.join(map(canonical, entry['inputs']))})"


def fits(hint: Any, field: Field) -> bool:
    """Whether Python's type is the ABI's."""
    kind: str = field["type"]
    if kind.endswith("]"):
        inner = {**field, "type": kind[: kind.rindex("[")]}
        return get_origin(hint) is list and fits(get_args(hint)[0], inner)
    if kind == "tuple":
        if not (isinstance(hint, type) and issubclass(hint, msgspec.Struct)):
            return False
        told, parts = get_type_hints(hint), field["components"]
        return [camel(n) for n in told] == [bare_name(c["name"]) for c in parts] and all(
            fits(h, c) for h, c in zip(told.values(), parts, strict=True)
        )
    stem = kind.rstrip("0123456789")
    return hint is {"address": str, "string": str, "bool": bool, "uint": int, "int": int, "bytes": bytes}.get(stem)


def bare(value: Any) -> Any:
    """As eth_abi wants it."""
    if isinstance(value, msgspec.Struct):
        return tuple(bare(v) for v in msgspec.structs.astuple(value))
    if isinstance(value, list | tuple):
        return [bare(v) for v in value]
    return value


def dressed(value: Any, shape: Any) -> Any:
    """As the declaration promises it."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return shape(*(dressed(v, h) for v, h in zip(value, get_type_hints(shape).values(), strict=True)))
    inner = get_args(shape)
    if get_origin(shape) is list:
        return [dressed(v, inner[0]) for v in value]
    if get_origin(shape) is tuple:
        return tuple(dressed(v, h) for v, h in zip(value, inner, strict=True))
    return value


def packed(inputs: list[Field], args: tuple[Any, ...], what: str) -> bytes:
    """Arguments as their ABI wants them. Raises AbiRefused."""
    try:
        return bytes(encode([canonical(i) for i in inputs], [bare(a) for a in args]))
    except UNREADABLE as bad:
        raise AbiRefused(f"arguments of {what}", str(bad)[:200], "see its types") from None
