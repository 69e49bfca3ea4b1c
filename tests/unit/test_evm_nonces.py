"""One sender's nonces: never two orders under one, never one order under two that may both live."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pilotfish.venues.evm.trading.fees import GWEI, Fees, FeeTerms, offered, raised
from pilotfish.venues.evm.trading.nonces import Attempt, Nonces, Use

TERMS = FeeTerms(tip_wei=GWEI, headroom=2, fee_wei_max=100 * GWEI)


def test_what_is_offered_pays_for_full_blocks_to_come_within_the_bound():
    assert offered(10 * GWEI, TERMS) == Fees(GWEI, 21 * GWEI)
    assert offered(60 * GWEI, TERMS) == Fees(GWEI, 100 * GWEI)
    assert offered(100 * GWEI, TERMS) is None


def test_a_replacement_offers_an_eighth_more_of_both_or_todays_price_and_never_more_than_the_bound():
    assert raised(Fees(GWEI, 21 * GWEI), 10 * GWEI, TERMS) == Fees(GWEI + GWEI // 8, 21 * GWEI + 21 * GWEI // 8)
    assert raised(Fees(GWEI, 21 * GWEI), 40 * GWEI, TERMS) == Fees(GWEI + GWEI // 8, 81 * GWEI)
    assert raised(Fees(GWEI, 95 * GWEI), 10 * GWEI, TERMS) is None
    assert raised(Fees(0, 0), 0, TERMS.__class__(tip_wei=0)) == Fees(1, 1)


def test_raising_again_and_again_ends_at_the_bound():
    fees, times = Fees(GWEI, 21 * GWEI), 0
    while (more := raised(fees, 10 * GWEI, TERMS)) is not None:
        assert more.tip_wei * 8 >= fees.tip_wei * 9
        assert more.fee_wei_max * 8 >= fees.fee_wei_max * 9
        fees, times = more, times + 1
    assert times == 13
    assert fees.fee_wei_max <= TERMS.fee_wei_max


def test_after_a_crash_what_waits_in_the_pool_is_left_alone_and_new_orders_stand_behind_it():
    nonces = Nonces()
    nonces.count(5, 7, 100, 0)
    assert [slot.use for slot in nonces.waiting()] == [Use.STRANGE, Use.STRANGE]
    assert nonces.take(Use.ORDER, 1, 0).nonce == 7
    nonces.count(7, 8, 101, 0)
    assert [slot.nonce for slot in nonces.waiting()] == [7]


def test_a_nonce_that_was_given_back_leaves_a_gap_until_the_next_order_takes_it():
    nonces = Nonces()
    nonces.count(5, 5, 100, 0)
    first, second = nonces.take(Use.ORDER, 1, 0), nonces.take(Use.ORDER, 2, 0)
    nonces.free(first)
    assert list(nonces.gaps()) == [5]
    assert nonces.take(Use.ORDER, 3, 0).nonce == 5
    assert list(nonces.gaps()) == []
    assert second.nonce == 6


def test_a_nonce_that_the_chain_used_up_without_one_of_ours_is_noted_with_the_block():
    nonces = Nonces()
    nonces.count(5, 5, 100, 0)
    slot = nonces.take(Use.ORDER, 1, 0)
    nonces.sent(slot, Attempt("0xa", b"", Fees(1, 1)))
    nonces.count(6, 6, 102, 0)
    assert slot.passed == -1, "its receipt may have been looked for a moment earlier"
    nonces.count(6, 6, 103, 0)
    assert slot.passed == 103
    nonces.count(5, 6, 104, 0)
    assert slot.passed == -1, "the chain has taken it back"
    nonces.count(6, 6, 105, 0)
    assert nonces.mined("0xa", 105) is slot
    assert (slot.passed, slot.block) == (-1, 105)
    nonces.unmined(slot)
    assert (slot.mined, nonces.latest) == (None, 5)


class OneSender(RuleBasedStateMachine):
    """A chain, a pool that loses what it likes, and a sender that only knows what it is told."""

    def __init__(self):
        super().__init__()
        self.nonces, self.chain, self.pool = Nonces(), [], {}
        self.coid, self.block = 0, 0
        self.nonces.count(0, 0, 0, 0)

    def count(self):
        self.block += 1
        pending = len(self.chain)
        while pending in self.pool:
            pending += 1
        self.nonces.count(len(self.chain), pending, self.block, 0)

    @rule(lost=st.booleans())
    def places_an_order(self, lost):
        self.coid += 1
        slot = self.nonces.take(Use.ORDER, self.coid, 0)
        self.send(slot, f"order {self.coid}", lost)

    def send(self, slot, hash_, lost, voids=False):
        fees = slot.fees or Fees(8, 8)
        attempt = Attempt(hash_, b"", Fees(fees.tip_wei + 1, fees.fee_wei_max + 1), voids)
        self.nonces.sent(slot, attempt)
        if not lost and slot.nonce >= len(self.chain):
            self.pool[slot.nonce] = (slot.coid, hash_)

    @precondition(lambda self: any(slot.use is Use.ORDER for slot in self.nonces.waiting()))
    @rule(data=st.data(), lost=st.booleans())
    def takes_its_place(self, data, lost):
        slot = data.draw(st.sampled_from([slot for slot in self.nonces.waiting() if slot.use is Use.ORDER]))
        self.send(slot, f"{slot.coid} again {len(slot.attempts)}", lost, voids=data.draw(st.booleans()))

    @rule(told=st.booleans())
    def a_block_is_mined(self, told):
        while (found := self.pool.pop(len(self.chain), None)) is not None:
            self.chain.append(found)
        if told:
            self.count()
            for coid, hash_ in self.chain:
                slot = self.nonces.mined(hash_, self.block)
                assert slot is None or slot.coid == coid

    @precondition(lambda self: self.pool)
    @rule(data=st.data())
    def the_pool_drops_one(self, data):
        del self.pool[data.draw(st.sampled_from(sorted(self.pool)))]

    @rule()
    def what_is_mined_is_forgotten(self):
        self.nonces.forget(self.block)

    @precondition(lambda self: list(self.nonces.gaps()))
    @rule()
    def a_gap_is_filled(self):
        self.send(self.nonces.take(Use.FILLER, 0, 0), f"filler {self.block} {len(self.nonces.slots)}", lost=False)

    @invariant()
    def no_nonce_is_two_orders(self):
        slots = [slot for slot in self.nonces.slots.values() if slot.use is Use.ORDER]
        assert len({slot.nonce for slot in slots}) == len(slots) == len({slot.coid for slot in slots})

    @invariant()
    def no_order_is_mined_twice(self):
        mined = [coid for coid, hash_ in self.chain if coid]
        assert len(mined) == len(set(mined))

    @invariant()
    def nothing_of_ours_was_given_a_nonce_that_the_chain_had_used_up(self):
        assert all(nonce >= 0 for nonce in self.nonces.slots)
        assert self.nonces.latest <= len(self.chain)


TestOneSender = OneSender.TestCase
TestOneSender.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
