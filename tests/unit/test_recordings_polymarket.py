"""Polymarket's shapes: prices without float noise, outcomes with their tokens, redemptions that find their outcome."""

import pytest

from pilotfish.domain.instrument import Kind, TickRule
from pilotfish.venues.recordings import Settlement, read_recordings
from tests.unit.recordings_samples import (
    EXPORT,
    LEAD,
    OTHER,
    TAPE,
    export,
    lines,
    only_issue,
    put,
    read,
    redeem,
    tape,
    trade,
)

DOWN = {"asset": "222", "outcome": "Down"}


def settled(found) -> list[tuple[str, str | None, str, int | None, int, bool]]:
    """Settlements as (kind, outcome, tokens, payout in 10^-4, money, stated)."""
    return [
        (s.kind, None if s.instrument is None else found.instruments[s.instrument].symbol.split(":")[1],
         str(s.lots), s.price, s.money, s.stated)
        for s in found.settlements
    ]  # fmt: skip


def test_a_trade_keeps_its_token_and_its_market(tmp_path):
    found = read(tmp_path, [trade(0)])
    (up,) = found.instruments
    assert (up.symbol, up.kind, up.venue) == ("btc-up:Up", Kind.OUTCOME, "polymarket")
    assert (up.lot_decimals, up.price_decimals, up.tick_rule, up.tick) == (2, 4, TickRule.GRID, 100)
    assert (up.min_notional, up.max_leverage, up.taker_fee_e6) == (1_000_000, 1, 0)
    assert found.tokens == {0: "111"}
    assert (found.fills[0].lots, found.fills[0].price, found.fills[0].start) == (1000, 4500, None)
    assert found.account == LEAD


@pytest.mark.parametrize(
    ("changed", "price", "decimals"),
    [
        ({"price": 0.8900000000000001, "size": 166.23, "usdcSize": 147.9447}, 8900, 4),
        ({"price": 0.4500008494228172, "size": 0.470908, "usdcSize": 0.211909}, 4500, 4),
        ({"price": 0.123456, "size": 1000, "usdcSize": 123.456}, 123456, 6),
        ({"price": 0.0009999999999999998, "size": 10, "usdcSize": 0.01}, 10, 4),
    ],
)
def test_the_price_on_the_grid_that_explains_the_money_is_the_price(tmp_path, changed, price, decimals):
    found = read(tmp_path, [trade(0, **changed)])
    assert (found.fills[0].price, found.instruments[0].price_decimals) == (price, decimals)


def test_lots_are_as_fine_as_the_fills_and_never_coarser_than_orders(tmp_path):
    found = read(tmp_path, [trade(0, size=0.470908, usdcSize=0.211909), trade(1), trade(2, **DOWN)])
    assert {i.symbol: i.lot_decimals for i in found.instruments} == {"btc-up:Up": 6, "btc-up:Down": 2}


def test_newest_first_is_turned_round_so_that_a_second_keeps_its_order(tmp_path):
    rows = [trade(0, size=3), trade(1, size=2, timestamp=1_771_371_995), trade(2, size=1)]
    found = read(tmp_path, rows)
    assert [f.lots for f in found.fills] == [100, 200, 300]


def test_a_redemption_of_one_holding_pays_it_and_the_other_outcome_is_worth_nothing(tmp_path):
    found = read(tmp_path, [redeem(0, 10), trade(1, size=10), trade(2, size=4, **DOWN)])
    assert settled(found) == [
        ("redeem", "Up", "1000", 10_000, 10_000_000, True),
        ("worthless", "Down", "400", 0, 0, False),
    ]
    assert found.settlements[0].market == "0xc0"


def test_two_outcomes_held_alike_are_settled_at_half_each_for_the_same_money(tmp_path):
    found = read(tmp_path, [redeem(0, 10), trade(1, size=10), trade(2, size=10, **DOWN)])
    assert sorted(settled(found)) == [
        ("redeem", "Down", "1000", 5_000, 5_000_000, False),
        ("redeem", "Up", "1000", 5_000, 5_000_000, False),
    ]


def test_the_holding_that_matches_to_the_last_digit_is_the_one_redeemed(tmp_path):
    found = read(tmp_path, [redeem(0, 9.99), trade(1, size=10), trade(2, size=9.99, **DOWN)])
    assert [row[1] for row in settled(found) if row[0] == "redeem"] == ["Down"]


def test_a_redemption_of_nothing_is_a_loss_of_the_one_outcome_held(tmp_path):
    found = read(tmp_path, [redeem(0, 0), trade(1, size=10)])
    assert settled(found) == [("worthless", "Up", "1000", 0, 0, True)]


def test_holding_both_outcomes_one_cannot_lose_so_nothing_is_concluded(tmp_path):
    found = read(tmp_path, [redeem(0, 0), trade(1, size=10), trade(2, size=10, **DOWN)])
    assert settled(found) == [("redeem", None, "0", None, 0, True)]
    assert any("1 redemptions" in note for note in found.notes)


def test_a_redemption_of_what_the_file_never_bought_is_kept_without_an_outcome(tmp_path):
    found = read(tmp_path, [redeem(0, 7, conditionId="0xother"), trade(1)])
    assert found.settlements == [
        Settlement("redeem", found.settlements[0].ns, None, 7_000_000, 1_000_000, 7_000_000, "0xother")
    ]


def test_what_was_redeemed_is_gone_and_cannot_be_redeemed_again(tmp_path):
    found = read(tmp_path, [redeem(0, 10), redeem(1, 10), trade(2, size=10)])
    assert [(row[0], row[1]) for row in settled(found)] == [("redeem", "Up"), ("redeem", None)]


def test_a_merge_leaves_less_to_redeem(tmp_path):
    rows = [
        redeem(0, 6),
        trade(1, type="MERGE", size=4, usdcSize=4, asset=""),
        trade(2, size=10),
        trade(3, size=4, **DOWN),
    ]
    found = read(tmp_path, rows)
    assert [(row[0], row[1], row[4]) for row in settled(found)] == [
        ("merge", None, 4_000_000),
        ("redeem", "Up", 6_000_000),
    ]


def test_rebates_come_in_and_splits_go_out(tmp_path):
    rows = [trade(0, type=kind, size=2, usdcSize=2, asset="") for kind in ("MAKER_REBATE", "SPLIT")]
    found = read(tmp_path, [*rows, trade(3)])
    assert sorted((s.kind, s.money) for s in found.settlements) == [("rebate", 2_000_000), ("split", -2_000_000)]


def test_a_page_fetched_twice_counts_once(tmp_path):
    found = read(tmp_path, [redeem(0, 10), trade(1), redeem(0, 10), trade(1)])
    assert len(found.fills) == 1
    assert len(found.settlements) == 1
    assert len(found.issues) == 2


def test_trades_of_several_wallets_without_a_type_are_read_too(tmp_path):
    rows = [trade(0, type=..., usdcSize=...), trade(1, type=..., proxyWallet=OTHER, size=90, outcome=...)]
    (first,) = read_recordings([put(tmp_path, rows)])
    assert first.account == OTHER
    assert [(a.account, a.fills, a.traded) for a in first.other_accounts] == [(LEAD, 1, 4_500_000)]


@pytest.mark.parametrize("literal", [False, True])
def test_both_shapes_of_an_export_give_the_same_fills(tmp_path, literal):
    rows = [export(), export(amount="20.0", price="0.8300000000000001", value="16.6", side="sell", outcome="Yes")]
    if literal:
        dicts = [str(dict(zip(EXPORT.split(","), row.split(","), strict=True))) for row in rows]
        content = lines("data", *(f'"{d}"' for d in dicts))
    else:
        content = lines(EXPORT, *rows)
    found = read(tmp_path, content)
    assert {i.symbol for i in found.instruments} == {"Poland/Karol:No", "Poland/Karol:Yes"}
    assert [(f.side, f.price) for f in found.fills] == [(-1, 8300), (1, 5720)]
    assert found.fills[0].venue_ns == 1_748_627_415 * 10**9
    assert found.issues == []


def test_two_events_of_the_same_title_are_two_instruments(tmp_path):
    found = read(tmp_path, lines(EXPORT, export(event="1"), export(event="2")))
    assert sorted(i.symbol for i in found.instruments) == ["Poland/Karol:No", "Poland/Karol:No#2"]


def test_a_file_named_after_another_wallet_says_so_and_its_rows_count(tmp_path):
    (found,) = read_recordings([put(tmp_path, lines(EXPORT, export()), "activity_0xb49f46_2025.csv")])
    assert found.account == LEAD
    assert any("named after 0xb49f46" in note for note in found.notes)


@pytest.mark.parametrize(
    ("row", "price"),
    [
        (tape(), 3000),
        (tape(amount="0.26", shares="173766.83", price="0"), 1),
        (tape(amount="8.07", shares="173598.65", price="0"), 46),
        (tape(amount="3", shares="10", price="NA"), 3000),
        (tape(amount="9.5", shares="10", price="1"), 9500),
        (tape(amount="0", shares="0.01", price="0.3817"), 3817),
        (tape(amount="2", shares="2815.52", price="7e-04"), 7),
    ],
)
def test_a_price_the_tape_rounded_away_is_money_over_shares(tmp_path, row, price):
    found = read(tmp_path, lines(TAPE, row))
    assert found.fills[0].price == price
    assert found.instruments[0].symbol == "recording:Democrat"
    assert found.issues == []


def test_every_account_of_a_tape_can_be_the_lead(tmp_path):
    rows = [
        tape(),
        tape(amount="90", shares="100", price="0.9", who=OTHER),
        tape(type="Sell", time="2022-11-19 22:21:30"),
    ]
    path = put(tmp_path, lines(TAPE, *rows))
    (biggest,) = read_recordings([path])
    assert (biggest.account, biggest.other_accounts[0].account) == (OTHER, LEAD)
    assert [r.account for r in read_recordings([path], accounts=5)] == [OTHER, LEAD]
    (named,) = read_recordings([path], accounts=[LEAD.upper().replace("X", "x")])
    assert (named.account, [f.side for f in named.fills]) == (LEAD, [1, -1])
    (none,) = read_recordings([path], accounts=["0x00"])
    assert none.fills == []
    assert none.notes[-1] == "none of its 2 accounts is asked for"


def test_the_issues_of_a_file_are_told_once_however_many_accounts_are_read(tmp_path):
    rows = lines(TAPE, tape(), tape(who=OTHER), tape(shares="0"))
    first, second = read_recordings([put(tmp_path, rows)], accounts=2)
    assert only_issue(first).line == 4
    assert second.issues == []


def test_prices_that_contradict_the_money_and_sandwiches_are_counted(tmp_path):
    found = read(tmp_path, lines(TAPE, tape(price="0.5"), tape(v9="🥪")))
    told = " ".join(found.notes)
    assert "1 rows whose price differs" in told
    assert "1 rows are marked as part of a sandwich" in told
