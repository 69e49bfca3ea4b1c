"""Events of contracts as typed Python, held against their artifacts, and what a contract reverted with in words."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, NamedTuple, TypeVar, get_type_hints

import msgspec
from eth_abi.abi import decode

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.contracts.artifact import errors, load
from pilotfish.venues.evm.contracts.types import (
    UNREADABLE,
    AbiRefused,
    Field,
    bare_name,
    camel,
    canonical,
    dressed,
    fits,
    signature,
)
from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.evm.wire.abi import selector
from pilotfish.venues.keys.key import keccak

E = TypeVar("E", bound="Event")


class Event(msgspec.Struct, frozen=True):
    """A log of a contract: its parameters as Python spells them. `contract`: our artifact or a package's file."""

    contract: ClassVar[str] = ""

    @classmethod
    def topic(cls) -> bytes:
        """By which its logs are known. Raises ConfigError where the artifact's is another."""
        return _known(cls).topic

    @classmethod
    def read(cls: type[E], topics: list[bytes], data: bytes) -> E | None:
        """None for another event's log. Raises AbiRefused for one of its own that cannot be read."""
        known = _known(cls)
        if not topics or topics[0] != known.topic:
            return None
        try:
            if len(topics) != len(known.indexed) + 1:
                raise ValueError(f"{len(topics)} topics")
            found = {n: decode([k], t)[0] for (n, k), t in zip(known.indexed, topics[1:], strict=True)}
            rest = decode([k for _, k in known.others], data)
            found |= {n: value for (n, _), value in zip(known.others, rest, strict=True)}
        except UNREADABLE as bad:
            raise AbiRefused(f"a log of {cls.__name__}", str(bad)[:200], "see what sent it") from None
        return cls(*(dressed(found[name], hint) for name, hint in known.fields))


class _Known(NamedTuple):
    topic: bytes
    fields: list[tuple[str, Any]]
    indexed: list[tuple[str, str]]
    others: list[tuple[str, str]]


@cache
def _known(cls: type[Event]) -> _Known:
    abi: list[Field] = packages.artifact(cls.contract)["abi"] if "/" in cls.contract else load(cls.contract).abi
    named = (e for e in abi if e["type"] == "event" and e["name"] == cls.__name__)
    entry = next(named, None)
    told = [(camel(n), h) for n, h in get_type_hints(cls).items() if n != "contract"]
    inputs: list[Field] = entry["inputs"] if entry else []
    if entry is None or [n for n, _ in told] != [bare_name(i["name"]) for i in inputs]:
        raise ConfigError(f"event {cls.__name__} of {cls.contract}", "is another in the artifact", "declare it anew")
    for (name, hint), field in zip(told, inputs, strict=True):
        if not fits(hint, field):
            raise ConfigError(f"event {cls.__name__}", f"{name} is {field['type']}, not {hint}", "declare it anew")
    parts: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for field in inputs:
        parts[field["indexed"]].append((field["name"], canonical(field)))
    fields = [(i["name"], h) for i, (_, h) in zip(inputs, told, strict=True)]
    return _Known(keccak(signature(entry).encode()), fields, parts[True], parts[False])


def reason(data: bytes) -> str:
    """What a contract reverted with: the error's name and arguments where it is one of ours or Solidity's."""
    if not data:
        return "no reason was given"
    entry = _errors().get(data[:4])
    if entry is None:
        return f"the error 0x{data[:4].hex()}, which no contract of ours has"
    try:
        values = decode([canonical(i) for i in entry["inputs"]], data[4:])
    except UNREADABLE:
        return str(entry["name"])
    said = ", ".join(f"{i['name']} {v}" for i, v in zip(entry["inputs"], values, strict=True))
    return f"{entry['name']}({said})"


@cache
def _errors() -> dict[bytes, Field]:
    """Ours and Solidity's, by selector."""
    text = {"name": "Error", "inputs": [{"name": "reason", "type": "string"}]}
    panic = {"name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]}
    return errors() | {selector(signature(e)): e for e in (text, panic)}
