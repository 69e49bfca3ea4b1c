"""The CLOB's dead man's switch: a POST every five seconds, or the server cancels everything of the API key.

The first accepted one arms it; there is no way to disarm it but to stop and let it fire. Ten seconds after the last one
that was answered nobody knows any more what is open, so from then on no order leaves, and what was open is unknown,
until one is answered again. https://docs.polymarket.com/trading/orders/overview and the official client
(`send_order_heartbeat`).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.link import Answer, Kind, Link, Request
from pilotfish.venues.polymarket.settings import SECOND
from pilotfish.venues.polymarket.wire.codec import HEARTBEAT, encode

PATH = "/v1/heartbeats"
_AGAIN_NS = SECOND  # after one that was not answered
_TIMEOUT_NS = 3 * SECOND


class _Beat(msgspec.Struct):
    """Of one API key. `since_ns`: when the last answered one was sent, or the first of all."""

    id: str = ""
    since_ns: int = -1
    next_ns: int = 0
    under_way: bool = False
    missed: bool = False


class Heartbeats:
    """`wants()`: the accounts that have, or may soon have, orders that rest. `changed(account, alive, now_ns)`."""

    def __init__(self, link: Link, wants: Callable[[], set[int]], changed: Callable[[int, bool, int], None]) -> None:
        self._link, self._wants, self._changed = link, wants, changed
        self._wanted: set[int] = set()
        self._beats = {account: _Beat() for account in link.accounts}
        self._stopped = not link.settings.heartbeat

    def alive(self, account: int, now_ns: int) -> bool:
        """Whether an order may leave: no deadline is running, or the last one answered is young enough."""
        beat = self._beats[account]
        late = beat.since_ns >= 0 and now_ns - beat.since_ns > self._link.settings.heartbeat_ns_max
        return self._stopped or not (beat.missed or late)

    def tick(self, now_ns: int) -> None:
        if self._stopped:
            return
        self._wanted = self._wants() | {account for account in self._wanted if self._beats[account].missed}
        for account, beat in self._beats.items():
            if account not in self._wanted:
                beat.since_ns = -1
                continue
            if not beat.under_way and now_ns >= beat.next_ns:
                self._send(account, beat, now_ns)
            if not beat.missed and not self.alive(account, now_ns):
                beat.missed = True
                self._link.counts["heartbeats missed"] += 1
                self._changed(account, False, now_ns)

    def next_ns(self) -> int | None:
        if self._stopped:
            return None
        beats = [self._beats[account] for account in self._wanted]
        ahead = [beat.next_ns for beat in beats if not beat.under_way]
        late_ns = self._link.settings.heartbeat_ns_max + 1
        ahead += [beat.since_ns + late_ns for beat in beats if beat.since_ns >= 0 and not beat.missed]
        return min(ahead, default=None)

    def stop(self) -> None:
        """No more: what is open was cancelled, or the server cancels it."""
        self._stopped = True

    def _send(self, account: int, beat: _Beat, now_ns: int) -> None:
        beat.under_way, beat.next_ns = True, now_ns + self._link.settings.heartbeat_ns
        if beat.since_ns < 0:
            beat.since_ns = now_ns  # it may be accepted even if the answer is lost
        body = encode({"heartbeat_id": beat.id})
        request = Request(
            "POST", self._link.settings.clob_url, PATH, Kind.BEAT,
            body=body, account=account, timeout_ns=_TIMEOUT_NS,
        )  # fmt: skip

        def answered(answer: Answer | None, then_ns: int) -> None:
            beat.under_way = False
            said = self._read(answer)
            if answer is None or said is None:
                beat.next_ns = then_ns + _AGAIN_NS
                return
            beat.id = said
            if not answer.ok:  # another id was expected, and is told; this one did not count
                self._link.counts["heartbeat ids that differed"] += 1
                beat.next_ns = then_ns
                return
            beat.since_ns = now_ns
            if beat.missed:
                beat.missed = False
                self._changed(account, True, then_ns)

        self._link.ask(request, now_ns, answered, urgent=True)

    def _read(self, answer: Answer | None) -> str | None:
        if answer is None or not (answer.ok or answer.status == 400):
            return None
        try:
            return HEARTBEAT.decode(answer.body).heartbeat_id
        except MessageRefused:
            self._link.set_aside("heartbeat")
            return None
