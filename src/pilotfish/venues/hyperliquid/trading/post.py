"""Signed actions on their way: nonce, expiry, signature (here or elsewhere), post, outcome."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pilotfish.domain.errors import VenueError
from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.link import Link
from pilotfish.venues.hyperliquid.trading.agenda import Agenda
from pilotfish.venues.hyperliquid.trading.nonces import NS_PER_MS, Nonces
from pilotfish.venues.hyperliquid.wire.actions import Action
from pilotfish.venues.hyperliquid.wire.answers import Denied, Reply
from pilotfish.venues.hyperliquid.wire.codec import encode
from pilotfish.venues.hyperliquid.wire.signing import Signature, Signed, action_hash
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.session import Sign

SCHEME = {True: Scheme.HYPERLIQUID_MAINNET, False: Scheme.HYPERLIQUID_TESTNET}
_NOT_SENT = "not sent: the stream"  # how the link denies what never left it
_FAILED = re.compile(r"5\d\d\b|.*(internal server error|bad gateway|timed? ?out)", re.IGNORECASE)

Outcome = Reply | Reason | None
"""What became of an action: the venue's reply; why it never left us; None where nobody knows."""


class Post(NamedTuple):
    """An action of an account. `then(outcome, now_ns)` is called once; `items` is how many orders it carries."""

    account: Account
    action: Action
    then: Callable[[Outcome, int], None]
    items: int = 1


class _Made(NamedTuple):
    post: Post
    nonce: int
    expires_ms: int
    request: SignRequest


class Poster:
    """Signs with the keys of this process, or has it signed elsewhere; whatever cannot be sent says why."""

    def __init__(self, link: Link, keys: Keyring | None, agenda: Agenda) -> None:
        self._link, self._keys, self._agenda = link, keys, agenda
        self._nonces = Nonces()
        self._signing: dict[int, dict[int, _Made]] = {}  # by sign id, by index
        self._signs = 0
        self.refused = 0

    @property
    def expires_ns(self) -> int:
        """How long after it was made an action may still arrive."""
        return self._link.settings.expires_after_ns

    def post(self, post: Post, now_ns: int) -> None:
        """One action, signed at once where the key is here."""
        made = self._make(post, now_ns)
        if made is None:
            return
        try:
            signature = None if self._keys is None else self._keys.sign(made.request)
        except VenueError:
            return self._refuse(post, Reason.AUTHENTICATION, now_ns)
        if signature is None:
            self._elsewhere([made], now_ns)
        else:
            self._send(made, signature, now_ns)

    def post_many(self, posts: Iterable[Post], now_ns: int) -> None:
        """Signed away from this thread, and sent as the signatures come."""
        made = [one for one in (self._make(post, now_ns) for post in posts) if one is not None]
        if made:
            self._elsewhere(made, now_ns)

    def signed(self, sign_id: int, first: int, signatures: Sequence[bytes], now_ns: int) -> None:
        """Signatures for the requests from `first` on; one that is not 65 bytes was refused by the signer."""
        waiting = self._signing.get(sign_id, {})
        for index, signature in enumerate(signatures, first):
            made = waiting.pop(index, None)
            if made is None:
                continue  # it was given up, or is said twice
            if len(signature) != 65:
                self._refuse(made.post, Reason.AUTHENTICATION, now_ns)
            else:
                self._send(made, signature, now_ns)
        if not waiting:
            self._signing.pop(sign_id, None)

    def _make(self, post: Post, now_ns: int) -> _Made | None:
        if not self._link.ready:
            self._refuse(post, Reason.DISCONNECTED, now_ns)
            return None
        expires_ms = (now_ns + self.expires_ns) // NS_PER_MS
        key, scheme = post.account.key.lower(), SCHEME[self._link.settings.mainnet]
        try:
            nonce = self._nonces.take(key, now_ns)
            digest = action_hash(post.action, nonce, post.account.vault, expires_ms)
        except VenueError:
            self._refuse(post, Reason.AUTHENTICATION, now_ns)
            return None
        return _Made(post, nonce, expires_ms, SignRequest(key, scheme, digest))

    def _elsewhere(self, made: list[_Made], now_ns: int) -> None:
        self._signs += 1
        sign_id = self._signs
        self._signing[sign_id] = dict(enumerate(made))
        self._link.out.append(Sign(sign_id, [one.request for one in made]))
        # Half of the time until they expire: the rest is for the way to the venue.
        self._agenda.at(now_ns + self.expires_ns // 2, lambda ns: self._give_up(sign_id, ns))

    def _give_up(self, sign_id: int, now_ns: int) -> None:
        for made in self._signing.pop(sign_id, {}).values():
            self._refuse(made.post, Reason.AUTHENTICATION, now_ns)

    def _send(self, made: _Made, signature: bytes, now_ns: int) -> None:
        post = made.post
        if not self._link.ready:
            return self._refuse(post, Reason.DISCONNECTED, now_ns)
        r, s = (hex(int.from_bytes(half, "big")) for half in (signature[:32], signature[32:64]))
        shown = Signature(r, s, 27 + signature[64])
        body = Signed(post.action, made.nonce, shown, post.account.vault, made.expires_ms)

        def then(reply: Reply | None, ns: int) -> None:
            outcome = _outcome(reply)
            self.refused += isinstance(outcome, Reason)
            post.then(outcome, ns)

        self._link.post(encode(body), now_ns, then, 1 + post.items // 40)

    def _refuse(self, post: Post, reason: Reason, now_ns: int) -> None:
        self.refused += 1
        post.then(reason, now_ns)


def _outcome(reply: Reply | None) -> Outcome:
    """An answer that is no verdict of the exchange's: too many requests were not looked at; after a failure of its
    servers (5xx) nobody knows.
    """
    if not isinstance(reply, Denied):
        return reply
    text = reply.response.strip()
    if text.startswith(_NOT_SENT):
        return Reason.DISCONNECTED
    if text.startswith("429"):
        return Reason.RATE_LIMIT
    return None if _FAILED.match(text) else reply
