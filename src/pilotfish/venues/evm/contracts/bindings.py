"""Contracts as typed Python, held against their artifacts: a call is bytes and how to read what comes back.

    class Anchor(Contract):
        artifact = "Anchor"
        head: Function[[str], bytes]
        anchor: Function[[bytes, Batch], bytes]

    call = Anchor(address).head(publisher)    # mypy knows both: Call[bytes]

A declaration names what Python uses, in Python's spelling (`total_assets` is totalAssets). The words on the wire come
from the artifact, and a declaration that does not fit it is refused (a test reads all). Types: address → str (lower
case), bytesN, bytes → bytes, uintN, intN → int, a struct → a `Tuple` of its fields, T[] → list[T], several → tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, NamedTuple, ParamSpec, TypeVar, get_args, get_origin, get_type_hints

from eth_abi.abi import decode, encode

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.contracts.types import (
    UNREADABLE,
    AbiRefused,
    Field,
    Tuple,
    bare,
    camel,
    canonical,
    dressed,
    fits,
    packed,
    signature,
)
from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.keys.key import keccak

P = ParamSpec("P")
R = TypeVar("R")


class Call(NamedTuple, Generic[R]):
    """`data` for `to`; `read` turns what comes back into Python. Raises AbiRefused for what is no answer."""

    to: str
    data: bytes
    read: Callable[[bytes], R]


class Function(Generic[P, R]):
    """One function of a contract at an address."""

    def __init__(self, to: str, codec: _Codec) -> None:
        self._to, self._codec = to, codec

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Raises AbiRefused for arguments that its types cannot hold."""
        assert not kwargs, "by place alone: a contract's names are not ours"
        return Call(self._to, self._codec.encode(args), self._codec.decode)


class _Codec(NamedTuple):
    name: str
    selector: bytes
    takes: list[str]
    gives: list[str]
    shape: Any
    """What Python is given: a type, or None for nothing."""

    def encode(self, args: tuple[Any, ...]) -> bytes:
        try:
            return self.selector + encode(self.takes, [bare(a) for a in args])
        except UNREADABLE as bad:
            raise AbiRefused(f"arguments of {self.name}", str(bad)[:200], "see its types") from None

    def decode(self, data: bytes) -> Any:
        if self.shape is type(None):
            return None
        try:
            found = decode(self.gives, data)
            return dressed(found[0] if len(self.gives) == 1 else tuple(found), self.shape)
        except UNREADABLE as bad:
            why = f"{len(data)} bytes are no answer of it ({str(bad)[:120]})"
            raise AbiRefused(self.name, why, "see that the contract stands at this address") from None


class Contract:
    """A contract at an address. `artifact` names one of ours, `package` is another's file below node_modules."""

    artifact: ClassVar[str] = ""
    package: ClassVar[str] = ""

    def __init__(self, address: str) -> None:
        self.address = address.lower()

    def __getattr__(self, name: str) -> Function[..., Any]:
        codec = None if name.startswith("_") else self.codecs().get(name)
        if codec is None:
            raise AttributeError(f"{type(self).__name__} declares no {name}")
        function: Function[..., Any] = Function(self.address, codec)
        setattr(self, name, function)
        return function

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    @classmethod
    def abi(cls) -> list[Field]:
        if cls.package:
            found: list[Field] = packages.artifact(cls.package)["abi"]
            return found
        return load(cls.artifact).abi

    @classmethod
    def codecs(cls) -> dict[str, _Codec]:
        """How each declared function is written and read. Raises ConfigError for one that the artifact lacks."""
        if "_codecs" not in cls.__dict__:
            declared = [(n, h) for n, h in get_type_hints(cls).items() if get_origin(h) is Function]
            cls._codecs = {name: _codec_of(cls, name, *get_args(hint)) for name, hint in declared}
        return cls._codecs

    _codecs: ClassVar[dict[str, _Codec]]

    @classmethod
    def creation(cls, *args: Any) -> bytes:
        """What makes it, its constructor's arguments with it. Raises AbiRefused."""
        inputs: list[Field] = next((e["inputs"] for e in cls.abi() if e["type"] == "constructor"), [])
        return bytes.fromhex(load(cls.artifact).bytecode[2:]) + packed(inputs, args, f"new {cls.artifact}")


def _codec_of(cls: type[Contract], name: str, takes: Any, gives: Any) -> _Codec:
    shapes = [] if gives is type(None) else list(get_args(gives)) if get_origin(gives) is tuple else [gives]
    named = [e for e in cls.abi() if e["type"] == "function" and e["name"] in (name, camel(name), name.upper())]
    for entry in named:
        given, got = entry["inputs"], entry["outputs"]
        answered = not shapes or (len(got) == len(shapes) and all(map(fits, shapes, got)))
        if answered and len(given) == len(takes) and all(map(fits, takes, given)):
            kinds = [canonical(i) for i in given], [canonical(o) for o in got]
            return _Codec(f"{cls.__name__}.{name}", keccak(signature(entry).encode())[:4], *kinds, gives)
    has = ", ".join(map(signature, named)) or "no function of that name"
    raise ConfigError(f"{cls.__name__}.{name} as declared", f"the artifact has {has}", "declare what it is")


__all__ = ["AbiRefused", "Call", "Contract", "Function", "Tuple"]
