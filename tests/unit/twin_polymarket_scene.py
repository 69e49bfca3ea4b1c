"""A Polymarket twin and people who trade on it in virtual time, signing with the official client's own code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from eth_account import Account as EthAccount
from polymarket._internal.actions.auth import build_l1_auth_headers
from polymarket._internal.actions.orders.orders import create_signed_order
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import build_order_signature, build_order_typed_data
from polymarket._internal.actions.orders.types import BYTES32_ZERO, UnsignedOrder
from polymarket._internal.hmac import build_hmac_signature
from polymarket._internal.l1_auth import sign_api_key_auth

from pilotfish.venues.sim.recorded import BookSnapshot, RecordedBook
from pilotfish.venues.twins.faults import TwinFaults
from pilotfish.venues.twins.polymarket.markets import Listing, Source, instrument, listing
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, Terms
from pilotfish.venues.twins.polymarket.wallets import NEG_RISK_EXCHANGE, STANDARD_EXCHANGE, wallet_of

SECOND = 1_000_000_000
START = 1_780_000_000 * SECOND
MONEY = 1_000_000  # one USDC, one share
RAIN = listing("Will it rain?")


def book(listed: Listing, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> RecordedBook:
    """Strangers who stand still: (price in 10^-4, shares), best first."""
    shares = [tuple((price, size * 100) for price, size in side) for side in (bids, asks)]
    return RecordedBook(instrument(0, listed), [BookSnapshot(START, shares[0], shares[1])])


class Trader:
    """One key, its wallet, its API key."""

    def __init__(self, scene: Scene, secret: int, kind: int, money: int) -> None:
        self.scene, self.kind = scene, kind
        self.signer = EthAccount.from_key(secret.to_bytes(32, "big"))
        self.account = scene.twin.open_account(self.signer.address, kind, money * MONEY)
        made = scene.ask("POST", "/auth/api-key", self.l1())[1]
        self.key, self.secret, self.passphrase = made["apiKey"], made["secret"], made["passphrase"]

    def l1(self) -> dict[str, str]:
        signature = sign_api_key_auth(self.signer, chain_id=137, timestamp=self.scene.now // SECOND)
        return {name.lower(): value for name, value in build_l1_auth_headers(signature).items()}

    def l2(self, method: str, path: str, body: bytes) -> dict[str, str]:
        stamp = self.scene.now // SECOND
        text = body.decode() or None
        return {
            "poly_address": self.signer.address,
            "poly_api_key": self.key,
            "poly_passphrase": self.passphrase,
            "poly_signature": build_hmac_signature(
                secret=self.secret, timestamp=stamp, method=method, path=path, body=text
            ),
            "poly_timestamp": str(stamp),
        }

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of a private request."""
        raw = b"" if body is None else msgspec.json.encode(body)
        return self.scene.ask(method, path, self.l2(method, path.partition("?")[0], raw), raw)

    def order(self, token: str, side: str, price: float, size: float, **more: Any) -> dict[str, Any]:
        """The body of a signed order; `money` overrides what is paid or received, in 10^-6."""
        lots = round(size * MONEY)
        money = more.get("money", round(price * size * MONEY))
        self.scene.salt += 1
        maker = self.account.wallet
        unsigned = UnsignedOrder(
            chain_id=137,
            builder=BYTES32_ZERO,
            exchange_address=more.get("exchange", STANDARD_EXCHANGE),
            expiration=more.get("expiration", 0),
            maker=maker,
            maker_amount=money if side == "BUY" else lots,
            metadata=BYTES32_ZERO,
            order_type=more.get("type", "GTC"),
            salt=more.get("salt", self.scene.salt),
            side=side,
            signature_type=self.kind,
            signer=maker if self.kind == 3 else self.signer.address,
            taker_amount=lots if side == "BUY" else money,
            timestamp=self.scene.now // 1_000_000,
            token_id=token,
        )
        signed = self.signer.sign_typed_data(full_message=build_order_typed_data(unsigned))
        signature = build_order_signature(unsigned, "0x" + signed.signature.hex())
        whole = create_signed_order(unsigned, signature, post_only=more.get("post_only", False))
        body: dict[str, Any] = build_post_order_request(whole, owner_api_key=self.key)[1]
        return body

    def post(self, token: str, side: str, price: float, size: float, **more: Any) -> tuple[int, Any]:
        return self.ask("POST", "/order", self.order(token, side, price, size, **more))

    def placed(self, token: str, side: str, price: float, size: float, **more: Any) -> dict[str, Any]:
        """The answer to an order that is taken."""
        status, said = self.post(token, side, price, size, **more)
        assert (status, said["success"], said["errorMsg"]) == (200, True, ""), said
        answer: dict[str, Any] = said
        return answer

    def refused(self, token: str, side: str, price: float, size: float, **more: Any) -> str:
        """The venue's words against an order."""
        status, said = self.post(token, side, price, size, **more)
        assert status == 400, said
        return str(said["error"])


class Scene:
    """`strangers` trade in the first market."""

    def __init__(
        self,
        listed: tuple[Listing, ...] = (RAIN,),
        strangers: Source | None = None,
        faults: TwinFaults | None = None,
        terms: Terms | None = None,
    ) -> None:
        sources = {0: strangers} if strangers else {}
        self.twin = PolymarketTwin(listed, START, sources, faults, terms=terms)
        self.now, self.salt, self._streams = START, 0, 0
        self.heard: dict[int, list[Any]] = {}
        self.ended: set[int] = set()
        self.ask("GET", "/time")

    def trader(self, secret: int = 1, kind: int = 3, money: int = 1_000) -> Trader:
        return Trader(self, secret, kind, money)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> tuple[int, Any]:
        answer = self.twin.request(method, path, headers or {}, body, self.now)
        self.listen()
        return answer.status, msgspec.json.decode(answer.body)

    def wait(self, seconds: float) -> None:
        """Virtual time passes."""
        until = self.now + int(seconds * SECOND)
        while (due := self.twin.next_ns()) is not None and due <= until:
            self.now = max(self.now, due)
            self.twin.advance(self.now)
            self.listen()
        self.now = until
        self.twin.advance(until)
        self.listen()

    def stream(self, channel: str, *frames: Any) -> int:
        """A connection on which these were said; frames that are no bytes are written as JSON."""
        self._streams += 1
        self.heard[self._streams] = []
        self.twin.opened(self._streams, f"/ws/{channel}", self.now)
        self.listen()
        for frame in frames:
            self.say(self._streams, frame)
        return self._streams

    def market(self, *tokens: str, extra: bool = False) -> int:
        said = {"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": extra}
        return self.stream("market", said)

    def user(self, trader: Trader, *markets: str) -> int:
        auth = {"apiKey": trader.key, "secret": trader.secret, "passphrase": trader.passphrase}
        said: dict[str, Any] = {"type": "user", "auth": auth} | ({"markets": list(markets)} if markets else {})
        return self.stream("user", said)

    def say(self, stream: int, frame: Any) -> None:
        raw = frame if isinstance(frame, bytes) else msgspec.json.encode(frame)
        self.twin.frame(stream, raw, self.now)
        self.listen()

    def listen(self) -> None:
        pushes, self.twin.pushes = self.twin.pushes, []
        for push in pushes:
            if push.data is None:
                self.ended.add(push.stream)
            elif push.data in (b"PONG", b"INVALID OPERATION"):
                self.heard[push.stream].append(push.data)
            else:
                said = msgspec.json.decode(push.data)
                self.heard[push.stream] += said if isinstance(said, list) else [said]

    def told(self, stream: int, kind: str) -> list[dict[str, Any]]:
        """Messages of one kind so far."""
        return [m for m in self.heard[stream] if isinstance(m, dict) and m["event_type"] == kind]


__all__ = ["MONEY", "NEG_RISK_EXCHANGE", "RAIN", "SECOND", "START", "Scene", "Trader", "book", "wallet_of"]
