"""Markets become instruments: two tokens, a probability grid, the exchange that trades them, and what a taker pays."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket._internal.actions.orders.context import _ROUNDING_BY_TICK
from polymarket._internal.actions.orders.market import adjust_buy_amount_for_fees
from polymarket._internal.actions.orders.market_data import PlatformFeeInfo

from pilotfish.domain.instrument import Kind, TickRule
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.keys.schemes import Scheme
from pilotfish.venues.polymarket.wire import codec
from pilotfish.venues.polymarket.wire.assets import (
    MIN_LOTS,
    TICKS,
    Fee,
    fee_of,
    listed,
    min_lots_of,
    of_clob,
    of_gamma,
    of_short,
    tick_of,
    with_tick,
)
from tests.unit.polymarket_samples import CONDITION, NO, POSITION, YES, one_listed

CLOB = {
    "condition_id": CONDITION, "minimum_order_size": 15, "minimum_tick_size": 0.001, "neg_risk": True,
    "market_slug": "rain", "active": True, "closed": False, "accepting_orders": True, "enable_order_book": True,
    "tokens": [{"token_id": YES, "outcome": "Yes"}, {"token_id": NO, "outcome": "No"}],
}  # fmt: skip
GAMMA = {
    "conditionId": CONDITION, "slug": "rain", "orderPriceMinTickSize": 0.001, "orderMinSize": 15, "negRisk": True,
    "clobTokenIds": f'["{YES}", "{NO}"]', "outcomes": '["Yes", "No"]', "active": True, "closed": False,
    "acceptingOrders": True, "enableOrderBook": True,
}  # fmt: skip
SHORT = {"mts": 0.001, "mos": 15, "nr": True, "t": [{"t": YES, "o": "Yes"}, {"t": NO, "o": "No"}]}
FEE = {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0.2}


def clob(**changes: object):
    return of_clob(codec.CLOB_MARKET.decode(codec.encode(CLOB | changes)))


def gamma(**changes: object):
    return of_gamma(codec.GAMMA_MARKET.decode(codec.encode(GAMMA | changes)))


def short(**changes: object):
    return of_short(codec.SHORT_MARKET.decode(codec.encode(SHORT | changes)), CONDITION, "rain")


def test_three_sources_say_the_same_of_a_market() -> None:
    assert clob() == gamma() == short()
    assert gamma(feeSchedule=FEE) == short(fd={"r": 0.04, "e": 1, "to": True})
    assert gamma(feeSchedule=FEE).fee == Fee(Decimal("0.04"), Decimal(1))
    assert gamma(feeSchedule=FEE, feesEnabled=False).fee == Fee()


def test_a_market_is_two_instruments() -> None:
    yes, no = listed(gamma(feeSchedule=FEE), first_id=8)
    one = yes.instrument
    assert (one.id, one.symbol, no.instrument.id, no.instrument.symbol) == (8, "rain/Yes", 9, "rain/No")
    assert (one.kind, one.venue, one.quote, one.tick_rule, one.tick) == (
        Kind.OUTCOME, "polymarket", "USDC", TickRule.GRID, 10,
    )  # fmt: skip
    assert (one.lot_decimals, one.price_decimals, one.money_decimals, one.money_exponent) == (2, 4, 6, 0)
    assert (yes.token, yes.opposite, no.token, no.opposite) == (YES, NO, NO, YES)
    assert (yes.min_lots, yes.condition, yes.scheme) == (1_500, CONDITION, Scheme.POLYMARKET_NEG_RISK_ORDER)
    assert (one.taker_fee_e6, one.maker_fee_e6) == (40_000, 0)


def test_the_exchange_follows_from_the_market_and_the_kind_of_id() -> None:
    assert listed(gamma(negRisk=False), 0)[0].scheme is Scheme.POLYMARKET_ORDER
    in_positions = gamma(version="v2", positionIds=[POSITION, str(int(POSITION) ^ 1)], clobTokenIds=None)
    assert {one.scheme for one in listed(in_positions, 0)} == {Scheme.POLYMARKET_POSITION_ORDER}


@pytest.mark.parametrize(
    "closed", [{"closed": True}, {"accepting_orders": False}, {"active": False}, {"enable_order_book": False}]
)
def test_a_market_that_takes_no_orders_is_not_open(closed: dict) -> None:
    assert clob().open
    assert not clob(**closed).open


def test_a_new_tick_size_changes_nothing_else() -> None:
    finer = with_tick(one_listed(100), 10)
    assert finer == one_listed(10)
    assert finer != one_listed(100)


# -- ticks and sizes ---------------------------------------------------------------------------------------------------


def test_ticks_and_their_decimals_are_the_official_clients() -> None:
    assert {tick_of(size): rounding.amount for size, rounding in _ROUNDING_BY_TICK.items()} == TICKS
    assert tick_of("0.01") == tick_of(Decimal("0.010")) == 100


@pytest.mark.parametrize("size", ["0.02", "1", "-0.01", "", "tick", "NaN", "1e-9", "1e400", None, Decimal("Infinity")])
def test_a_tick_the_venues_rules_do_not_know_is_refused(size: object) -> None:
    with pytest.raises(MessageRefused):
        tick_of(size)


def test_the_least_size_is_in_lots_and_five_shares_where_nobody_says() -> None:
    assert min_lots_of(Decimal(5)) == min_lots_of(None) == MIN_LOTS == 500
    assert min_lots_of("0.5") == 50
    with pytest.raises(MessageRefused):
        min_lots_of("0.001")


@pytest.mark.parametrize(
    "broken",
    [
        {"clobTokenIds": f'["{YES}"]'}, {"clobTokenIds": f'["{YES}", "{YES}"]'}, {"clobTokenIds": None},
        {"clobTokenIds": "not json"}, {"clobTokenIds": '["one", "two"]'}, {"outcomes": '["Yes"]'},
        {"orderPriceMinTickSize": None}, {"feeSchedule": FEE | {"rate": 2}}, {"feeSchedule": FEE | {"exponent": -1}},
    ],
)  # fmt: skip
def test_a_market_that_cannot_be_traded_here_is_refused(broken: dict) -> None:
    with pytest.raises(MessageRefused):
        gamma(**broken)


# -- fees --------------------------------------------------------------------------------------------------------------


@given(
    st.integers(1, 10**9),
    st.integers(1, 9_999),
    st.decimals(0, 1, places=4),
    st.sampled_from([0, 1, 2, Decimal("1.5")]),
)
def test_a_takers_fee_is_what_the_official_client_reckons(lots: int, price: int, rate: Decimal, exponent) -> None:
    fee = fee_of(rate, Decimal(exponent))
    money = fee.money(lots, price)
    amount, odds = Decimal(lots * price).scaleb(-6), Decimal(price).scaleb(-4)
    # It says fees only by what is left for shares: how much of exactly the total cost may go to them.
    theirs = PlatformFeeInfo(rate=rate, exponent=Decimal(exponent))
    paid = amount + Decimal(money).scaleb(-6)
    left = adjust_buy_amount_for_fees(amount=amount * 2, price=odds, max_spend=paid, fee=theirs)
    assert abs(left - amount) <= Decimal("0.00001")
    assert money % 10 == 0
    assert money <= -(-lots * price * fee.bound_e6 // 10**6) + 5 or exponent == 0


def test_makers_and_markets_without_fees_pay_nothing() -> None:
    assert Fee().money(10**6, 5_000) == 0
    assert Fee(Decimal("0.04"), Decimal(1)).money(10_000, 5_000) == 1_000_000
    assert Fee(Decimal("0.04"), Decimal(1)).money(-10_000, 5_000) == 1_000_000
