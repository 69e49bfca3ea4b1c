"""Commands become the orders the official client would make, within the limit, and of 53 bits of salt."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pilotfish.domain.errors import VenueError
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.assets import ONE, TICKS
from pilotfish.venues.polymarket.codec import encode
from pilotfish.venues.polymarket.orders import (
    CancelMarket,
    CancelOne,
    How,
    OrderRefused,
    Salts,
    amounts,
    body,
    chunks,
    drawn,
    places,
)
from tests.unit.polymarket_samples import (
    GRIDS,
    LISTED,
    MS,
    OWNER,
    SALTS,
    hows,
    maker,
    official_amounts,
    one_listed,
    place,
    signed,
)
from tests.unit.polymarket_samples import places as any_place

BUY, SELL, IOC, GTC, ALO = Side.BUY, Side.SELL, Tif.IOC, Tif.GTC, Tif.ALO


# -- amounts -----------------------------------------------------------------------------------------------------------


@given(st.data(), LISTED)
def test_amounts_are_those_of_the_official_client_on_every_grid(data: st.DataObject, listed) -> None:
    order = data.draw(any_place(listed))
    gives, gets = amounts(order, listed)
    assert (gives, gets) == official_amounts(order, listed.instrument, dollars=gives)
    if order.side is BUY:
        wanted = order.lots * order.price // (10_000 if order.tif is IOC else 1) * (10_000 if order.tif is IOC else 1)
        assert wanted - (80_000 if listed.instrument.tick == 1_000 else 0) <= gives <= wanted


@given(st.data(), LISTED, st.integers(1, ONE - 1))
def test_a_buyer_at_once_never_gives_more_than_the_touch_asks_for(data: st.DataObject, listed, touch: int) -> None:
    order = data.draw(any_place(listed, side=BUY, tif=IOC))
    at = min(order.price, touch)
    assume(order.lots * at >= 1_100_000)
    gives, gets = amounts(order, listed, touch)
    assert order.lots * at - 90_000 < gives <= order.lots * at
    assert Fraction(gives, at) <= order.lots, "filled wholly at the touch it has no more shares than were wanted"
    assert (gives, gets) == official_amounts(order, listed.instrument, dollars=gives)


@given(st.data(), LISTED)
def test_no_order_says_a_price_that_would_reach_beyond_its_limit(data: st.DataObject, listed) -> None:
    """The exchange reckons the price from the two amounts; the finest grid there is has steps of 0.0001."""
    order = data.draw(any_place(listed))
    gives, gets = amounts(order, listed)
    if order.side is SELL:
        assert Fraction(gets, gives) == Fraction(order.price, ONE)
        assert gives == order.lots * 10_000
    else:
        assert Fraction(order.price, ONE) <= Fraction(gives, gets) < Fraction(order.price + 1, ONE)
        assert gives <= order.lots * order.price


@given(GRIDS, st.integers(1, 10**9), st.integers(1, ONE - 1), st.sampled_from([BUY, SELL]))
def test_what_trades_at_once_has_the_decimals_the_venue_takes(tick: int, lots: int, price: int, side: Side) -> None:
    listed = one_listed(tick)
    price = listed.instrument.round_price(price, side)
    assume(lots * price >= 1_100_000)
    gives, gets = amounts(Place(1, -1, 3, side, lots, price, IOC), listed)
    assert gives % 10_000 == 0
    assert gets % 10 ** (6 - TICKS[tick]) == 0


def test_a_limit_order_says_its_size_exactly() -> None:
    listed = one_listed()
    assert amounts(place(BUY, 1_000, 6_000), listed) == (6_000_000, 10_000_000)
    assert amounts(place(SELL, 1_000, 6_000), listed) == (10_000_000, 6_000_000)


def test_on_the_coarsest_grid_some_cents_are_left_to_keep_to_the_limit() -> None:
    """1.06 for 1.766 shares would say 0.6002; 1.05 for 1.75 says 0.6."""
    assert amounts(place(BUY, 177, 6_000, IOC), one_listed(1_000)) == (1_050_000, 1_750_000)
    with pytest.raises(OrderRefused):
        amounts(place(BUY, 167, 6_000, IOC), one_listed(1_000))


def test_a_buyer_at_once_who_knows_the_touch_gives_the_dollars_of_the_touch() -> None:
    """5 shares at 0.99 in a book of 0.98 came back as 5.05: the venue spends the dollars it is given."""
    listed, order = one_listed(), place(BUY, 500, 9_900, IOC)
    assert amounts(order, listed) == (4_950_000, 5_000_000)
    assert amounts(order, listed, touch=9_800) == (4_900_000, 4_949_400)


# -- what is said of an order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tif", "how", "kind", "post_only"),
    [
        (IOC, How(MS), "FAK", None),
        (IOC, How(MS, whole=True), "FOK", None),
        (GTC, How(MS), "GTC", None),
        (GTC, How(MS, expires_s=1_900_000_000), "GTD", None),
        (ALO, How(MS), "GTC", True),
        (ALO, How(MS, expires_s=1_900_000_000), "GTD", True),
    ],
)
def test_times_in_force_are_the_venues(tif: Tif, how: How, kind: str, post_only: bool | None) -> None:
    one = drawn(place(tif=tif), one_listed(), maker(), SALTS, how)
    said = json.loads(encode(body(one, signed(one.request), OWNER)))
    assert said["orderType"] == kind
    assert said.get("postOnly") is post_only
    assert said["order"]["expiration"] == str(how.expires_s)
    assert said["owner"] == OWNER
    assert said["deferExec"] is False


def test_a_bodys_repr_shows_neither_key_nor_signature() -> None:
    one = drawn(place(), one_listed(), maker(), SALTS, How(MS))
    shown = repr(body(one, signed(one.request), OWNER))
    assert OWNER not in shown
    assert "0x" not in shown
    assert "GTC BUY" in shown


@given(st.data(), LISTED)
def test_a_retry_is_the_same_bytes(data: st.DataObject, listed) -> None:
    order = data.draw(any_place(listed))
    how = data.draw(hows(order.tif))
    bodies = [
        encode(body(one, signed(one.request), OWNER))
        for one in (drawn(order, listed, maker(), SALTS, how) for _ in range(2))
    ]
    assert bodies[0] == bodies[1]


# -- salts -------------------------------------------------------------------------------------------------------------

JOURNAL, COID = st.integers(0, 2**64 - 1), st.integers(0, 2**53 - 1)


@given(JOURNAL, COID)
def test_a_salt_names_its_order(journal: int, coid: int) -> None:
    salts = Salts(journal)
    salt = salts.salt(coid)
    assert 0 <= salt < 2**53
    assert salts.coid(salt) == coid


@given(JOURNAL, COID, COID)
def test_orders_of_a_journal_have_different_salts(journal: int, coid: int, other: int) -> None:
    salts = Salts(journal)
    assert (salts.salt(coid) == salts.salt(other)) is (coid == other)


def test_journals_have_different_salts_for_the_same_id() -> None:
    assert len({Salts(journal).salt(42) for journal in range(1_000)}) == 1_000


@given(st.integers(max_value=-1) | st.integers(min_value=2**53))
def test_what_is_no_salt_names_no_order(number: int) -> None:
    assert Salts(1).coid(number) is None
    with pytest.raises(OrderRefused, match="53 bits"):
        Salts(1).salt(number)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "how", "reason"),
    [
        (place(lots=0), How(MS), Reason.BAD_INTENT),
        (place(lots=-5), How(MS), Reason.BAD_INTENT),
        (place(price=5_050), How(MS), Reason.BAD_INTENT),
        (place(price=0), How(MS), Reason.BAD_INTENT),
        (place(price=ONE), How(MS), Reason.BAD_INTENT),
        (place(lots=499), How(MS), Reason.BELOW_MINIMUM),
        (place(lots=499, tif=ALO), How(MS), Reason.BELOW_MINIMUM),
        (place(lots=199, tif=IOC), How(MS), Reason.BELOW_MINIMUM),
        (place(lots=1_000, tif=IOC), How(MS, touch=900), Reason.BELOW_MINIMUM),
        (place(tif=IOC), How(MS, expires_s=1_900_000_000), Reason.BAD_INTENT),
        (place(coid=2**53), How(MS), Reason.BAD_INTENT),
    ],
)
def test_what_the_venue_would_refuse_is_not_built(order: Place, how: How, reason: Reason) -> None:
    with pytest.raises(OrderRefused) as refused:
        drawn(order, one_listed(), maker(), SALTS, how)
    assert refused.value.reason is reason
    assert isinstance(refused.value, VenueError)


def test_a_builders_code_of_another_length_is_refused() -> None:
    with pytest.raises(VenueError, match="32 bytes"):
        drawn(place(), one_listed(), maker(), SALTS, How(MS, builder=bytes(31)))


def test_less_than_the_least_resting_size_may_be_sold_at_once() -> None:
    assert drawn(place(SELL, 3, tif=IOC), one_listed(), maker(), SALTS, How(MS)).kind == "FAK"


# -- batches and cancels -----------------------------------------------------------------------------------------------


def test_a_batch_is_one_order_for_each_account() -> None:
    accounts, lots, prices = (np.array(column, dtype=np.int64) for column in ([4, 9], [500, 700], [5_000, 5_100]))
    batch = PlaceBatch(100, 3, BUY, accounts, lots, prices, GTC)
    assert list(places(batch)) == [
        Place(100, 4, 3, BUY, 500, 5_000, GTC),
        Place(101, 9, 3, BUY, 700, 5_100, GTC),
    ]


@given(st.lists(st.integers(), max_size=64))
def test_a_request_takes_fifteen_orders_and_none_is_lost(items: list[int]) -> None:
    parts = list(chunks(items))
    assert [one for part in parts for one in part] == items
    assert all(0 < len(part) <= 15 for part in parts)


def test_cancels_say_what_the_venue_reads() -> None:
    assert json.loads(encode(CancelOne("0xab"))) == {"orderID": "0xab"}
    assert json.loads(encode(CancelMarket(asset_id="12"))) == {"asset_id": "12"}
    assert json.loads(encode(CancelMarket(market="0x1"))) == {"market": "0x1"}
