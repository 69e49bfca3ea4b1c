"""A followers file says who copies whom: good rows count, bad ones are named by line and column."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import FollowersError
from pilotfish.domain.mandate import NO_LIMIT, Minimum
from pilotfish.domain.mandate_checks import check_follows
from pilotfish.engine.sane import MONEY_MAX
from pilotfish.worlds.followers import COLUMNS, read_followers
from pilotfish.worlds.population import USDC, split

LEADS = ["acc2", "acc3", "acc10"]
ROOT = Path(__file__).parents[2]


def read(tmp_path, text, **options):
    file = tmp_path / "followers.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_followers(file, options.pop("leads", LEADS), **options)


def test_what_is_left_out_gets_the_documented_default(tmp_path) -> None:
    p = read(tmp_path, "follower,capital\nann,90\n")
    assert p.follows.lead.tolist() == [0, 1, 2]
    assert p.follows.allocation.tolist() == [30 * USDC] * 3
    one = {name: int(column[0]) for name, column in p.follows.columns().items()}
    assert (one["sizing"], one["start"], one["open_bps"], one["exit_bps"]) == (0, 0, 50, 300)
    assert (one["order_cap"], one["position_cap"], one["total_cap"]) == (NO_LIMIT,) * 3
    assert (one["leverage_cap_e2"], one["minimum"], p.delays_ns.tolist()) == (2_000, Minimum.CARRY, [250_000_000])


def test_weights_split_the_capital_and_the_first_lead_gets_what_is_left(tmp_path) -> None:
    p = read(tmp_path, "follower,capital,lead\nann,1.000001,acc10:33.34;acc2:33.33;1:33.33\n")
    assert dict(zip(p.follows.lead.tolist(), p.follows.allocation.tolist(), strict=True)) == {
        2: 333_401, 0: 333_300, 1: 333_300,
    }  # fmt: skip


@given(st.integers(1, 10**15), st.lists(st.integers(1, 10**6), min_size=1, max_size=8))
def test_a_split_sums_to_the_capital_and_no_part_but_the_first_is_off_by_a_unit(capital, raw) -> None:
    shares = [Fraction(w, sum(raw)) for w in raw]
    parts = split(capital, [(s.numerator, s.denominator) for s in shares])
    assert sum(parts) == capital
    assert all(0 <= capital * s - part < 1 for s, part in list(zip(shares, parts, strict=True))[1:])
    assert 0 <= parts[0] - capital * shares[0] < len(parts)


def test_a_lead_is_known_by_its_name_before_its_index(tmp_path) -> None:
    p = read(
        tmp_path, "follower,capital,lead\nann,1,1\nbob,1,2\ncem,1,hl:x\ndee,1,hl:x:50;1:50\n", leads=["2", "1", "hl:x"]
    )
    assert list(zip(p.follows.follower.tolist(), p.follows.lead.tolist(), strict=True)) == [
        (1, 0), (0, 1), (3, 1), (2, 2), (3, 2),
    ]  # fmt: skip


def test_a_follower_may_have_several_rows_for_different_leads(tmp_path) -> None:
    p = read(tmp_path, "follower,capital,lead,delay_ms\nann,1,acc2,\nbob,2,acc2,\nann,3,acc3,400\n")
    assert p.names == ["ann", "bob"]
    assert p.follows.follower.tolist() == [0, 1, 0]
    assert p.delays_ns.tolist() == [400_000_000, 250_000_000]


BAD = [  # cell by column, the column blamed, a word of the reason
    ({"capital": "nan"}, "capital", "finite"),
    ({"capital": "-inf"}, "capital", "finite"),
    ({"capital": "-5"}, "capital", "negative"),
    ({"capital": "0"}, "capital", "zero"),
    ({"capital": ""}, "capital", "missing"),
    ({"capital": "1e99"}, "capital", "too large"),
    ({"capital": "9" * 500}, "capital", "not a number"),
    ({"capital": "1_000"}, "capital", "not a number"),
    ({"capital": '"1,000"'}, "capital", "not a number"),
    ({"capital": "٣"}, "capital", "not a number"),
    ({"capital": "0.0000001"}, "capital", "too small"),
    ({"capital": "1.0000001"}, "capital", "decimals"),
    ({"capital": "0.000002"}, "capital", "nothing for a lead"),
    ({"follower": ""}, "follower", "missing"),
    ({"follower": "a\x1b[31m"}, "follower", "no name"),
    ({"follower": "x" * 65}, "follower", "no name"),
    ({"lead": "acc99"}, "lead", "not a lead"),
    ({"lead": "3"}, "lead", "not a lead"),
    ({"lead": "acc2:40;acc3:30"}, "lead", "sum to 70"),
    ({"lead": "acc2:60;acc2:40"}, "lead", "twice"),
    ({"lead": "acc2:60;0:40"}, "lead", "twice"),
    ({"lead": "acc2:100;acc3:0"}, "lead", "not above zero"),
    ({"lead": "acc2:120;acc3:-20"}, "lead", "not above zero"),
    ({"lead": "acc2:50;acc3"}, "lead", "no weight"),
    ({"mode": "mirror"}, "mode", "unknown"),
    ({"value": "2"}, "value", "fixed_ratio"),
    ({"mode": "fixed_ratio"}, "value", "missing"),
    ({"mode": "fixed_ratio", "value": "0"}, "value", "zero"),
    ({"mode": "fixed_ratio", "value": "1001"}, "value", "too large"),
    ({"start": "now"}, "start", "unknown"),
    ({"max_order": "20", "max_position": "10"}, "max_order", "above max_position"),
    ({"max_position": "20", "max_total": "10"}, "max_position", "above max_total"),
    ({"max_order": "20", "max_total": "10"}, "max_order", "above max_total"),
    ({"max_order": "0"}, "max_order", "zero"),
    ({"max_total": "1e13"}, "max_total", "too large"),
    ({"max_leverage": "0"}, "max_leverage", "zero"),
    ({"allow": "BTC;ETH", "deny": "ETH"}, "deny", "ETH"),
    ({"deny": "DOGGE"}, "deny", "not traded"),
    ({"slippage_open_bps": "10000"}, "slippage_open_bps", "too large"),
    ({"slippage_exit_bps": "1.5"}, "slippage_exit_bps", "decimals"),
    ({"minimum": "drop"}, "minimum", "unknown"),
    ({"delay_ms": "-1"}, "delay_ms", "negative"),
    ({"delay_ms": "60001"}, "delay_ms", "too large"),
]


@pytest.mark.parametrize(("cells", "column", "why"), BAD, ids=lambda v: str(v)[:40] if isinstance(v, dict) else "")
def test_a_bad_row_is_named_and_the_good_ones_count(tmp_path, cells, column, why) -> None:
    names = list(dict.fromkeys(["follower", "capital", *cells]))
    bad = {"follower": "bad", "capital": "100", **cells}
    good = ["ann,100" + "," * (len(names) - 2), "zoe,100" + "," * (len(names) - 2)]
    text = "\n".join([",".join(names), good[0], ",".join(bad[n] for n in names), good[1]])
    p = read(tmp_path, text, symbols=["BTC", "ETH", "DOGE"])
    assert p.names == ["ann", "zoe"]
    assert len(p.follows) == 6
    (issue,) = p.issues
    assert (issue.file, issue.line, issue.column) == ("followers.csv", 3, column)
    assert why in issue.why
    assert issue.to_do
    assert "\x1b" not in str(issue)
    with pytest.raises(FollowersError, match=f"followers.csv:3:{column}"):
        read(tmp_path, text, strict=True, symbols=["BTC", "ETH", "DOGE"])


def test_the_same_follower_and_lead_twice_is_refused_the_second_time(tmp_path) -> None:
    p = read(tmp_path, "follower,capital,lead\nann,1,acc2\nann,2,acc2:50;acc3:50\n")
    assert p.follows.allocation.tolist() == [1 * USDC]
    assert [(i.line, i.column) for i in p.issues] == [(3, "lead")]


def test_a_follower_cannot_have_two_delays(tmp_path) -> None:
    p = read(tmp_path, "follower,capital,lead,delay_ms\nann,1,acc2,100\nann,1,acc3,200\nann,1,acc10,100\n")
    assert p.follows.lead.tolist() == [0, 2]
    assert [(i.line, i.column) for i in p.issues] == [(3, "delay_ms")]


def test_a_file_whose_capital_would_leave_int64_stops_in_time(tmp_path) -> None:
    text = "follower,capital,lead\n" + "".join(f"f{k},1e9,acc2\n" for k in range(3_000))
    p = read(tmp_path, text)
    assert sum(p.follows.allocation.tolist()) == int(p.follows.allocation.sum()) < MONEY_MAX
    assert {i.column for i in p.issues} == {"capital"}
    assert len(p.follows) + len(p.issues) == 3_000


@pytest.mark.parametrize(
    ("line", "column", "why"),
    [
        (b"bob", "", "1 cells"),
        (b"bob,1,acc2,x", "", "4 cells"),
        (b'"bob,1,acc2', "", "no CSV"),
        (b"b\xf6b,1,acc2", "follower", "not UTF-8"),
    ],
)
def test_a_damaged_line_spoils_only_itself(tmp_path, line, column, why) -> None:
    p = read(tmp_path, b"follower,capital,lead\r\n\r\nann,1,acc2\r\n" + line + b"\r\nzoe,1,acc2\r\n")
    assert p.names == ["ann", "zoe"]
    assert [(i.line, i.column) for i in p.issues] == [(4, column)]
    assert why in p.issues[0].why


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        (b"", "1:", "empty"),
        (b"\n ,,\n", "1:", "empty"),
        ("follower,capital\nann,1".encode("utf-16"), "1:", "not UTF-8"),
        (b"follower,capital\nann,\x001", "1:", "not UTF-8"),
        (b"follower\nann", "1:capital", "missing"),
        (b"follower,capital,max_postion\nann,1,5", "1:'max_postion'", "not a column"),
        (b"follower;capital\nann;1", "1:'follower;capital'", "not a column"),
        (b"follower,capital,capital\nann,1,2", "1:capital", "twice"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_whole(tmp_path, text, where, why) -> None:
    with pytest.raises(FollowersError) as refused:
        read(tmp_path, text)
    assert f"followers.csv:{where}" in str(refused.value)
    assert why in refused.value.why
    assert refused.value.to_do


def test_a_missing_file_is_an_error_with_a_remedy(tmp_path) -> None:
    with pytest.raises(FollowersError, match=r"nobody\.csv.*check the path"):
        read_followers(tmp_path / "nobody.csv", LEADS)


def test_a_file_of_bad_rows_leaves_nobody(tmp_path) -> None:
    p = read(tmp_path, "follower,capital\nann,0\n")
    assert (len(p.follows), p.names, p.delays_ns.size, len(p.issues)) == (0, [], 0, 1)


def test_a_spreadsheet_mark_and_capitals_in_the_header_are_understood(tmp_path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfFollower, Capital\nann, 1\n").names == ["ann"]


@given(st.text(max_size=200), st.booleans())
def test_no_text_crashes_the_reader(tmp_path_factory, text, headed) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(("follower,capital,lead,value\n" * headed + text).encode("utf-8", "surrogatepass"))
    try:
        p = read_followers(file, LEADS)
    except FollowersError:
        return
    assert len(p.names) == p.delays_ns.size
    check_follows(p.follows)


def test_the_page_shows_a_file_that_reads_without_issues(tmp_path) -> None:
    page = (ROOT / "docs/followers.md").read_text()
    p = read(tmp_path, page.split("```csv\n")[1].split("```")[0])
    assert (p.issues, p.names, len(p.follows)) == ([], ["ann", "bob", "cem"], 7)
    assert [c for c in COLUMNS if f"| `{c}` |" not in page] == []
