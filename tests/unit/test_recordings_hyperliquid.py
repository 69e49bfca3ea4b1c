"""Hyperliquid's fills are read in every wrapping the venue or a recorder puts around them, in the engine's units."""

from decimal import Decimal
from json import dumps

import pytest

from pilotfish.domain.instrument import Kind, TickRule
from tests.unit.recordings_samples import LEAD, MS, OTHER, SHEET, hl, lines, packed, read, sheet

CASSETTE = """interactions:
- request:
    body: '{{"type": "{kind}", "user": "{user}"}}'
    uri: https://api.hyperliquid.xyz/info
  response:
    body:
      string: '{answer}'
version: 1
"""


def test_an_answer_becomes_fills_in_lots_and_price_units(tmp_path):
    found = read(tmp_path, [hl(0), hl(1, side="A", sz="0.25", startPosition="0.5")])
    (eth,) = found.instruments
    assert (eth.symbol, eth.kind, eth.lot_decimals, eth.price_decimals) == ("ETH", Kind.PERP, 2, 4)
    assert (eth.tick_rule, eth.tick, eth.min_notional) == (TickRule.SIGNIFICANT, 5, 10_000_000)
    assert (eth.max_leverage, eth.maintenance_bps, eth.taker_fee_e6, eth.maker_fee_e6) == (25, 200, 450, 150)
    first, second = found.fills
    assert (first.side, first.lots, first.price, first.start, first.fill_id) == (1, 50, 30_005_000, 0, 5000)
    assert (second.side, second.lots, second.start) == (-1, 25, 50)
    assert first.venue_ns == first.ours_ns == MS * 10**6
    assert found.fees == [675_113, 675_113]
    assert found.order_ids == [1000, 1001]
    assert found.first_positions == {0: 0}
    assert (found.breaks, found.issues) == ([], [])
    assert found.traded == 2_250_375_000


@pytest.mark.parametrize(
    "content",
    [
        [hl(0), hl(1)],
        {"error": None, "fills": [hl(0), hl(1)], "response_count": 2},
        {"channel": "userFills", "data": {"isSnapshot": True, "user": LEAD, "fills": [hl(0), hl(1)]}},
        {"channel": "user", "data": {"fills": [hl(0), hl(1)]}},
        [{"channel": "userFills", "data": {"user": LEAD, "fills": [hl(0), hl(1)]}}],
        [{"fill": hl(0), "twapId": 3, "userFills": 0}, {"fill": hl(1), "twapId": 3}],
        packed([hl(0), hl(1)]),
        "\n".join(
            dumps({"channel": "userFills", "data": {"user": LEAD, "fills": [hl(k)]}}, indent=k) for k in range(2)
        ),
        "\n".join(
            f"17379188438939030{k} " + dumps({"channel": "userFills", "data": {"fills": [hl(k)]}}) for k in (1, 0)
        ),
        CASSETTE.format(kind="userFills", user=LEAD, answer=dumps([hl(1), hl(0)])),
        "\ufeff" + dumps([hl(0), hl(1)]),
    ],
    ids=[
        "list",
        "export",
        "frame",
        "user frame",
        "list of frames",
        "twap",
        "gzip",
        "frames",
        "stamped",
        "cassette",
        "bom",
    ],
)
def test_the_same_fills_come_out_of_every_wrapping(tmp_path, content):
    found = read(tmp_path, content)
    assert [f.fill_id for f in found.fills] == [5000, 5001]
    assert [f.start for f in found.fills] == [0, 5]
    assert found.issues == []
    assert found.venue == "hyperliquid"


def test_the_account_is_named_by_the_frame_or_the_question_or_else_by_the_file(tmp_path):
    frames = [{"channel": "userFills", "data": {"user": u, "fills": [hl(0)]}} for u in (LEAD, OTHER)]
    text = "\n".join(map(dumps, frames))
    assert {r.account for r in [read(tmp_path, text, accounts=[u]) for u in (LEAD, OTHER)]} == {LEAD, OTHER}
    assert read(tmp_path, CASSETTE.format(kind="userFills", user=OTHER, answer=dumps([hl()]))).account == OTHER
    assert read(tmp_path, [hl()]).account == "recording"


def test_an_answer_to_another_question_holds_no_trades(tmp_path):
    found = read(tmp_path, CASSETTE.format(kind="allMids", user="", answer='{"BTC": "1"}'))
    assert (found.account, found.fills, found.issues) == ("", [], [])
    assert found.notes == ["answers to allMids: holds no account's trades"]


def test_newest_first_is_turned_round_and_each_stamp_put_in_chain_order(tmp_path):
    rows = [hl(5), hl(4), hl(2, time=MS), hl(0, time=MS), hl(3, time=MS), hl(1, time=MS)]
    found = read(tmp_path, rows)
    assert [f.start for f in found.fills] == [0, 5, 10, 15, 20, 25]
    assert found.breaks == []
    assert "order rebuilt from start positions within 1 stamps" in found.notes


def test_time_that_jumps_about_is_sorted_and_said(tmp_path):
    found = read(tmp_path, [hl(0), hl(1), hl(3), hl(2), hl(4)])
    assert [f.start for f in found.fills] == [0, 5, 10, 15, 20]
    assert any("time goes backwards 1 times" in note for note in found.notes)


def test_a_missing_fill_is_one_break_with_its_size(tmp_path):
    found = read(tmp_path, [hl(0), hl(1), hl(3)])
    (gap,) = found.breaks
    assert (gap.fill, gap.instrument, gap.expected, gap.stated) == (2, 0, 10, 15)
    assert "0.5 ETH bought" in gap.why


def test_both_sides_of_a_self_trade_are_one_step_that_leads_nowhere(tmp_path):
    """The venue states the same start for both; taken literally the second and the next would read as gaps."""
    own = [hl(1, oid=1), hl(1, oid=2, tid=6001, side="A")]
    found = read(tmp_path, [hl(0), *own, hl(2, startPosition="0.5")])
    assert found.breaks == []
    assert [f.start for f in found.fills] == [0, 5, None, 5]
    assert any("1 trades of the account with itself" in note for note in found.notes)


def test_without_trade_ids_the_id_comes_from_what_the_fill_is(tmp_path):
    once = read(tmp_path, [hl(0, tid=...), hl(1, tid=...)])
    again = read(tmp_path, [hl(1, tid=...), hl(2, tid=...)])
    assert once.fills[1].fill_id == again.fills[0].fill_id  # the same fill in another export
    assert len({f.fill_id for f in once.fills + again.fills}) == 3


def test_a_spot_fee_in_the_token_bought_counts_in_money_and_in_the_position(tmp_path):
    buy = hl(0, coin="@107", px="12.409", sz="5", startPosition="0.0", fee="0.0016799", feeToken="HYPE", oid=1)
    then = hl(1, coin="@107", px="12.41", sz="62.15", startPosition="4.9983201", fee="0.02088235", feeToken="HYPE")
    found = read(tmp_path, [buy, then])
    assert found.breaks == []
    assert found.instruments[0].kind is Kind.SPOT
    assert found.instruments[0].lot_decimals == 2
    assert found.fills[1].start == 499  # whole lots of the order grid, towards zero
    assert found.fees[0] == 20_846  # 0.0016799 · 12.409 = 0.0208458791, rounded up


def test_dust_swept_by_the_venue_is_a_settlement_and_no_trade(tmp_path):
    dust = hl(1, coin="@142", px="104730.168", sz="0.0000086141", dir="Spot Dust Conversion", tid=0, side="A")
    found = read(tmp_path, [hl(0), dust])
    assert [i.symbol for i in found.instruments] == ["ETH"]
    (swept,) = found.settlements
    assert (swept.kind, swept.instrument, swept.money) == ("dust", None, 902_156)


@pytest.mark.parametrize("coin", ["BTC", "kBONK", "xyz:NVDA", "@107", "PURR/USDC", "0G"])
def test_names_of_all_kinds_of_coins_are_known(tmp_path, coin):
    assert read(tmp_path, [hl(coin=coin)]).instruments[0].symbol == coin


def test_prices_finer_than_the_sizes_allow_widen_the_unit_and_are_told(tmp_path):
    found = read(tmp_path, [hl(sz="1.2345", px="0.1234567")])
    assert found.instruments[0].price_decimals == 7
    assert any("widened" in note for note in found.notes)


def test_an_export_that_says_it_was_cut_is_quoted(tmp_path):
    found = read(tmp_path, {"fills": [hl()], "truncated_at_2000": True, "error": "429", "response_count": 9})
    told = " ".join(found.notes)
    assert "cut at 2000" in told
    assert "'429'" in told
    assert "announces 9 fills and holds 1" in told


def test_a_spreadsheet_is_converted_to_utc_and_ordered_by_start_positions(tmp_path):
    starts = ["1", "0", "1.5", "0.5"]
    found = read(tmp_path, lines(SHEET, *(sheet(start=s) for s in starts)))
    assert [f.start for f in found.fills] == [0, 5, 10, 15]
    assert found.breaks == []
    assert {f.venue_ns for f in found.fills} == {1_742_167_080 * 10**9}  # 2025-03-16 23:18 UTC
    assert any("trade ids rounded by a spreadsheet" in note for note in found.notes)
    assert len({f.fill_id for f in found.fills}) == 4


def test_a_spreadsheets_rounding_of_spot_balances_is_no_break(tmp_path):
    """Ten significant digits: 10043.10975 was 10043.109748 before the cell; 0.01 tokens are no rounding."""
    rows = [("10043.10975", "200.14"), ("9842.969748", "34"), ("9808.979748", "8.5")]
    found = read(tmp_path, lines(SHEET, *(sheet("@107", start=s, size=z, side="SELL") for s, z in rows)))
    assert [b.fill for b in found.breaks] == [2]


def test_scientific_cells_of_a_spreadsheet_are_numbers(tmp_path):
    found = read(tmp_path, lines(SHEET, sheet(size="1.00E-05", start="0.00001", side="SELL")))
    assert found.instruments[0].show_lots(found.fills[0].lots) == Decimal("0.00001")
