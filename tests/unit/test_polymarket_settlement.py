"""A match is provisional until the chain confirms it, and one that fails never happened."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.events import Fill, FillReversed, OrderUpdate, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Place, PlaceBatch, Query, Tif
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.polymarket.settings import OMNIBUS, SECOND
from pilotfish.venues.polymarket.trading.settlement import UNIT, Match, fill_id, size6_of
from pilotfish.venues.polymarket.wire.assets import ONE
from pilotfish.venues.session import Unfinished
from tests.unit.polymarket_scene import YES_ID, Scene, maker, page, place, posted, query_of, trade


def bought(status: str = "MATCHED") -> tuple[Scene, str]:
    """Four shares of a resting order were matched."""
    scene = Scene().up()
    scene.submit(place(1))
    name = scene.id_of(1)
    scene.answer("/order", posted(name))
    scene.user(trade("t1", "0xthem", "4", "0.5", [maker(name, "4", "0.5")], status))
    return scene, name


def goes_on(scene: Scene, name: str, status: str) -> None:
    scene.user(trade("t1", "0xthem", "4", "0.5", [maker(name, "4", "0.5")], status))


def test_matched_lots_are_provisional_until_they_are_confirmed() -> None:
    scene, name = bought()
    for status in ("MATCHED", "MINED", "RETRYING", "MINED"):
        goes_on(scene, name, status)
        assert scene.session.provisional() == {YES_ID: 400}
    assert scene.session.counters()["provisional lots"] == 400
    goes_on(scene, name, "CONFIRMED")
    assert scene.session.provisional() == {}
    assert not scene.of(FillReversed)


def test_a_failed_match_is_taken_back_once_with_all_that_was_told() -> None:
    scene, name = bought()
    (fill,) = scene.of(Fill)
    for _ in range(2):
        goes_on(scene, name, "FAILED")
    (back,) = scene.of(FillReversed)
    assert (back.coid, back.fill_id, back.lots, back.price, back.cost, back.fee) == (
        1, fill.fill_id, fill.lots, fill.price, fill.cost, fill.fee,
    )  # fmt: skip
    assert (back.account, back.instrument, back.side) == (-1, YES_ID, Side.BUY)
    assert scene.session.provisional() == {}
    goes_on(scene, name, "MATCHED")  # a late word does not bring it back
    assert len(scene.of(Fill)) == 1


def test_what_was_confirmed_stays_even_if_a_stray_word_says_failed() -> None:
    scene, name = bought("CONFIRMED")
    goes_on(scene, name, "FAILED")
    assert not scene.of(FillReversed)


def test_a_trade_first_heard_of_as_failed_is_no_fill_and_is_taken_back_for_an_earlier_life() -> None:
    scene, _ = bought("FAILED")
    assert not scene.of(Fill)
    assert [one.lots for one in scene.of(FillReversed)] == [400]


def recalled(status: str, batch: bool = False) -> tuple[Scene, str]:
    """After a restart the venue lists a trade of an order that was over before; the engine has its fill."""
    before = Scene().up()
    before.submit(place(1, tif=Tif.IOC))
    name = before.id_of(1)
    command: Place | PlaceBatch = place(1, tif=Tif.IOC)
    if batch:
        columns = (np.array([one], dtype=np.int64) for one in (OMNIBUS, 1_000, 5_000))
        command = PlaceBatch(1, YES_ID, Side.BUY, *columns, Tif.IOC)
    after = Scene()
    after.now = before.now + 10 * SECOND
    after.session.recall(Unfinished(before.now // SECOND, [], {}, [(command, before.now)]), after.now)
    after.up()
    after.submit(Query(after.now // SECOND, ()))
    after.answer("/data/orders", page())
    assert int(query_of(after.pending("/data/trades"))["after"]) <= before.now // SECOND
    after.answer("/data/trades", page(trade("t1", name, "4", "0.5", [maker("0xa", "4", "0.5")], status)))
    assert after.of(Reconciled)
    return after, name


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("status", ["FAILED", "MATCHED", "RETRYING"])
def test_a_match_of_before_a_restart_is_watched_to_its_end(status: str, batch: bool) -> None:
    scene, name = recalled(status, batch)
    if status != "FAILED":
        assert not scene.of(FillReversed)
        scene.until("/data/trades")
        scene.answer("/data/trades", page(trade("t1", name, "4", "0.5", [maker("0xa", "4", "0.5")], "FAILED")))
    (back,) = scene.of(FillReversed)
    assert (back.coid, back.lots, back.cost, back.fill_id) == (1, 400, 2_000_000, fill_id("t1", name))
    assert all(one.fill_id == back.fill_id for one in scene.of(Fill)), "the engine knows this fill"
    assert len(scene.of(Fill)) == (0 if batch or status == "FAILED" else 1)
    assert not scene.of(OrderUpdate), "the order itself is over"


def test_a_match_of_before_a_restart_that_is_confirmed_stays() -> None:
    scene, name = recalled("MATCHED")
    scene.user(trade("t1", name, "4", "0.5", [maker("0xa", "4", "0.5")], "CONFIRMED"))
    assert scene.session.provisional() == {}
    assert not scene.of(FillReversed)
    scene.submit(Query(scene.now // SECOND, ()))
    scene.answer("/data/orders", page())
    assert int(query_of(scene.pending("/data/trades"))["after"]) >= scene.now // SECOND - 60, (
        "it is not asked for again"
    )


def test_a_settlement_nobody_tells_of_is_asked_for_by_the_trades_id() -> None:
    scene, name = bought()
    scene.until("/data/trades")
    assert query_of(scene.pending("/data/trades"))["id"] == "t1"
    scene.fail("/data/trades")
    scene.until("/data/trades")
    row = trade("t1", "0xthem", "4", "0.5", [maker(name, "4", "0.5")], "TRADE_STATUS_CONFIRMED")
    scene.answer("/data/trades", page(row))
    assert scene.session.provisional() == {}
    scene.advance(60 * SECOND)
    assert not scene.is_pending("/data/trades")


def test_a_sale_counts_against_what_was_bought() -> None:
    scene, _ = bought()
    scene.submit(place(2, lots=300, price=4_800, tif=Tif.IOC, side=Side.SELL))
    name = scene.id_of(2)
    scene.user(trade("t2", name, "3", "0.48", [maker("0xa", "3", "0.48")], side="SELL"))
    assert scene.session.provisional() == {YES_ID: 100}
    assert [(one.lots, one.cost) for one in scene.of(Fill)] == [(400, 2_000_000), (300, 1_440_000)]


def test_a_status_that_means_nothing_is_set_aside() -> None:
    scene, name = bought()
    goes_on(scene, name, "EXPLODED")
    assert scene.session.counters()["set aside: user message"] == 1
    assert scene.session.provisional() == {YES_ID: 400}


@given(size6=st.integers(1, 10**12), price=st.integers(1, ONE - 1), side=st.sampled_from([1, -1]))
def test_a_fills_price_is_the_price_of_its_cost(size6: int, price: int, side: int) -> None:
    cost = -(-size6 * price // ONE) if side > 0 else size6 * price // ONE
    told = Match(1, "t", size6, cost, False, 0).price
    assert abs(told - price) * size6 <= 2 * ONE or told in (1, ONE - 1)


@given(st.text(max_size=30), st.text(max_size=30))
def test_ids_of_fills_fit_and_depend_on_trade_and_order(trade_id: str, order_id: str) -> None:
    number = fill_id(trade_id, order_id)
    assert 0 <= number < 2**62
    assert number == fill_id(trade_id, order_id)
    assert number != fill_id(trade_id + "x", order_id)


@given(st.text(max_size=20))
def test_a_size_is_a_number_or_refused(text: str) -> None:
    try:
        assert size6_of(text) is not None
    except MessageRefused:
        assert text


def test_no_size_is_nothing() -> None:
    assert size6_of("") == size6_of(None) == 0
    assert size6_of("1.5") == 150 * UNIT
    with pytest.raises(MessageRefused):
        size6_of("one")
