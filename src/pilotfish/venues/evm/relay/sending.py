"""From a signed instruction to its end: tried by eth_call, sent, hurried, and found in a block or not.

What a node says it would do decides before anything is paid: what was carried out before is left, what a doubtful price
or a halt holds up is tried again a few times, and the rest is refused with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

import msgspec

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.link import Link, Said
from pilotfish.venues.evm.relay.orders import Outgoing, Way, means, trades
from pilotfish.venues.evm.relay.outcomes import (
    bundle_question,
    hash_told,
    of_bundle,
    of_operation,
    operation_question,
)
from pilotfish.venues.evm.relay.settings import Book, RelaySettings
from pilotfish.venues.evm.settings import SECOND, Account
from pilotfish.venues.evm.trading.lane import Lane
from pilotfish.venues.evm.trading.nonces import Slot, Use
from pilotfish.venues.evm.trading.signing import Signing
from pilotfish.venues.evm.wire.instructions import Instruction
from pilotfish.venues.evm.wire.rpc import Failure, Refusal, read_bytes

_LOOK_NS = SECOND // 4
_TRIES = 5
_GRACE_S = 60
UNSIGNED = "whoever holds the key does not sign it"


class State(IntEnum):
    SEEN = 0
    SENT = 1
    DONE = 2
    ALREADY = 3  # a book has carried it out before
    REFUSED = 4
    REVERTED = 5
    LATE = 6  # its deadline passed before it was mined


class Relayed(msgspec.Struct):
    """One instruction for a vault, or for some `wallets` of a desk: from the lead's transaction (empty where it was
    handed over) to its end. Times are ours.
    """

    lead: str
    book: str
    transaction: str
    seen_ns: int
    state: State = State.SEEN
    why: str = ""
    sent_ns: int = 0
    taken_ns: int = 0  # when a node said that it has the transaction
    block: int = -1  # of the lead's transaction
    instruction: Instruction | None = None
    signature: bytes = b""
    wallets: Sequence[str] = ()
    slot: Slot | None = None
    bundle: bool = False  # it went as a user operation …
    operation: str = ""  # … of a bundler, who knows it by this
    asked_ns: int = -1
    tries: int = 0
    again_ns: int = -1

    @property
    def over(self) -> bool:
        return self.state >= State.DONE


def all_over(batches: Sequence[Relayed]) -> bool:
    """Whether an instruction has come to an end in all its batches."""
    return all(one.over for one in batches)


class Sending:
    """`books`: by address and lead. `newest()`: the number of the newest block that is known."""

    def __init__(
        self, link: Link, settings: RelaySettings, books: Mapping[tuple[str, str], Book], signing: Signing,
        operator: str, newest: Callable[[], int],
    ) -> None:  # fmt: skip
        self._link, self._settings, self._books, self._newest = link, settings, books, newest
        self.lane = Lane(link, signing, Account(-1, settings.sender), self._heard, self._looked)
        self._way = Way(settings, signing, self.lane, operator)
        self.waiting: dict[int, Relayed] = {}  # those that are not over
        self._sent: dict[int, Relayed] = {}  # by the number that their slot has
        self._count = 0
        self.closed = False

    def begin(self, one: Relayed, now_ns: int) -> None:
        self._count += 1
        self.waiting[self._count] = one
        self.attempt(one, now_ns)

    def tick(self, now_ns: int) -> None:
        self.lane.tick(now_ns)
        for number, one in list(self.waiting.items()):
            if one.over:
                del self.waiting[number]
            elif one.state is State.SEEN and 0 <= one.again_ns <= now_ns:
                self.attempt(one, now_ns)
            elif one.state is State.SENT and one.slot is not None:
                self._hurry(one, one.slot, now_ns)
            elif one.state is State.SENT and one.operation:
                self._ask_bundler(one, now_ns)
        for number in [number for number, one in self._sent.items() if one.over]:
            del self._sent[number]

    def next_ns(self) -> int | None:
        return min((one.again_ns for one in self.waiting.values() if one.again_ns >= 0), default=None)

    def attempt(self, one: Relayed, now_ns: int) -> None:
        """Check it, then have a node say what it would do."""
        order = one.instruction
        if order is None or one.over or self.closed:
            return
        book = self._books[one.book, one.lead]
        if order.deadline < now_ns // SECOND:
            return self.end(one, State.LATE, "its deadline has passed")
        if not 0 < order.fraction <= book.fraction_max:
            return self.end(one, State.REFUSED, "it is for a larger share than this book is sent")
        young = one.block >= 0 and self._newest() - one.block < self._settings.depth
        before = any(slot.use is Use.STRANGE for slot in self.lane.nonces.waiting())
        if young or before or not self.lane.ready:  # what an earlier process sent may be this very instruction
            one.again_ns = now_ns + _LOOK_NS
            return
        one.tries, one.again_ns = one.tries + 1, -1

        def found(going: Outgoing | None, then_ns: int) -> None:
            if going is None:
                return self.end(one, State.REFUSED, UNSIGNED)
            self._try(one, going, then_ns)

        self._way.find(order, one.signature, book, one.wallets, now_ns, found)

    def _try(self, one: Relayed, going: Outgoing, now_ns: int) -> None:
        def heard(said: Said, then_ns: int) -> None:
            failure = next((one.error for one in said.replies or () if one.error is not None), None)
            if said.replies is None or (failure is not None and failure.means() is not Refusal.REVERTED):
                return self._later(one, "a node did not say what it would do", then_ns)
            if failure is None:
                return self._would_do(one, going, said, then_ns)
            self._would_revert(one, failure, then_ns)

        self._link.ask(going.simulations, now_ns, heard)

    def _would_do(self, one: Relayed, going: Outgoing, said: Said, now_ns: int) -> None:
        try:
            nothing = going.batch and not trades(read_bytes((said.whole or [])[0]))
        except (MessageRefused, IndexError):
            return self._later(one, "a node did not say what it would do", now_ns)
        if nothing:
            return self.end(one, State.ALREADY, "no wallet takes part, or all have done so before")
        self._send(one, going, now_ns)

    def _would_revert(self, one: Relayed, failure: Failure, now_ns: int) -> None:
        why = means(failure)
        if why.again:
            return self._later(one, why.text, now_ns)
        self.end(one, State.ALREADY if why.already else State.REFUSED, why.text)

    def _later(self, one: Relayed, why: str, now_ns: int) -> None:
        one.why = why
        if one.tries >= _TRIES:
            return self.end(one, State.REFUSED, why)
        one.again_ns = now_ns + self._settings.node.again_ns

    def _send(self, one: Relayed, going: Outgoing, now_ns: int) -> None:
        if one.over or one.state is State.SENT or self.closed:
            return
        if going.bundler is not None:
            return self._bundle(one, going, now_ns)
        self._count += 1
        self._sent[self._count] = one
        one.bundle = going.operation
        one.slot = self.lane.send(self._count, bytes.fromhex(going.to[2:]), going.data, going.gas, now_ns)
        if one.slot is None:
            return self._later(one, "gas costs more than the bound", now_ns)
        one.state, one.sent_ns = State.SENT, now_ns

    def _bundle(self, one: Relayed, going: Outgoing, now_ns: int) -> None:
        assert going.bundler is not None

        def heard(said: Said, then_ns: int) -> None:
            failure = said.replies[0].error if said.replies else None
            try:
                operation = hash_told(said.replies[0].result) if said.replies and failure is None else ""
            except MessageRefused:
                operation = ""
            if not operation:  # sent again it is the same operation
                why = failure.message[:200] if failure is not None else "it did not answer"
                return self._later(one, f"the bundler refused: {why}", then_ns)
            one.operation, one.state, one.taken_ns = operation, State.SENT, then_ns

        one.sent_ns = now_ns
        self._link.ask_at(self._bundler, going.bundler, heard)

    @property
    def _bundler(self) -> str:
        by = self._settings.bundling
        return by.bundler_url if by is not None else ""

    # -- what becomes of it --------------------------------------------------------------------------------------------

    def _heard(self, slot: Slot, refusal: Refusal | None, words: str, now_ns: int) -> None:
        one = self._sent.get(slot.coid)
        if one is not None and refusal is None:
            one.taken_ns = one.taken_ns or now_ns
        if one is None or one.slot is not slot or refusal in (None, Refusal.UNKNOWN) or len(slot.attempts) > 1:
            return
        if refusal is not Refusal.NONCE_TOO_LOW:
            self.lane.nonces.free(slot)
        one.slot, one.state = None, State.SEEN
        self._later(one, f"a node refused it: {words}" if words else "a node refused it", now_ns)

    def _looked(self, account: Account, failed: list[Slot], now_ns: int) -> None:
        for slot in failed:
            one = self._sent.get(slot.coid)
            if one is not None and one.slot is slot:
                self.end(one, State.REVERTED, "it was mined and reverted")
        for one in list(self._sent.values()):
            mine = one.slot
            if mine is None or one.over:
                continue
            if mine.mined is not None and not mine.mined.voids:
                if one.bundle:
                    self._ask_bundle(one, mine.mined.hash, now_ns)
                else:
                    self.end(one, State.DONE, "")
            elif mine.mined is not None or mine.passed >= 0:
                one.slot, one.state, one.again_ns = None, State.SEEN, now_ns

    def _ask_bundle(self, one: Relayed, transaction: str, now_ns: int) -> None:
        """It is mined: whether the operation in it was carried out, the entry point's log says."""
        if self._asked(one, now_ns):
            call = bundle_question(transaction)
            self._link.ask([call], now_ns, lambda said, then_ns: self._ended(one, said, of_bundle))

    def _ask_bundler(self, one: Relayed, now_ns: int) -> None:
        if one.instruction is not None and one.instruction.deadline < now_ns // SECOND - _GRACE_S:
            return self.end(one, State.LATE, "the bundler did not have it mined in time")
        if self._asked(one, now_ns):
            call = operation_question(one.operation)
            self._link.ask_at(self._bundler, call, lambda said, then_ns: self._ended(one, said, of_operation))

    def _asked(self, one: Relayed, now_ns: int) -> bool:
        """Whether it is time to ask again; noted."""
        if one.asked_ns >= 0 and now_ns - one.asked_ns < self._settings.node.again_ns:
            return False
        one.asked_ns = now_ns
        return True

    def _ended(self, one: Relayed, said: Said, read: Callable[[msgspec.Raw], bool | None]) -> None:
        results = said.whole
        try:
            done = read(results[0]) if results else None
        except MessageRefused:
            self._link.set_aside("receipt of a user operation")
            return
        if done is not None and not one.over:
            self.end(one, State.DONE if done else State.REVERTED, "" if done else "the operation's call failed")

    def _hurry(self, one: Relayed, slot: Slot, now_ns: int) -> None:
        """What waits too long offers more; what is too late is cut off."""
        if slot.mined is not None and one.bundle and not slot.mined.voids:
            return self._ask_bundle(one, slot.mined.hash, now_ns)
        if one.over or slot.mined is not None or not slot.attempts:
            return
        late = one.instruction is not None and one.instruction.deadline < now_ns // SECOND
        if late and not slot.voiding:
            self.lane.void(slot, now_ns)
        elif not late and now_ns - slot.since_ns >= self._settings.node.raise_ns:
            self.lane.raise_fees(slot, now_ns)

    def end(self, one: Relayed, state: State, why: str) -> None:
        one.state, one.why, one.again_ns = state, why, -1
        self._link.counts[f"instructions {state.name.lower()}"] += 1
