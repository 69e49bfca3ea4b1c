"""Domain commands as the venue's actions: sizes, prices, names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.instrument import Kind, Side
from pilotfish.domain.orders import Amend, Place, PlaceBatch, Tif
from pilotfish.venues.hyperliquid.wire.actions import (
    ActionRefused,
    Cloids,
    Limit,
    Listed,
    OrderKind,
    When,
    cancels,
    modified,
    order,
    orders,
    price_text,
)
from tests.unit.hyperliquid_samples import BTC, BTC_LISTED, CLOIDS, instrument

PLACE = Place(7, -1, 3, Side.BUY, 1_000, 665_550, Tif.GTC, True)


def test_an_order_says_asset_side_price_size_and_whose_it_is() -> None:
    wire = order(PLACE, BTC_LISTED, CLOIDS)
    assert (wire.a, wire.b, wire.p, wire.s, wire.r) == (0, True, "66555", "0.01", True)
    assert wire.t == OrderKind(limit=Limit("Gtc"))
    assert wire.c == "0x0123456789abcdef0000000000000007"


def test_every_account_of_a_batch_has_its_own_order_and_id() -> None:
    accounts, lots, prices = np.array([[4, 9, 2], [100, 250, 1], [665_550, 665_560, 665_570]], dtype=np.int64)
    wires = orders(PlaceBatch(40, 3, Side.SELL, accounts, lots, prices), BTC_LISTED, CLOIDS)
    assert [(w.b, w.p, w.s, CLOIDS.coid(w.c)) for w in wires] == [
        (False, "66555", "0.001", 40), (False, "66556", "0.0025", 41), (False, "66557", "0.00001", 42),
    ]  # fmt: skip


def test_what_has_filled_is_taken_off_an_amended_size() -> None:
    wire = modified(Amend(7, 800, 665_560), PLACE, 300, BTC_LISTED, CLOIDS)
    assert (wire.oid, wire.order.s, wire.order.p) == (CLOIDS.cloid(7), "0.005", "66556")


def test_an_amendment_below_what_has_filled_is_refused() -> None:
    with pytest.raises(ActionRefused, match="no size"):
        modified(Amend(7, 300, 665_560), PLACE, 300, BTC_LISTED, CLOIDS)


def test_a_cancel_names_our_own_id() -> None:
    action = cancels([(0, 7), (3, 8)], CLOIDS)
    assert [(c.asset, CLOIDS.coid(c.cloid)) for c in action.cancels] == [(0, 7), (3, 8)]


@pytest.mark.parametrize(
    ("price", "sizes", "kind", "text"),
    [
        (1_234_560, 0, Kind.PERP, None),
        (1_234_500, 0, Kind.PERP, "1.2345"),
        (1_234_560, 5, Kind.PERP, "123456"),  # whole: any number of figures
        (1_234_565, 5, Kind.PERP, None),
        (1, 0, Kind.PERP, "0.000001"),
        (12_345, 0, Kind.SPOT, "0.00012345"),
        (123_456, 0, Kind.SPOT, None),
    ],
)
def test_a_price_has_five_significant_figures_or_is_whole(price, sizes, kind, text) -> None:
    one = instrument(sizes, kind)
    if text is None:
        with pytest.raises(ActionRefused, match="tick"):
            price_text(price, one)
    else:
        assert price_text(price, one) == text


@pytest.mark.parametrize(("lots", "price"), [(0, 665_550), (-5, 665_550), (5, 0), (5, -10)])
def test_what_is_no_size_or_no_price_is_refused(lots, price) -> None:
    with pytest.raises(ActionRefused):
        order(Place(1, -1, 3, Side.BUY, lots, price), BTC_LISTED, CLOIDS)


def test_a_trigger_off_the_tick_is_refused() -> None:
    with pytest.raises(ActionRefused, match="tick"):
        order(PLACE, BTC_LISTED, CLOIDS, When(6_655_555, "sl"))


def test_decimals_finer_than_the_venue_allows_are_refused() -> None:
    finer = type(BTC)(3, "BTC", "hyperliquid", Kind.PERP, 5, 4, tick_rule=BTC.tick_rule, tick=5)
    with pytest.raises(ActionRefused, match="tick"):
        order(Place(1, -1, 3, Side.BUY, 5, 12_345), Listed(finer, 0), CLOIDS)


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_a_cloid_is_read_back_by_its_own_journal_alone(coid, journal, other) -> None:
    cloid = Cloids(journal).cloid(coid)
    assert Cloids(journal).coid(cloid) == coid
    assert len(bytes.fromhex(cloid[2:])) == 16
    assert other == journal or Cloids(other).coid(cloid) is None


@given(st.none() | st.text(max_size=40) | st.text(alphabet="0123456789abcdefABCDEFx_+ ", min_size=16, max_size=16))
def test_a_cloid_from_anywhere_is_ours_or_nobodys(text) -> None:
    for candidate in (text, None if text is None else f"0x{CLOIDS.journal:016x}{text}"):
        coid = CLOIDS.coid(candidate)
        assert coid is None or CLOIDS.cloid(coid) == candidate
