"""Signatures, made here where the key is here, and elsewhere where it is not, or where there are many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pilotfish.domain.errors import VenueError
from pilotfish.venues.evm.link import Link
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.schemes import SignRequest
from pilotfish.venues.session import Sign

Then = Callable[[bytes | None, int], None]


class Signing:
    """Every `then` is called once, with None where nothing was signed."""

    def __init__(self, link: Link, keys: Keyring | None) -> None:
        self._link, self._keys = link, keys
        self._signs = 0
        self._waiting: dict[int, list[Then | None]] = {}
        self._gathered: list[tuple[SignRequest, Then]] | None = None

    def gather(self) -> None:
        """What is asked for until `go` is signed together."""
        self._gathered = []

    def go(self) -> None:
        gathered, self._gathered = self._gathered or [], None
        self._elsewhere(gathered)

    def sign(self, request: SignRequest, now_ns: int, then: Then) -> None:
        if self._gathered is not None:
            return self._gathered.append((request, then))
        try:
            signature = self._keys.sign(request) if self._keys is not None else None
        except VenueError:
            self._link.counts["refused by the signer"] += 1
            return then(None, now_ns)
        if signature is not None:
            return then(signature, now_ns)
        self._elsewhere([(request, then)])

    def signed(self, sign: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        waiting = self._waiting.get(sign, [])
        for k, signature in enumerate(signatures, first):
            then = waiting[k] if k < len(waiting) else None
            if then is not None:
                waiting[k] = None
                then(signature, now_ns)
        if not any(waiting):
            self._waiting.pop(sign, None)

    def _elsewhere(self, wanted: Sequence[tuple[SignRequest, Then]]) -> None:
        if wanted:
            self._signs += 1
            self._waiting[self._signs] = [then for _, then in wanted]
            self._link.out.append(Sign(self._signs, [request for request, _ in wanted]))
