"""The chain's session on its small chain: where things go, what it refuses, and what it clears away."""

import numpy as np
import pytest
from msgspec.structs import replace

from pilotfish.domain.doubt import Doubt
from pilotfish.domain.events import Fill
from pilotfish.domain.orders import OrderSignal, Place, PlaceBatch, Query
from pilotfish.domain.reasons import Reason
from pilotfish.venues.evm.settings import SECOND
from pilotfish.venues.evm.trading.fees import GWEI, FeeTerms
from pilotfish.venues.evm.trading.results import Results
from pilotfish.venues.evm.trading.working import Order, Working
from pilotfish.venues.evm.wire.rpc import Log
from pilotfish.venues.evm.wire.swaps import Traded
from pilotfish.venues.evm.wire.transactions import Transaction
from pilotfish.venues.session import Ask
from pilotfish.venues.twins.evm.chain import ROUTER
from pilotfish.venues.twins.faults import Fault
from tests.conformance.venues.evm import POOL, EvmRig
from tests.conformance.venues.hyperliquid import key_of

ACK, FILLED, CANCEL, REJECT, LOST = (
    OrderSignal.ACK, OrderSignal.FILLED, OrderSignal.CANCEL, OrderSignal.REJECT, OrderSignal.LOST,
)  # fmt: skip


def rig_with(**settings) -> EvmRig:
    """A rig whose session has these settings."""

    class With(EvmRig):
        def session(self):
            return self.new_session("ws://twin/ws", "http://twin/", **settings)

    return With()


@pytest.fixture
def rig():
    one = EvmRig()
    yield one
    one.check()


def asks(rig: EvmRig) -> list[tuple[str, bytes]]:
    """From now on: address and body of every request that leaves."""
    left: list[tuple[str, bytes]] = []
    carry_out = rig.venue._carry_out

    def noting(one):
        if isinstance(one, Ask):
            left.append((one.url, one.body))
        carry_out(one)

    rig.venue._carry_out = noting
    return left


# -- where things go ---------------------------------------------------------------------------------------------------


def test_transactions_go_to_the_private_node_and_questions_do_not():
    rig = rig_with(send_url="http://private/")
    left = asks(rig)
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    private = [body for url, body in left if url == "http://private/"]
    assert len(private) == 1
    assert b"eth_sendRawTransaction" in private[0]
    assert not any(b"eth_sendRawTransaction" in body for url, body in left if url != "http://private/")
    rig.check()


def test_orders_handed_over_together_leave_in_one_request_and_in_order(rig):
    left = asks(rig)
    rig.submit(*(rig.order(coid, 1, 3) for coid in (1, 2, 3)))
    rig.ended(1, 2, 3)
    assert sum(b"eth_sendRawTransaction" in body for _, body in left) == 1
    stamps = [rig.heard.fills_of(coid)[0].fill_id for coid in (1, 2, 3)]
    assert stamps == sorted(stamps)


def test_two_hundred_accounts_trade_by_keys_of_their_own_in_a_few_requests():
    rig = EvmRig(separate=200)
    left = asks(rig)
    lots, prices = np.full(200, rig.size // 10), np.full(200, rig.price(3))
    rig.submit(PlaceBatch(1_000, 0, 1, np.arange(200), lots, prices))
    rig.until(lambda: len(rig.heard.results) == 200, "every result")
    assert {result[0] for result in rig.heard.results.values()} == {FILLED}
    assert sum(b"eth_sendRawTransaction" in body for _, body in left) <= 8
    assert len(left) <= 80, "what two hundred lanes ask at once leaves together"
    rig.check()


def test_a_node_of_another_chain_is_never_traded_on():
    rig = EvmRig()
    rig.venue.session.stop(rig.now)
    session = rig.new_session("ws://twin/ws", "http://twin/", chain=1)
    rig.heard.connections.clear()
    rig.venue = rig.join(session)
    rig.later(30)
    assert rig.heard.connections == []
    assert session.counters()["wrong chain"] >= 1


def test_when_the_node_wants_patience_questions_wait_and_orders_do_not(rig):
    session = rig.venue.session
    session._link.rest_ns = rig.now + 20 * SECOND
    left = asks(rig)
    rig.submit(rig.order(1, 1, 3))
    rig.later(5)
    assert {b"eth_sendRawTransaction" in body for _, body in left} == {True}
    rig.ended(1)


def test_where_heads_have_no_filter_of_logs_every_block_is_asked_for(rig):
    """Some chains fill in zeros, which says that no block holds anything."""
    told = rig.twin._head
    rig.twin._head = lambda block: told(block) | {"logsBloom": "0x" + "00" * 256}
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    rig.submit(rig.order(2, 1, 3))
    rig.ended(2)
    assert rig.venue.session.counters()["filters that lied"] == 1


# -- what is refused before it leaves ----------------------------------------------------------------------------------


def test_an_order_that_the_pool_has_left_behind_costs_no_gas(rig):
    left = asks(rig)
    rig.submit(rig.order(1, 1, -1))
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.heard.end(1).reason) == (CANCEL, Reason.SLIPPAGE)
    assert not any(b"eth_sendRawTransaction" in body for _, body in left)


def test_no_order_is_sent_for_more_gas_than_the_bound():
    rig = rig_with(fees=FeeTerms(tip_wei=GWEI, fee_wei_max=20 * GWEI))
    rig.twin.chain.base_fee_wei = 30 * GWEI
    rig.later(2)
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.heard.end(1).reason) == (REJECT, Reason.BUDGET)
    rig.twin.chain.base_fee_wei = GWEI
    rig.later(2)
    rig.submit(rig.order(2, 1, 3))
    rig.ended(2)
    assert rig.heard.end(2).signal is FILLED, "no nonce was used for what was not sent"
    rig.check()


def test_a_question_about_an_order_of_before_that_nobody_handed_over_is_not_answered():
    rig = EvmRig()
    session = rig.session()
    rig.heard.connections.clear()
    rig.venue.disconnect(rig.now, 0)
    rig.venue = rig.join(session)
    rig.until(lambda: rig.heard.up)
    rig.submit(Query(0, (7,)))
    rig.later(10)
    assert rig.heard.answers == []
    assert session.counters()["questions that cannot be answered"] == 1


# -- nonces on a chain -------------------------------------------------------------------------------------------------


def strangers_transaction(rig: EvmRig, nonce: int, fee_wei: int = 50 * GWEI) -> None:
    """By our own key, from elsewhere: a transaction to ourselves."""
    key = key_of(-1)
    one = Transaction(31337, nonce, fee_wei, fee_wei, 21_000, bytes.fromhex(key.address[2:]))
    rig.twin.chain.send(one.raw(key.sign_digest(one.digest())))


def test_an_order_whose_nonce_somebody_else_used_is_sent_under_the_next_one(rig):
    strangers_transaction(rig, 0)
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.taken(1)) == (FILLED, 1)


def test_what_is_stuck_because_gas_has_risen_is_replaced_until_it_is_mined_once():
    rig = rig_with(raise_ns=2 * SECOND, order_ns=120 * SECOND)
    rig.twin.chain.base_fee_wei = 4 * GWEI  # twice the offer for a base fee of one, and more
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.taken(1)) == (FILLED, 1)
    assert rig.venue.session.counters()["replaced by a higher fee"] >= 1
    rig.check()


def test_after_a_crash_what_blocks_the_way_is_cleared_away_and_orders_go_on():
    rig = EvmRig()
    rig.twin.chain.base_fee_wei = 40 * GWEI
    strangers_transaction(rig, 0, fee_wei=GWEI)  # it will never be mined at this price
    rig.restart()
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.end(1) or rig.venue.session.counters().get("nonces used up"), "the nonce used up")
    rig.later(30)
    rig.submit(rig.order(2, 1, 3))
    rig.ended(2)
    assert rig.heard.end(2).signal is FILLED
    rig.check()


def test_an_order_that_nobody_mines_before_its_deadline_ends_without_a_fill_and_blocks_nobody():
    rig = rig_with(fees=FeeTerms(tip_wei=GWEI, headroom=2, fee_wei_max=30 * GWEI), order_ns=10 * SECOND)
    rig.twin.chain.base_fee_wei = 29 * GWEI + 1  # our next offers are above the bound
    rig.submit(rig.order(1, 1, 3))
    rig.until(lambda: rig.heard.said(1, ACK), "the node's word")
    rig.ended(1)
    assert (rig.heard.end(1).signal, rig.heard.end(1).lots_left) == (CANCEL, rig.size)
    rig.twin.chain.base_fee_wei = GWEI
    rig.later(30)
    rig.submit(rig.order(2, 1, 3))
    rig.ended(2)
    assert rig.heard.end(2).signal is FILLED
    rig.check()


# -- trust -------------------------------------------------------------------------------------------------------------


def test_a_chain_that_stands_still_is_doubted_though_its_node_answers():
    rig = rig_with(head_age_ns_max=5 * SECOND)
    rig.until(lambda: rig.heard.doubts[0] and not rig.heard.doubts[0][-1], "trust")
    rig.twin._frozen_ns = rig.now + 60 * SECOND
    rig.until(lambda: rig.heard.doubts[0][-1] & Doubt.SILENT, "doubt")
    rig.twin._frozen_ns = rig.now
    rig.until(lambda: not rig.heard.doubts[0][-1], "trust again")


def test_a_fill_that_comes_back_on_a_branch_that_was_left_has_another_number(rig):
    """Who heard that a fill is taken back does not count it again under its number."""
    results = Results(rig.venue.session._link, Working())
    order = Order(Place(9, -1, 0, 1, 10, 5), POOL)
    log = Log(POOL.address, (), b"", 7, "0x" + "ab" * 32, "0x" + "cd" * 32, 0)
    told = rig.venue.session._link.told
    before = len(told)
    for _ in range(2):
        results.filled(order, Traded(1, 10, 50, 5), log, 0, 0)
        undo = results.acted.gone(log.key)
        results.undone(undo, 0)
    numbers = [event.fill_id for event in told[before:] if isinstance(event, Fill)]
    del told[before:]
    assert len(numbers) == len(set(numbers)) == 2


def test_an_order_is_not_larger_than_its_books_and_its_tag_survives(rig):
    """What a session cannot write is refused, and never raised."""
    huge = replace(rig.order(1, 1, 3), lots=2**62)
    negative = replace(rig.order(-5, 1, 3))
    rig.submit(huge)
    rig.submit(negative)
    rig.until(lambda: rig.heard.end(1) and rig.heard.end(-5), "the refusals")
    assert [rig.heard.end(coid).signal for coid in (1, -5)] == [REJECT, REJECT]
    assert rig.venue.session._link.settings.router == ROUTER


def test_an_answer_that_was_lost_is_found_out_before_the_timeout_by_the_block_itself(rig):
    rig.fault(Fault.LOST_ANSWER)
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    assert LOST not in rig.heard.signals(1)
    assert rig.heard.end(1).signal is FILLED
