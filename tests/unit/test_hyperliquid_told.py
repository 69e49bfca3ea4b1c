"""What the venue says, as the events the engine knows."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import NumericOverflow
from pilotfish.domain.events import BookTop, Fill, LeadFill, Liquidation, Mark, OrderUpdate
from pilotfish.domain.instrument import Kind
from pilotfish.domain.orders import OrderSignal
from pilotfish.domain.reasons import Reason
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.wire.books import bbo_top, book_top, depth, mark
from pilotfish.venues.hyperliquid.wire.messages import (
    AssetCtx,
    BasicOrder,
    Bbo,
    Book,
    Ctx,
    FillLiquidation,
    Level,
    OrderState,
    Trade,
    UserFill,
    UserFunding,
)
from pilotfish.venues.hyperliquid.wire.told import funding, lead_fill, lead_trades, order_update, own_fill, sort_out
from tests.unit.hyperliquid_samples import BTC, CLOIDS, NOW, instrument

MS = 1_784_683_655_994
NS = MS * 1_000_000
LEAD, OTHER = "0x" + "ab" * 20, "0x" + "cd" * 20


def book(bids, asks) -> Book:
    return Book("BTC", ([Level(*level) for level in bids], [Level(*level) for level in asks]), MS)


# -- books -------------------------------------------------------------------------------------------------------------


def test_a_book_gives_its_best_prices_with_both_stamps() -> None:
    one = book([("66410.0", "1.5"), ("66409.0", "2")], [("66411.0", "0.00003")])
    assert book_top(one, BTC, NOW) == BookTop(NS, NOW, 3, 664_100, 150_000, 664_110, 3)
    assert depth(one, BTC) == ([664_100, 664_090], [150_000, 200_000], [664_110], [3])


def test_a_side_without_orders_has_price_zero() -> None:
    assert book_top(book([], [("66411", "1")]), BTC, NOW) == BookTop(NS, NOW, 3, 0, 0, 664_110, 100_000)
    assert bbo_top(Bbo("BTC", MS, (Level("66410", "1"), None)), BTC, NOW) == BookTop(NS, NOW, 3, 664_100, 100_000, 0, 0)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("66411.0", "1")], [("66411.0", "1")]),
        ([("66412.0", "1")], [("66411.0", "1")]),
        ([("66410.0", "0")], [("66411.0", "1")]),
        ([("66410.0", "-1")], [("66411.0", "1")]),
        ([("-66410.0", "1")], []),
        ([("0", "1")], []),
        ([("66410.05", "1")], [("66411.0", "1")]),
        ([("66410.0", "0.000001")], [("66411.0", "1")]),
        ([("sixty", "1")], []),
    ],
)
def test_a_book_that_cannot_be_true_is_refused_whole(bids, asks) -> None:
    for read in (lambda: book_top(book(bids, asks), BTC, NOW), lambda: depth(book(bids, asks), BTC)):
        with pytest.raises(MessageRefused):
            read()


def test_a_book_out_of_order_further_down_is_refused_by_who_reads_the_depth() -> None:
    with pytest.raises(MessageRefused, match="out of order"):
        depth(book([("66410.0", "1"), ("66410.0", "1")], []), BTC)


@given(st.data())
def test_no_wrong_book_comes_out_of_any_book(data) -> None:
    text = st.sampled_from(["66410.0", "66411", "0", "-1", "1e3", "", "66409.9", "0.00001", "NaN"]) | st.text(
        max_size=6
    )
    side = st.lists(st.builds(Level, text, text), max_size=4)
    one = Book("BTC", (data.draw(side), data.draw(side)), MS)
    try:
        top = book_top(one, BTC, NOW)
    except MessageRefused:
        return
    assert top.bid == 0 or top.ask == 0 or top.bid < top.ask
    assert (top.bid > 0) == (top.bid_lots > 0) == bool(one.levels[0])
    assert (top.ask > 0) == (top.ask_lots > 0) == bool(one.levels[1])


def test_a_mark_is_rounded_down_and_stamped_by_us() -> None:
    ctx = Ctx(markPx="66410.19", prevDayPx="1", dayNtlVlm="1")
    assert mark(AssetCtx("BTC", ctx), BTC, NOW) == Mark(NOW, NOW, 3, 664_101)
    with pytest.raises(MessageRefused):
        mark(AssetCtx("BTC", msgspec.structs.replace(ctx, markPx="0.0")), BTC, NOW)


# -- leads -------------------------------------------------------------------------------------------------------------


def trade(users=(LEAD, OTHER), **changes) -> Trade:
    return msgspec.structs.replace(Trade("BTC", "A", "66410.0", "0.5", MS, 77, users=users), **changes)


@pytest.mark.parametrize(("users", "side"), [((LEAD, OTHER), 1), ((OTHER, LEAD), -1), ((LEAD.upper(), OTHER), 1)])
def test_a_lead_is_recognised_on_either_side_of_a_public_trade(users, side) -> None:
    leads = {LEAD: 4} if users[0] != LEAD.upper() else {LEAD.lower(): 4}
    assert lead_trades(trade(users), leads, BTC, NOW) == [LeadFill(NS, NOW, 4, 3, side, 50_000, 664_100, 77)]


def test_two_leads_may_trade_with_each_other_and_nobody_with_himself() -> None:
    both = lead_trades(trade(), {LEAD: 4, OTHER: 5}, BTC, NOW)
    assert [(f.lead, f.side) for f in both] == [(4, 1), (5, -1)]
    assert lead_trades(trade(), {}, BTC, NOW) == []
    with pytest.raises(MessageRefused, match="moves nothing"):
        lead_trades(trade((LEAD, LEAD)), {LEAD: 4}, BTC, NOW)
    with pytest.raises(MessageRefused, match="no users"):
        lead_trades(trade(msgspec.UNSET), {LEAD: 4}, BTC, NOW)


FILL = UserFill(
    "BTC", "66410.0", "0.5", "A", MS, "-1.25", "Open Short", "0.0", "0x0", 900, True, "14.94225", 77, "USDC",
    CLOIDS.cloid(12),
)  # fmt: skip


def changed(**changes) -> UserFill:
    return msgspec.structs.replace(FILL, **changes)


def test_a_leads_own_fill_states_where_it_stood_and_its_order() -> None:
    assert lead_fill(FILL, 4, BTC, NOW) == LeadFill(NS, NOW, 4, 3, -1, 50_000, 664_100, 77, -125_000, 900)


def test_a_spot_balance_finer_than_a_lot_is_no_start_but_a_perpetuals_is_refused() -> None:
    fine = changed(startPosition="1.5197585293")
    assert lead_fill(fine, 4, instrument(5, Kind.SPOT), NOW).start is None
    with pytest.raises(MessageRefused):
        lead_fill(fine, 4, BTC, NOW)


@pytest.mark.parametrize(
    "changes", [{"sz": "0"}, {"sz": "-1"}, {"px": "0.0"}, {"dir": "Spot Dust Conversion"}, {"tid": 0}]
)
def test_what_is_no_trade_is_refused(changes) -> None:
    with pytest.raises(MessageRefused):
        lead_fill(changed(**changes), 4, BTC, NOW)


# -- ours --------------------------------------------------------------------------------------------------------------


def test_our_fill_names_our_order_and_rounds_its_fee_up() -> None:
    cost = 33_205 * 10**6
    assert own_fill(FILL, BTC, CLOIDS, -1, OTHER, NOW) == Fill(NS, NOW, 12, 77, 50_000, 664_100, cost, 14_942_250)
    assert own_fill(changed(fee="0.00000001"), BTC, CLOIDS, -1, OTHER, NOW).fee == 1
    rebate = own_fill(changed(fee="-0.0000019", crossed=False), BTC, CLOIDS, -1, OTHER, NOW)
    assert (rebate.fee, rebate.maker) == (-1, True)


def test_a_spot_buyer_pays_its_fee_in_what_it_bought() -> None:
    spot = instrument(2, Kind.SPOT)
    fill = changed(coin="@107", side="B", px="40.5", sz="10.0", fee="0.007", feeToken="HYPE", startPosition="0.0")
    assert own_fill(fill, spot, CLOIDS, -1, OTHER, NOW).fee == 283_500
    with pytest.raises(MessageRefused, match="paid its fee in HYPE"):
        own_fill(msgspec.structs.replace(fill, side="A"), spot, CLOIDS, -1, OTHER, NOW)


def test_a_fill_forced_on_us_is_a_liquidation_and_on_others_is_not() -> None:
    fill = changed(cloid=msgspec.UNSET, liquidation=FillLiquidation("66400.0", "market", LEAD))
    forced = own_fill(fill, BTC, CLOIDS, 6, LEAD, NOW)
    assert isinstance(forced, Liquidation)
    assert (forced.account, forced.lots, forced.price) == (6, -50_000, 664_100)
    assert isinstance(own_fill(changed(liquidation=fill.liquidation), BTC, CLOIDS, 6, OTHER, NOW), Fill)


@pytest.mark.parametrize("cloid", [None, msgspec.UNSET, "0x" + "00" * 16, "CLOID"])
def test_a_fill_of_somebody_elses_order_is_refused_by_type(cloid) -> None:
    with pytest.raises(MessageRefused, match="not ours"):
        own_fill(changed(cloid=cloid), BTC, CLOIDS, -1, OTHER, NOW)


def test_one_bad_row_costs_no_other() -> None:
    rows = [FILL, changed(sz="x"), changed(tid=78), changed(sz="92233720368547.0", px="92233720368547.0")]
    told, refused = sort_out(rows, lambda row: own_fill(row, BTC, CLOIDS, -1, OTHER, NOW))
    assert [fill.fill_id for fill in told] == [77, 78]
    assert [type(bad) for bad in refused] == [MessageRefused, NumericOverflow]


def state(status: str, size: str = "0.5", cloid: str | None = CLOIDS.cloid(12)) -> OrderState:
    return OrderState(BasicOrder("BTC", "B", "66410.0", size, 900, MS - 5, "0.5", cloid), status, MS)


@pytest.mark.parametrize(
    ("status", "size", "signal", "reason"),
    [
        ("open", "0.5", OrderSignal.ACK, Reason.NONE),
        ("triggered", "0.5", OrderSignal.ACK, Reason.NONE),
        ("filled", "0.0", OrderSignal.FILLED, Reason.NONE),
        ("canceled", "0.2", OrderSignal.CANCEL, Reason.NONE),
        ("selfTradeCanceled", "0.2", OrderSignal.CANCEL, Reason.REJECTED),
        ("iocCancelRejected", "0.5", OrderSignal.CANCEL, Reason.NO_DEPTH),
        ("badAloPxRejected", "0.5", OrderSignal.REJECT, Reason.REJECTED),
        ("perpMarginRejected", "0.5", OrderSignal.REJECT, Reason.BALANCE),
        ("minTradeNtlRejected", "0.5", OrderSignal.REJECT, Reason.BELOW_MINIMUM),
        ("somethingNewRejected", "0.5", OrderSignal.REJECT, Reason.REJECTED),
    ],
)
def test_every_status_is_a_signal_with_its_reason(status, size, signal, reason) -> None:
    left = round(float(size) * 10**5)
    assert order_update(state(status, size), BTC, CLOIDS, NOW) == OrderUpdate(NS, NOW, 12, signal, reason, left)


@pytest.mark.parametrize(
    "bad", [state("pondering"), state("filled", "0.1"), state("open", "-1"), state("open", cloid=None)]
)
def test_a_status_that_cannot_be_believed_is_refused(bad) -> None:
    with pytest.raises(MessageRefused):
        order_update(bad, BTC, CLOIDS, NOW)


def test_funding_is_what_was_paid_and_counts_once_an_account() -> None:
    row = UserFunding("BTC", "-0.0941935", "124.83333333", "0.0001")
    paid = funding(row, MS, BTC, 5, 664_100, NOW)
    assert (paid.accounts.tolist(), paid.amounts.tolist(), paid.rate_e9) == ([5], [94_194], 100_000)
    ids = {funding(row, ms, BTC, who, 664_100, NOW).funding_id for ms in (MS, MS + 1) for who in (-1, 5, 6)}
    assert len(ids) == 6
    assert paid.funding_id == funding(row, MS, BTC, 5, 1, NOW + 9).funding_id
