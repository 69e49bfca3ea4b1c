"""Commands become the orders the official client would make, within the limit, and of 53 bits of salt."""

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import VenueError
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, PlaceBatch, Tif
from pilotfish.domain.reasons import Reason
from pilotfish.venues.polymarket.wire.assets import ONE, TICKS
from pilotfish.venues.polymarket.wire.codec import encode
from pilotfish.venues.polymarket.wire.orders import (
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
    assert amounts(order) == official_amounts(order, listed.instrument)


@given(st.data(), LISTED)
def test_every_order_says_its_shares_and_its_price_exactly(data: st.DataObject, listed) -> None:
    order = data.draw(any_place(listed))
    gives, gets = amounts(order)
    shares, money = (gets, gives) if order.side is BUY else (gives, gets)
    assert shares == order.lots * 10_000
    assert Fraction(money, shares) == Fraction(order.price, ONE)


@given(GRIDS, st.integers(1, 10**9), st.integers(1, ONE - 1), st.sampled_from([BUY, SELL]))
def test_amounts_have_the_decimals_the_venue_takes(tick: int, lots: int, price: int, side: Side) -> None:
    price = one_listed(tick).instrument.round_price(price, side)
    gives, gets = amounts(Place(1, -1, 3, side, lots, price, IOC))
    shares, money = (gets, gives) if side is BUY else (gives, gets)
    assert shares % 10_000 == 0
    assert money % 10 ** (6 - TICKS[tick]) == 0


# -- what is said of an order ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tif", "how", "kind", "post_only"),
    [
        (IOC, How(MS), "GTC", None),
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


def test_a_purchase_at_once_is_the_very_order_that_would_rest_and_a_sale_at_once_is_not() -> None:
    for side, kind in ((BUY, "GTC"), (SELL, "FAK")):
        at_once, resting = (drawn(place(side, tif=tif), one_listed(), maker(), SALTS, How(MS)) for tif in (IOC, GTC))
        assert (at_once.kind, resting.kind) == (kind, "GTC")
        assert at_once.id == resting.id


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
        (place(lots=499, tif=IOC), How(MS), Reason.BELOW_MINIMUM),
        (place(lots=1_000, price=900, tif=IOC), How(MS), Reason.BELOW_MINIMUM),
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
