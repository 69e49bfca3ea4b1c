"""The twin's HTTP: paths of the CLOB, gamma, the data API and what the official client asks the relayer, on one host.

Where two services share a path the question tells them apart: `/markets/0x…` is the CLOB's, all else gamma's. Prefixes
`/gamma`, `/data-api` and `/relayer` are understood and not needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from pilotfish.venues.twins.faults import Fault
from pilotfish.venues.twins.polymarket.accounts import Refused
from pilotfish.venues.twins.polymarket.guard import Limited
from pilotfish.venues.twins.polymarket.node import rpc
from pilotfish.venues.twins.polymarket.private import Private
from pilotfish.venues.twins.polymarket.questions import Question
from pilotfish.venues.twins.port import Answer

if TYPE_CHECKING:
    from pilotfish.venues.twins.polymarket.twin import PolymarketTwin

SECOND = 1_000_000_000
Pairs = list[tuple[str, str]]
_PREFIX = re.compile(r"^/(gamma|data-api|relayer)(?=/)")


class Api:
    """Answers requests for a twin."""

    def __init__(self, twin: PolymarketTwin) -> None:
        self._twin, self._private = twin, Private(twin)

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request, whatever is in it."""
        path, _, query = url.partition("?")
        path = _PREFIX.sub("", path).rstrip("/") or "/"
        extra: dict[str, str] = {}
        try:
            if self._twin.faults.hit(Fault.RATE_LIMIT):
                raise Limited
            status, said = 200, self._route(method, path, parse_qsl(query), headers, body, extra)
            if isinstance(said, tuple):
                status, said = said
        except Limited as no:
            status, said, extra = no.status, {"error": no.words}, no.headers
        except Refused as no:
            status, said = no.status, {"error": no.words}
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            status, said = 400, {"error": "Invalid payload"}
        return Answer(status, msgspec.json.encode(said), {"content-type": "application/json", **extra})

    def _route(
        self, method: str, path: str, pairs: Pairs, headers: dict[str, str], body: bytes, extra: dict[str, str]
    ) -> Any:
        if path in ("/auth/api-key", "/auth/derive-api-key") and "poly_api_key" not in headers:
            return self._credentials(method, path, headers)
        act = self._private.paths.get((method, path))
        order = path.removeprefix("/data/order/") if path.startswith("/data/order/") else ""
        if act is None and not order:
            return self._open(method, path, pairs, body)
        twin = self._twin
        if twin.key_unknown():
            raise Refused(401, "Unauthorized/Invalid api key")
        key = twin.accounts.l2(headers, method, path, body, twin.clock_ns() // SECOND)
        if act is None:
            return self._private.order(key, order)
        if method in ("POST", "DELETE") and "auth" not in path and "heart" not in path:
            extra |= twin.limits.spend(key.owner, self._private.cost(path, key, body), twin.agenda.now_ns)
            return self._perhaps_500(lambda: act(key, dict(pairs), body))
        return act(key, dict(pairs), body)

    def _perhaps_500(self, act: Callable[[], Any]) -> Any:
        """The venue's own failure: it does what was asked, or does not, and says neither."""
        faults = self._twin.faults
        if not faults.hit(Fault.ERROR_500):
            return act()
        if faults.draw(Fault.ERROR_500, 2):
            act()
        raise Refused(500, "Internal server error")

    def _credentials(self, method: str, path: str, headers: dict[str, str]) -> Any:
        accounts = self._twin.accounts
        address, nonce = accounts.l1(headers, self._twin.clock_ns() // SECOND)
        made = accounts.create(address, nonce) if method == "POST" else accounts.derive(address, nonce)
        return {"apiKey": made.key, "secret": made.secret, "passphrase": made.passphrase}

    def _open(self, method: str, path: str, pairs: Pairs, body: bytes) -> Any:
        asked = Question(self._twin, pairs)
        if method == "GET" and (plain := asked.plain.get(path)) is not None:
            return plain()
        if method == "POST" and path == "/rpc":
            return rpc(self._twin, msgspec.json.decode(body))
        if method == "POST":
            return asked.many(path, msgspec.json.decode(body, type=list[dict[str, str]]))
        head, _, name = path.rpartition("/")
        if method == "GET" and (named := asked.named.get(head)) is not None:
            return named(name)
        raise Refused(404, "not found")
