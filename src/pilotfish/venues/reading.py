"""How one kind of message is read: a message, or MessageRefused, whatever the bytes are."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from pilotfish.venues.decimals import MessageRefused

T = TypeVar("T")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError, RecursionError)


class Reading(Generic[T]):
    """How one kind of message is read."""

    def __init__(self, what: str, kind: Any) -> None:
        self.what = what
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def decode(self, raw: bytes | str) -> T:
        """Raises MessageRefused, with the place in the message. Fields that are not known yet are passed over."""
        try:
            return self._decoder.decode(raw)
        except _UNREADABLE as bad:
            raise MessageRefused(f"{len(raw)} bytes are no {self.what}", str(bad)[:200], "it is set aside") from None
