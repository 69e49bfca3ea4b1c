"""One account of ours on the chain: its nonces, what stands under them, and what it may spend.

What is sent is known by its hash before it leaves. A transaction whose answer is lost is looked for; where no node has
it its nonce is used up by one to ourselves, so that what was lost can never trade late. One that waits too long is
replaced by the same with a higher fee.
"""

from __future__ import annotations

from collections.abc import Callable

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.settings import Account
from pilotfish.venues.evm.trading.fees import Fees, offered, raised
from pilotfish.venues.evm.trading.nonces import Attempt, Nonces, Slot, Use
from pilotfish.venues.evm.trading.signing import Signing
from pilotfish.venues.evm.wire.rpc import Call, Failure, Head, Receipt, Refusal, read_height, read_receipt, read_sent
from pilotfish.venues.evm.wire.transactions import Transaction, hash_of

_VOID_GAS = 21_000
_NO_FEES = Fees(0, 0)
Heard = Callable[[Slot, Refusal | None, str, int], None]
Looked = Callable[[Account, list[Slot], int], None]


class Lane:
    """`heard(slot, refusal, words, now_ns)`: what a node said of an order's transaction; None: it has it, `UNKNOWN`:
    nobody knows. `looked(account, failed, now_ns)`: receipts were read; these were mined and reverted.
    """

    def __init__(
        self,
        link: Link,
        signing: Signing,
        account: Account,
        heard: Heard,
        looked: Looked,
    ) -> None:
        self._link, self._signing, self.account = link, signing, account
        self._heard, self._looked_at = heard, looked
        self.nonces = Nonces()
        self.balances: dict[str, int] = {}  # by token, base units
        self.spent_block = -1  # the last block in which a trade of ours changed them
        self.base_fee_wei = -1
        self.head_ns = 0  # the newest block's stamp
        self.gas_wei = 0
        self._to = bytes.fromhex(account.address[2:])
        self._looking = False
        self._looked_ns = 0
        self._gap_ns = -1

    @property
    def ready(self) -> bool:
        return self.nonces.counted and self.base_fee_wei >= 0

    @property
    def idle(self) -> bool:
        return not any(slot.use is not Use.STRANGE for slot in self.nonces.waiting())

    # -- sending -------------------------------------------------------------------------------------------------------

    def send(self, coid: int, to: bytes, data: bytes, gas: int, now_ns: int) -> Slot | None:
        """A call under a nonce of its own; None where nothing that we may offer pays for it."""
        fees = offered(self.base_fee_wei, self._link.settings.fees)
        if fees is None:
            return None
        slot = self.nonces.take(Use.ORDER, coid, now_ns)
        slot.to, slot.data, slot.gas = to, data, gas
        self._sign(slot, self._call(slot, fees), now_ns)
        return slot

    def raise_fees(self, slot: Slot, now_ns: int) -> None:
        """The same call once more, for more; where the bound forbids that it goes on waiting."""
        fees = raised(slot.fees or _NO_FEES, self.base_fee_wei, self._link.settings.fees)
        slot.since_ns = now_ns
        if fees is not None:
            self._link.counts["replaced by a higher fee"] += 1
            self._sign(slot, self._call(slot, fees), now_ns)

    def void(self, slot: Slot, now_ns: int) -> None:
        """Use the nonce up, if that is still possible: whatever else stands under it can then never be mined."""
        fees = raised(slot.fees or _NO_FEES, self.base_fee_wei, self._link.settings.fees)
        if fees is None:
            slot.since_ns = now_ns
            return self.repeat(slot, now_ns)
        self._link.counts["nonces used up"] += 1
        settings = self._link.settings
        made = Transaction(settings.chain, slot.nonce, fees.tip_wei, fees.fee_wei_max, _VOID_GAS, self._to)
        self._sign(slot, made, now_ns, voids=True)

    def repeat(self, slot: Slot, now_ns: int) -> None:
        """The last transaction again as it is: the same one, however often a node gets it."""
        if slot.attempts:
            self._post(slot, slot.attempts[-1], now_ns)

    def _call(self, slot: Slot, fees: Fees) -> Transaction:
        chain = self._link.settings.chain
        return Transaction(chain, slot.nonce, fees.tip_wei, fees.fee_wei_max, slot.gas, slot.to, 0, slot.data)

    def _sign(self, slot: Slot, made: Transaction, now_ns: int, *, voids: bool = False) -> None:
        slot.since_ns = now_ns
        fees = Fees(made.tip_wei, made.fee_wei_max)

        def signed(signature: bytes | None, then_ns: int) -> None:
            if self.nonces.slots.get(slot.nonce) is not slot or slot.mined is not None:
                return
            if signature is None:
                return self._heard(slot, Refusal.KEY, "not signed", then_ns)
            raw = made.raw(signature)
            attempt = Attempt(hash_of(raw), raw, fees, voids)
            self.nonces.sent(slot, attempt)
            self._post(slot, attempt, then_ns)

        self._signing.sign(made.request(self.account.address), now_ns, signed)

    def _post(self, slot: Slot, attempt: Attempt, posted_ns: int) -> None:
        slot.posted_ns = posted_ns

        def answered(said: Said, now_ns: int) -> None:
            failure = said.replies[0].error if said.replies else None
            refusal: Refusal | None = failure.means() if failure is not None else None
            if said.replies is None:
                refusal = said.refusal
            if refusal is Refusal.KNOWN:
                refusal = None
            slot.pooled = slot.pooled or refusal is None
            if refusal is Refusal.NONCE_TOO_LOW:
                self.look(now_ns)
            if not attempt.voids and self.nonces.of(attempt.hash) is slot:
                self._heard(slot, refusal, (failure or Failure()).message[:200], now_ns)

        self._link.ask_sending(Call("eth_sendRawTransaction", ["0x" + attempt.raw.hex()]), answered)

    def find(self, slot: Slot, then: Callable[[bool | None, int], None]) -> None:
        """Whether the node that takes our transactions has one of this nonce's; None where it does not say."""
        hashes = [one.hash for one in slot.attempts if not one.voids][-1:]

        def heard(said: Said, now_ns: int) -> None:
            results = said.whole
            try:
                then(read_sent(results[0]) is not None if results else None, now_ns)
            except MessageRefused:
                then(None, now_ns)

        for hash_ in hashes:
            self._link.ask_sending(Call("eth_getTransactionByHash", [hash_]), heard)

    # -- looking -------------------------------------------------------------------------------------------------------

    def headed(self, head: Head, now_ns: int) -> None:
        self.base_fee_wei, self.head_ns = head.base_fee_wei, head.stamp_ns
        if self.nonces.slots or not self.nonces.counted:
            self.look(now_ns)

    def look(self, now_ns: int) -> None:
        """Ask how many nonces are used up, and for the receipts of what may have been mined or taken back."""
        if self._looking or not self._link.may_ask(now_ns):
            return
        self._looking, self._looked_ns = True, now_ns
        slots = [slot for slot in self.nonces.slots.values() if slot.attempts]
        hashes = [one.hash for slot in slots for one in ([slot.mined] if slot.mined is not None else slot.attempts)]
        me = self.account.address
        calls = [Call("eth_blockNumber")]
        calls += [Call("eth_getTransactionCount", [me, when]) for when in ("latest", "pending")]
        calls += [Call("eth_getTransactionReceipt", [hash_]) for hash_ in hashes]

        def heard(said: Said, then_ns: int) -> None:
            self._looking = False
            results = said.whole
            try:
                if results is None:
                    raise MessageRefused("nonces", "were not told", "they are asked for again")
                block, latest, pending = map(read_height, results[:3])
                receipts = [read_receipt(raw) for raw in results[3:]]
            except MessageRefused:
                self._link.counts["nonces asked again"] += 1
                return
            found = [(hash_, one) for hash_, one in zip(hashes, receipts, strict=True)]
            failed = [slot for hash_, one in found if (slot := self._receipt(hash_, one, then_ns)) is not None]
            self.nonces.count(latest, max(pending, latest), block, then_ns)
            self._looked_at(self.account, failed, then_ns)
            self._dropped(max(pending, latest), then_ns)

        self._link.ask_with_others(calls, heard)

    def _dropped(self, pending: int, now_ns: int) -> None:
        """What a node had, and has not any more, is sent once more as it was. What went out in private is not seen."""
        settings = self._link.settings
        if settings.sending != settings.http_url:
            return
        for slot in self.nonces.waiting():
            if slot.pooled and slot.nonce >= pending and now_ns - slot.posted_ns >= settings.again_ns:
                self._link.counts["dropped, sent again"] += 1
                self.repeat(slot, now_ns)

    def _receipt(self, hash_: str, receipt: Receipt | None, now_ns: int) -> Slot | None:
        """The slot, where its order was mined and reverted."""
        slot = self.nonces.of(hash_)
        if slot is None:
            return None
        if receipt is None:
            if slot.mined is not None and slot.mined.hash == hash_:  # its block was replaced
                self.nonces.unmined(slot)
                self.repeat(slot, now_ns)
            return None
        if slot.mined is None:
            self.gas_wei += receipt.gas * receipt.gas_price_wei
        self.nonces.mined(hash_, receipt.block)
        return slot if not receipt.done and slot.mined is not None and not slot.mined.voids else None

    # -- time ----------------------------------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> None:
        """Ask again what was not answered, fill gaps, and clear away what blocks the way."""
        settings = self._link.settings
        wanted = not self.nonces.counted or bool(self.nonces.slots)
        if wanted and not self._looking and now_ns - self._looked_ns >= settings.again_ns:
            self.look(now_ns)
        if not self.ready:
            return
        for slot in list(self.nonces.waiting()):
            waited_ns = now_ns - slot.since_ns
            strange = slot.use is Use.STRANGE and not slot.attempts
            if (strange and waited_ns >= settings.order_ns) or (slot.voiding and waited_ns >= settings.raise_ns):
                self.void(slot, now_ns)
        self._fill_gaps(now_ns)

    def _fill_gaps(self, now_ns: int) -> None:
        gaps = list(self.nonces.gaps())
        if not gaps:
            self._gap_ns = -1
        elif self._gap_ns < 0:
            self._gap_ns = now_ns
        elif now_ns - self._gap_ns >= self._link.settings.gap_ns:
            self._gap_ns = -1
            for _ in gaps:
                self.void(self.nonces.take(Use.FILLER, 0, now_ns), now_ns)
