"""What is subscribed on the stream: wanted, asked for, confirmed or refused.

The venue answers a subscription with itself, sometimes with more fields, or with an `error` frame that quotes it:
"Already subscribed: {…}", "Invalid subscription {…}", "Error parsing JSON into valid websocket request: {…}"; two
errors quote nothing ("Cannot track more than 10 total users.", "Cannot subscribe to more than 1000 channels.").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.session import SECOND

SUBSCRIPTIONS_MAX = 1_000  # per IP
UNANSWERED_NS = 5 * SECOND  # then it is asked for again …
TRIES_MAX = 3  # … so often, after which the stream is given up
REFUSED_NS = 60 * SECOND  # a refused one is tried again after this
_PENDING_POST = re.compile(r"too many pending post requests id=(\d{1,18})")
_LIMITS = ("Cannot track more than", "Cannot subscribe to more than")

Key = tuple[str, str]


def key_of(subscription: Mapping[str, Any]) -> Key:
    """Type and what it is about, whatever else the venue adds."""
    about = str(subscription.get("coin", "")) or str(subscription.get("user", "")).lower()
    return str(subscription.get("type")), f"{about} {subscription.get('interval', '')!s}"


class _One(msgspec.Struct):
    wanted: dict[str, Any]
    asked_ns: int = -1
    tries: int = 0
    confirmed: bool = False
    refused_ns: int = -1


class Subscriptions:
    """`changed(subscription, confirmed)` is told of every answer."""

    def __init__(self, link: Link, changed: Callable[[dict[str, Any], bool], None]) -> None:
        self._link, self._changed = link, changed
        self._all: dict[Key, _One] = {}

    def want(self, subscriptions: Iterable[dict[str, Any]], now_ns: int) -> None:
        """Subscribe, now or when the stream opens; beyond the venue's limit one is refused here."""
        for wanted in subscriptions:
            if key_of(wanted) in self._all:
                continue
            if len(self._all) >= SUBSCRIPTIONS_MAX:
                self._link.counts["subscriptions_refused"] += 1
                self._changed(wanted, False)
                continue
            one = self._all[key_of(wanted)] = _One(wanted)
            self._ask(one, now_ns)

    def again(self, wanted: dict[str, Any], now_ns: int) -> None:
        """End and begin anew: a fresh snapshot of a feed that is doubted."""
        one = self._all.get(key_of(wanted))
        if one is not None and self._link.ready:
            self._link.send({"method": "unsubscribe", "subscription": wanted})
            one.confirmed, one.tries, one.refused_ns = False, 0, -1
            self._ask(one, now_ns)

    @property
    def complete(self) -> bool:
        """Every one is answered: confirmed, or refused."""
        return all(one.confirmed or one.refused_ns >= 0 for one in self._all.values())

    @property
    def hopeless(self) -> bool:
        """One is asked for in vain again and again: this stream does not work."""
        return any(one.tries > TRIES_MAX and not one.confirmed for one in self._all.values())

    def opened(self, now_ns: int) -> None:
        for one in self._all.values():
            one.confirmed, one.tries, one.refused_ns = False, 0, -1
            self._ask(one, now_ns)

    def confirmed(self, subscription: Mapping[str, Any]) -> None:
        one = self._all.get(key_of(subscription))
        if one is not None and not one.confirmed:
            one.confirmed, one.refused_ns = True, -1
            self._changed(one.wanted, True)

    def error(self, text: str, now_ns: int) -> None:
        """An `error` frame, whatever it is about."""
        if pending := _PENDING_POST.search(text):
            return self._link.too_many(int(pending[1]), now_ns)
        quoted = _quoted(text)
        one = self._all.get(key_of(quoted)) if quoted is not None else None
        if one is not None and text.startswith("Already subscribed"):
            return self.confirmed(one.wanted)
        if one is not None:
            return self._refuse(one, now_ns)
        if text.startswith(_LIMITS):
            waiting = [one for one in self._all.values() if not one.confirmed and one.refused_ns < 0]
            of_users = [one for one in waiting if "user" in one.wanted] if "users" in text else waiting
            return self._refuse(of_users[0], now_ns) if of_users else self._link.set_aside("limit of subscriptions")
        self._link.set_aside("an error of the venue")

    def tick(self, now_ns: int) -> None:
        if not self._link.ready:
            return
        for one in self._all.values():
            if one.confirmed:
                continue
            refused = one.refused_ns >= 0
            since_ns, wait_ns = (one.refused_ns, REFUSED_NS) if refused else (one.asked_ns, UNANSWERED_NS)
            if since_ns + wait_ns <= now_ns:
                one.tries = 0 if refused else one.tries
                self._ask(one, now_ns, keep_refused=refused)

    def _ask(self, one: _One, now_ns: int, keep_refused: bool = False) -> None:
        if self._link.ready:
            one.asked_ns, one.tries = now_ns, one.tries + 1
            one.refused_ns = now_ns if keep_refused else -1
            self._link.send({"method": "subscribe", "subscription": one.wanted})

    def _refuse(self, one: _One, now_ns: int) -> None:
        one.refused_ns, one.confirmed = now_ns, False
        self._link.counts["subscriptions_refused"] += 1
        self._changed(one.wanted, False)


def _quoted(text: str) -> Mapping[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        value = msgspec.json.decode(text[start:])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    inner = value.get("subscription", value) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else None
