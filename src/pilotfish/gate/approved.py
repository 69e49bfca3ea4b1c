"""Approval is a type: a venue takes only `Approved[...]`, and only the gate makes one."""

from __future__ import annotations

from typing import Generic, TypeVar

from pilotfish.domain.errors import InvariantBroken
from pilotfish.domain.orders import Command

C_co = TypeVar("C_co", bound=Command, covariant=True)


class Approved(Generic[C_co]):
    """A command that passed the gate. Immutable; cannot be made without the gate's own key."""

    __slots__ = ("_command",)
    _command: C_co

    def __init__(self, command: C_co, key: object) -> None:
        if key is not _KEY:
            raise InvariantBroken("an Approved was made outside the gate", "", "send the intent through the gate")
        object.__setattr__(self, "_command", command)

    def __setattr__(self, name: str, value: object) -> None:
        raise InvariantBroken("an approval is immutable")

    @property
    def command(self) -> C_co:
        return self._command

    def __repr__(self) -> str:
        return f"Approved({self._command!r})"


_KEY = object()
