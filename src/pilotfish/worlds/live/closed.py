"""The venue of a shard whose venue is not open yet."""

from __future__ import annotations

from collections.abc import Sequence

from pilotfish.domain.events import Event
from pilotfish.domain.orders import Command
from pilotfish.gate.approved import Approved


class Closed:
    """Says nothing, and lets vanish what is sent: the core asks again for what nobody answered."""

    idempotent_ids = True

    def events(self, until_ns: int) -> Sequence[Event]:
        return ()

    def next_ns(self) -> int | None:
        return None

    def submit(self, commands: Sequence[Approved[Command]], now_ns: int) -> None:
        """Nothing leaves."""
