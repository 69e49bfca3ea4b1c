"""What a real copier achieved is measured against the lead's fill it followed, and what it never followed counts."""

import pytest

from pilotfish.venues.recordings import lead_orders, never_copied, read_recordings, real_copies
from tests.unit.recordings_samples import MS, hl, put


def pair(folder, lead: list, copier: list):
    return [read_recordings([put(folder, rows, name)])[0] for rows, name in ((lead, "lead"), (copier, "copier"))]


def test_a_copy_is_measured_from_the_latest_fill_of_the_lead_and_from_its_order(tmp_path):
    lead = [hl(0, oid=7, px="3000", sz="1"), hl(400, oid=7, px="3002", sz="1"), hl(5000, oid=7, px="9000", sz="9")]
    (seen,) = real_copies(*pair(tmp_path, lead, [hl(1400, px="3004.002", sz="0.1")]))
    assert (seen.lag_ms, seen.order_lag_ms) == (1000, 1400)
    assert seen.lead_price == 3001
    assert seen.slippage_bps == pytest.approx(3.002 / 3001 * 1e4)
    assert seen.notional == 300_400_200


@pytest.mark.parametrize(("side", "price", "worse"), [("B", "3001", True), ("B", "2999", False), ("A", "2999", True)])
def test_slippage_is_positive_where_the_copier_did_worse(tmp_path, side, price, worse):
    (seen,) = real_copies(*pair(tmp_path, [hl(0, px="3000", side=side)], [hl(900, px=price, side=side)]))
    assert (seen.slippage_bps > 0) is worse


def test_fills_of_one_order_are_one_copy_at_their_average(tmp_path):
    copier = [hl(900, oid=1, px="3000", sz="1"), hl(900, oid=1, tid=2, px="3003", sz="2")]
    (seen,) = real_copies(*pair(tmp_path, [hl(0)], copier))
    assert (seen.lots, seen.price) == (3, 3002)


@pytest.mark.parametrize(
    "copier",
    [hl(900, coin="BTC"), hl(900, side="A"), hl(60_001, px="3000"), hl(-1)],
    ids=["another coin", "the other side", "too late", "before the lead"],
)
def test_what_follows_no_fill_of_the_lead_is_the_copiers_own_decision(tmp_path, copier):
    (seen,) = real_copies(*pair(tmp_path, [hl(0)], [copier]))
    assert (seen.lag_ms, seen.slippage_bps, seen.lead_order) == (None, None, None)


def test_the_orders_nobody_followed_are_counted(tmp_path):
    lead, copier = pair(tmp_path, [hl(0, oid=1), hl(1, oid=1), hl(5000, oid=2), hl(9000, oid=3)], [hl(5100, oid=9)])
    assert len(lead_orders(lead)) == 3
    assert never_copied(lead, real_copies(lead, copier)) == 2
    assert never_copied(lead, []) == 3


def test_sizes_compare_though_the_two_files_show_different_lots(tmp_path):
    lead, copier = pair(tmp_path, [hl(0, sz="12")], [hl(700, sz="0.0125")])
    assert lead.instruments[0].lot_decimals != copier.instruments[0].lot_decimals
    (seen,) = real_copies(lead, copier)
    assert float(seen.lots) == 0.0125


def test_without_order_ids_the_fills_of_one_stamp_are_one_order(tmp_path):
    (lead,) = read_recordings([put(tmp_path, [hl(0, oid=..., time=MS), hl(1, oid=..., time=MS), hl(2, oid=...)])])
    assert [len(order.sizes) for order in lead_orders(lead)] == [2, 1]
