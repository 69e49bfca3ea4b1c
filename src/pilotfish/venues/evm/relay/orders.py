"""The call that carries an instruction out: of the executor for a vault, of the desk for a batch, alone or as one user
operation; and what its revert means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from pilotfish.venues.evm.contracts.artifact import error_name, errors
from pilotfish.venues.evm.relay.settings import Book, Bundling, RelaySettings
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.trading.fees import offered
from pilotfish.venues.evm.trading.lane import Lane
from pilotfish.venues.evm.trading.signing import Signing
from pilotfish.venues.evm.wire import userops
from pilotfish.venues.evm.wire.abi import WORD, selector, words
from pilotfish.venues.evm.wire.instructions import Instruction, digest, domain, mirror_calldata
from pilotfish.venues.evm.wire.rpc import Call, Failure
from pilotfish.venues.keys.key import keccak

_ALREADY = selector("NonceUsed(address,uint256)")
_FAILED_OPERATION = selector("FailedOp(uint256,string)")
_AGAIN_WORDS = ("stale", "halted", "deviating")
_AGAIN = {"StalePrice", "DeviatingPrice", "SequencerDown", "Halted", "TooLittle"}


class Outgoing(msgspec.Struct, frozen=True):
    """What to try, and what to send then: a transaction, or a bundler's question.

    The first of those tried says what would trade; a `batch` with nothing to do does not revert, and trades nothing.
    """

    simulations: list[Call]
    batch: bool
    to: str
    data: bytes
    gas: int
    operation: bool = False
    bundler: Call | None = None


Then = Callable[[Outgoing | None, int], None]


class Meaning(msgspec.Struct, frozen=True):
    """`already`: carried out before. `again`: it may pass a little later."""

    text: str
    already: bool = False
    again: bool = False


class Way:
    """`operator`: address of the key that signs user operations; empty: batches go as transactions of their own."""

    def __init__(self, settings: RelaySettings, signing: Signing, lane: Lane, operator: str) -> None:
        self._settings, self._signing, self._lane, self._operator = settings, signing, lane, operator
        errors()  # now, and not while the first refusal waits
        self._domain = domain(settings.node.chain, settings.executor)

    def find(
        self, order: Instruction, signature: bytes, book: Book, wallets: Sequence[str], now_ns: int, then: Then
    ) -> None:
        """For these wallets of the book. `then` is called once, at once or when it is signed; with None where the
        signer refuses.
        """
        settings = self._settings
        if not wallets and not book.desk:
            data = mirror_calldata(order, signature, book.way(order))
            return then(self._alone(settings.executor, data, settings.vault_gas, batch=False), now_ns)
        data = userops.copy_calldata(order, signature, wallets, book.slippage_bps, book.way(order))
        gas = settings.batch_gas + settings.wallet_gas * len(wallets)
        by = settings.bundling
        if by is None or not self._operator:
            return then(self._alone(book.address, data, gas, batch=True), now_ns)
        op = self._operation(order, by, book.address, wallets, data, gas)

        def signed(signature: bytes | None, then_ns: int) -> None:
            whole = None if signature is None else userops.signed(op, signature)
            then(None if whole is None else self._bundled(whole, by, book.address, data), then_ns)

        self._signing.sign(userops.request(op, settings.node.chain, by.entry_point, self._operator), now_ns, signed)

    def _alone(self, to: str, data: bytes, gas: int, *, batch: bool) -> Outgoing:
        return Outgoing([self._call(self._settings.sender, to, data)], batch, to, data, gas)

    def _operation(
        self, order: Instruction, by: Bundling, desk: str, wallets: Sequence[str], data: bytes, gas: int
    ) -> userops.UserOperation:
        """Under a nonce whose key is made of instruction and wallets: the entry point takes each batch once."""
        fees = offered(self._lane.base_fee_wei, self._settings.node.fees)
        rows = b"".join(bytes.fromhex(wallet[2:]) for wallet in wallets)
        key = int.from_bytes(keccak(digest(order, self._domain) + rows)[8:], "big")
        sponsorship = None
        if by.sponsor:
            day = userops.sponsor_day(self._lane.head_ns // SECOND)
            sponsorship = userops.Sponsorship(by.sponsor, by.sponsor_gas, by.sponsor_after_gas, day)
        return userops.UserOperation(
            by.account, key << 64, userops.execute_calldata(desk, data), by.verification_gas, gas,
            by.pre_verification_gas, fees.tip_wei if fees else 0, fees.fee_wei_max if fees else 0, sponsorship,
        )  # fmt: skip

    def _bundled(self, op: userops.UserOperation, by: Bundling, desk: str, data: bytes) -> Outgoing:
        whole = userops.handle_ops_calldata([op], self._settings.sender)
        bundler = Call("eth_sendUserOperation", userops.bundler_params(op, by.entry_point)) if by.bundler_url else None
        gas = op.call_gas + by.verification_gas + by.pre_verification_gas + 100_000 + op.call_gas // 32
        if by.sponsor:
            gas += by.sponsor_gas + by.sponsor_after_gas
        # The desk says why it refuses, of which the entry point would only note that the call failed.
        tried = [self._call(by.account, desk, data), self._call(self._settings.sender, by.entry_point, whole, gas)]
        return Outgoing(tried, True, by.entry_point, whole, gas, True, bundler)

    def _call(self, sender: str, to: str, data: bytes, gas: int = 0) -> Call:
        asked = {"from": sender, "to": to, "data": "0x" + data.hex()}
        return Call("eth_call", [asked | ({"gas": hex(gas)} if gas else {}), "latest"])


def trades(result: bytes) -> bool:
    """Whether a tried batch would trade. Raises MessageRefused."""
    return words(result, 2)[0] > 0


def means(failure: Failure) -> Meaning:
    """What a call would have reverted with, as far as it is said."""
    data = failure.data if isinstance(failure.data, str) else ""
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        raw = b""
    found, said = raw[:4], failure.message.lower()
    if found == _FAILED_OPERATION:  # of the entry point: its place, then a text
        text = raw[4 + 3 * WORD :].rstrip(b"\x00").decode("ascii", "replace")
        return Meaning(f"the entry point refuses it: {text[:100]}", text.startswith("AA25"), text.startswith("AA22"))
    name = error_name(raw)
    again = name in _AGAIN or any(word in said for word in _AGAIN_WORDS)
    return Meaning(f"it would revert: {name or failure.message[:200] or data[:74]}", found == _ALREADY, again)
