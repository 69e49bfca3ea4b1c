"""Every column of a followers file: what it becomes, its default, and what is refused."""

import pytest

from pilotfish.copying.extension import register_sizer
from pilotfish.domain.errors import FollowersError
from pilotfish.domain.mandate import DEFAULTS, Direction, LeadGone, Minimum, Sizing, Start, SymbolRule
from pilotfish.worlds.followers import COLUMNS, read_followers
from pilotfish.worlds.population import USDC

LEADS = ["acc2", "acc3", "acc10"]


def read(tmp_path, text):
    file = tmp_path / "followers.csv"
    file.write_text(text)
    return read_followers(file, LEADS)


EVERYTHING = {  # cell by column: every one of them, none at its default
    "follower": "ann", "capital": "250.5", "lead": "acc3", "sizing": "fixed_ratio", "value": "0.25",
    "direction": "reverse", "sides": "short", "hedge": "45.5", "hedge_band": "2.5", "start": "better_price",
    "depth": "yes",
    "lookback": "8", "volume_multiple": "2.5", "skip_below": "12.34", "skip_leverage_below": "0.5",
    "hold_seconds": "1.5", "max_order": "100", "max_position": "200", "max_total": "300",
    "max_leverage": "2.5", "slippage_open_bps": "25",
    "slippage_exit_bps": "100", "minimum": "raise", "take_profit": "150", "stop_loss": "20", "trailing_stop": "10.25",
    "price_stop": "5", "equity_stop": "100", "margin_stop": "80", "close_stage": "25", "lead_gone": "reduce",
    "coupon": "yes", "allow": "BTC;ETH", "deny": "DOGE", "rebalance": "yes", "delay_ms": "120.5",
}  # fmt: skip


def test_a_row_becomes_a_follow_with_every_limit(tmp_path) -> None:
    assert tuple(EVERYTHING) == COLUMNS
    p = read(tmp_path, f"{','.join(EVERYTHING)}\n{','.join(EVERYTHING.values())}\n")
    assert (p.issues, p.names, p.delays_ns.tolist()) == ([], ["ann"], [120_500_000])
    got = {name: int(column[0]) for name, column in p.follows.columns().items()}
    assert got == {
        "follower": 0, "lead": 1, "allocation": 250_500_000, "sizing": Sizing.FIXED_RATIO, "value": 250_000_000,
        "start": Start.BETTER_PRICE, "open_bps": 25, "exit_bps": 100, "order_cap": 100 * USDC,
        "position_cap": 200 * USDC, "total_cap": 300 * USDC, "leverage_cap_e2": 250, "minimum": Minimum.RAISE,
        "rule": 1,
        "direction": Direction.REVERSE, "sides": 2, "hedge_bps": 4_550, "hedge_band_bps": 250, "depth": 1,
        "lookback": 8,
        "multiplier_cap_e2": 250, "lead_notional_min": 12_340_000, "lead_leverage_min_e2": 50,
        "hold_ns_min": 1_500_000_000, "take_profit_bps": 15_000, "stop_loss_bps": 2_000, "trailing_bps": 1_025,
        "price_stop_bps": 500, "equity_stop": 100 * USDC, "margin_stop_bps": 8_000, "stage_bps": 2_500,
        "lead_gone": LeadGone.REDUCE, "weight_bps": 10_000, "coupon": 1,
    }  # fmt: skip
    untouched = {name for name, value in got.items() if value == DEFAULTS.get(name)}
    assert untouched == set()
    assert p.follows.rules[1] == SymbolRule(("BTC", "ETH"), ("DOGE",))


def test_empty_cells_are_the_mandate_s_own_defaults(tmp_path) -> None:
    p = read(tmp_path, f"{','.join(COLUMNS)}\nann,90,acc3{',' * (len(COLUMNS) - 3)}\n")
    got = {name: int(column[0]) for name, column in p.follows.columns().items()}
    assert got == DEFAULTS | {"follower": 0, "lead": 1, "allocation": 90 * USDC}


@pytest.mark.parametrize(
    ("sizing", "value", "expected"),
    [
        ("proportional", "", (Sizing.PROPORTIONAL, 0)),
        ("Fixed_Ratio", "1.5", (Sizing.FIXED_RATIO, 1_500_000_000)),
        ("fixed_amount", "25.50", (Sizing.FIXED_AMOUNT, 25_500_000)),
        ("risk", "0.5", (Sizing.RISK, 50)),
    ],
)
def test_every_sizing_has_its_value(tmp_path, sizing, value, expected) -> None:
    p = read(tmp_path, f"follower,capital,lead,sizing,value\nann,100,acc2,{sizing},{value}\n")
    assert (p.issues, int(p.follows.sizing[0]), int(p.follows.value[0])) == ([], *expected)


def test_a_sizing_of_another_package_goes_by_its_name(tmp_path) -> None:
    register_sizer("tests.followers.a", lambda case: case.follows.allocation)
    register_sizer("tests.followers.b", lambda case: case.follows.allocation)
    rows = "ann,1,acc2,tests.followers.b\nbob,1,acc2,tests.followers.a\ncem,1,acc2,tests.followers.b\n"
    p = read(tmp_path, "follower,capital,lead,sizing\n" + rows)
    assert p.follows.sizing.tolist() == [Sizing.EXTENSION] * 3
    named = [p.follows.sizers[k] for k in p.follows.value.tolist()]
    assert named == ["tests.followers.b", "tests.followers.a", "tests.followers.b"]


def test_a_row_that_is_refused_names_no_sizer_that_nobody_uses(tmp_path) -> None:
    register_sizer("tests.followers.c", lambda case: case.follows.allocation)
    rows = "ann,0.000001,*,tests.followers.c\nbob,1,acc2,proportional\n"
    p = read(tmp_path, "follower,capital,lead,sizing\n" + rows)
    assert (len(p.issues), p.follows.sizers) == (1, [])


def test_a_file_of_old_still_says_mode(tmp_path) -> None:
    p = read(tmp_path, "follower,capital,lead,mode,value\nann,1,acc2,fixed_ratio,2\nbob,1,acc2,mirror,\n")
    assert p.follows.sizing.tolist() == [Sizing.FIXED_RATIO]
    assert [(i.line, i.column) for i in p.issues] == [(3, "mode")]
    with pytest.raises(FollowersError, match="twice"):
        read(tmp_path, "follower,capital,mode,sizing\nann,1,,\n")


def test_a_follower_who_rebalances_has_weights_that_make_the_whole(tmp_path) -> None:
    rows = "ann,1000,acc2:40;acc3:30;acc10:30,yes\nbob,1000,*,yes\ncem,1000,*,\n"
    f = read(tmp_path, "follower,capital,lead,rebalance\n" + rows).follows
    by_follower = [f.weight_bps[f.follower == k].tolist() for k in range(3)]
    assert by_follower == [[4_000, 3_000, 3_000], [3_334, 3_333, 3_333], [0, 0, 0]]


@pytest.mark.parametrize(("first", "second"), [("yes", ""), ("", "yes"), ("yes", "yes")])
def test_a_follower_who_rebalances_has_one_row(tmp_path, first, second) -> None:
    p = read(tmp_path, f"follower,capital,lead,rebalance\nann,1,acc2,{first}\nann,1,acc3,{second}\n")
    assert [(i.line, i.column) for i in p.issues] == [(3, "rebalance")]
    assert "in one row" in p.issues[0].to_do


BAD = [  # cell by column, the column blamed, a word of the reason
    ({"sizing": "mirror"}, "sizing", "not installed"),
    ({"sizing": "risk"}, "value", "missing"),
    ({"sizing": "risk", "value": "100.01"}, "value", "too large"),
    ({"sizing": "fixed_amount", "value": "0"}, "value", "zero"),
    ({"sizing": "fixed_amount", "value": "20", "max_order": "10"}, "value", "above max_order"),
    ({"sizing": "proportional", "value": "1"}, "value", "only for"),
    ({"direction": "up"}, "direction", "unknown"),
    ({"hedge": "29.99"}, "hedge", "too small"),
    ({"hedge": "70.01"}, "hedge", "too large"),
    ({"hedge": "50", "hedge_band": "50"}, "hedge_band", "as wide as the hedge"),
    ({"hedge_band": "5"}, "hedge_band", "no hedge"),
    ({"depth": "deep"}, "depth", "unknown"),
    ({"lookback": "33"}, "lookback", "too large"),
    ({"lookback": "1.5"}, "lookback", "decimals"),
    ({"volume_multiple": "2"}, "volume_multiple", "multiple of nothing"),
    ({"skip_below": "-1"}, "skip_below", "negative"),
    ({"skip_leverage_below": "0"}, "skip_leverage_below", "zero"),
    ({"hold_seconds": "604801"}, "hold_seconds", "too large"),
    ({"take_profit": "nan"}, "take_profit", "finite"),
    ({"stop_loss": "100"}, "stop_loss", "too large"),
    ({"trailing_stop": "0"}, "trailing_stop", "zero"),
    ({"price_stop": "0.001"}, "price_stop", "too small"),
    ({"equity_stop": "33.34"}, "equity_stop", "not below what each lead gets"),
    ({"margin_stop": "101"}, "margin_stop", "too large"),
    ({"close_stage": "0"}, "close_stage", "zero"),
    ({"lead_gone": "panic"}, "lead_gone", "unknown"),
    ({"coupon": "maybe"}, "coupon", "unknown"),
    ({"rebalance": "maybe"}, "rebalance", "unknown"),
    ({"lead": "acc2:99.995;acc3:0.005", "rebalance": "yes"}, "rebalance", "below 0.01%"),
]


@pytest.mark.parametrize(("cells", "column", "why"), BAD, ids=lambda v: str(v)[:40] if isinstance(v, dict) else "")
def test_a_mandate_that_cannot_be_is_refused_by_line_and_column(tmp_path, cells, column, why) -> None:
    row = {"follower": "bad", "capital": "100", **cells}
    p = read(tmp_path, f"{','.join(row)}\nann,100{',' * (len(row) - 2)}\n{','.join(row.values())}\n")
    assert p.names == ["ann"]
    (issue,) = p.issues
    assert (issue.line, issue.column) == (3, column)
    assert why in issue.why
    assert issue.to_do
