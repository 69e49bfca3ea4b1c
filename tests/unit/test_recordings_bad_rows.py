"""Whatever a file holds: bad rows become issues that name file, line, column, why and remedy; good rows count."""

import pytest

from tests.unit.recordings_samples import (
    EXPORT,
    SHEET,
    TAPE,
    export,
    hl,
    lines,
    only_issue,
    read,
    sheet,
    tape,
    trade,
)

GOOD = [hl(k) for k in range(3)]
HL_ROWS = {
    "no coin": ({"coin": ""}, "coin"),
    "coin missing": ({"coin": ...}, "coin"),
    "impossible coin": ({"coin": "B T C\n;--"}, "coin"),
    "coin no text": ({"coin": 7}, "coin"),
    "zero price": ({"px": "0.0"}, "px"),
    "negative price": ({"px": "-1"}, "px"),
    "zero size": ({"sz": "0"}, "sz"),
    "negative size": ({"sz": "-0.5"}, "sz"),
    "size missing": ({"sz": ...}, "sz"),
    "size not a number": ({"sz": "1_000"}, "sz"),
    "size a list": ({"sz": [1]}, "sz"),
    "size a truth": ({"sz": True}, "sz"),
    "nan": ({"px": float("nan")}, "px"),
    "nan as text": ({"px": "NaN"}, "px"),
    "infinity": ({"sz": float("inf")}, "sz"),
    "overflow": ({"sz": "1e30"}, "sz"),
    "float overflow": ({"sz": 1e30}, "sz"),
    "huge exponent": ({"px": "1e9999"}, "px"),
    "endless exponent": ({"px": "1e999999999"}, "px"),
    "endless decimals": ({"sz": "0." + "1" * 60}, "sz"),
    "too fine a lot": ({"sz": "0.123456789"}, "sz"),
    "side unknown": ({"side": "buy"}, "side"),
    "time in seconds": ({"time": 1_784_500_000}, "time"),
    "time in nanoseconds": ({"time": 1_784_500_000_000_000_000}, "time"),
    "time negative": ({"time": -1}, "time"),
    "time no number": ({"time": "yesterday"}, "time"),
    "time fractional": ({"time": 1_784_500_000_000.5}, "time"),
    "fee not a number": ({"fee": "free"}, "fee"),
    "fee overflows": ({"fee": "1e29"}, "fee"),
    "start not a number": ({"startPosition": "flat"}, "startPosition"),
    "oid beyond int64": ({"oid": 2**64}, "oid"),
    "oid of 5000 digits": ({"oid": "9" * 5000}, "oid"),
}


@pytest.mark.parametrize(("changed", "column"), HL_ROWS.values(), ids=HL_ROWS.keys())
def test_a_bad_fill_is_named_and_its_neighbours_are_kept(tmp_path, changed, column):
    found = read(tmp_path, [GOOD[0], hl(7, **changed), GOOD[1]])
    issue = only_issue(found)
    assert (issue.file, issue.line, issue.column) == ("recording", 1, f"[1].{column}")
    assert [f.fill_id for f in found.fills] == [5000, 5001]
    assert str(issue).startswith(f"recording:1:[1].{column}: ")


SHEET_ROWS = {
    "zero size": (sheet(size="0"), "Size Tokens"),
    "side": (sheet(side="LONG"), "Side"),
    "month first": (sheet(time="03-17-2025 04:48"), "Timestamp IST"),
    "no time": (sheet(time=""), "Timestamp IST"),
    "account": (sheet(account="me"), "Account"),
    "order id lost": (sheet(oid="8.02E+10.5"), "Order ID"),
    "no start": (sheet(start=""), "Start Position"),
    "reference error": (sheet(px="#REF!"), "Execution Price"),
    "thousands": (sheet(px='"82,255"'), "Execution Price"),
    "too fine": (sheet(size="0.0000001"), "Size Tokens"),
    "cells missing": ("0x,BTC", ""),
    "cell too many": (sheet() + ",x", ""),
}
EXPORT_ROWS = {
    "price one": (export(price="1.0"), "price"),
    "price above one": (export(price="57.2"), "price"),
    "amount zero": (export(amount="0"), "amount"),
    "amount below a unit": (export(amount="0.0000001"), "size"),
    "amount infinite": (export(amount="inf"), "amount"),
    "side": (export(side="hold"), "side"),
    "time": (export(time="30/05/2025"), "trade_dttm"),
    "no title": (export(title=""), "market_title"),
    "trader": (export(who="dada"), "trader_id"),
    "value": (export(value="much"), "value"),
}
TAPE_ROWS = {
    "nothing traded": (tape(shares="0"), "Shares"),
    "no price and no money": (tape(price="0", amount="0"), "Price"),
    "price NA, money too": (tape(price="NA", amount="NA"), "Amount"),
    "negative price": (tape(price="-0.3"), "Price"),
    "negative money": (tape(amount="-3"), "Amount"),
    "type": (tape(type="Swap"), "Type"),
    "account": (tape(who="0x12"), "Account"),
    "time": (tape(time="soon"), "Timestamp"),
}


@pytest.mark.parametrize(
    ("header", "good", "bad", "column"),
    [
        *((SHEET, sheet(), bad, column) for bad, column in SHEET_ROWS.values()),
        *((EXPORT, export(), bad, column) for bad, column in EXPORT_ROWS.values()),
        *((TAPE, tape(), bad, column) for bad, column in TAPE_ROWS.values()),
    ],
    ids=[*SHEET_ROWS, *(f"export {n}" for n in EXPORT_ROWS), *(f"tape {n}" for n in TAPE_ROWS)],
)
def test_a_bad_row_of_a_table_is_named_by_line_and_column(tmp_path, header, good, bad, column):
    found = read(tmp_path, lines(header, bad, good))
    issue = only_issue(found)
    assert (issue.line, issue.column) == (2, column)
    assert len(found.fills) == 1


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"proxyWallet": "me"}, "proxyWallet"), ({"asset": ""}, "asset"), ({"side": ""}, "side"), ({"size": 0}, "size"),
        ({"size": -1}, "size"), ({"price": 0}, "price"), ({"price": 1.5, "usdcSize": ...}, "price"),
        ({"type": "GIFT"}, "type"), ({"timestamp": 1_771_371_995_000}, "timestamp"),
        ({"type": "REDEEM", "size": -3}, "size"), ({"type": "REDEEM", "usdcSize": float("nan")}, "usdcSize"),
    ],
)  # fmt: skip
def test_a_bad_row_of_activity_is_named(tmp_path, changed, column):
    found = read(tmp_path, [trade(0), trade(1, **changed), trade(2)])
    assert only_issue(found).column == f"[1].{column}"
    assert len(found.fills) == 2


@pytest.mark.parametrize("literal", ["{'side': open('x')}", "{" * 5000, "[1]", "{'a': }", "'text'", "{'a': 1}" + "\\0"])
def test_a_cell_that_is_no_dict_literal_is_never_evaluated(tmp_path, literal):
    good = str(dict(zip(EXPORT.split(","), export().split(","), strict=True)))
    found = read(tmp_path, lines("data", f'"{good}"', f'"{literal}"', f'"{good}"'))
    assert only_issue(found).line == 3
    assert len(found.fills) == 2


def test_a_missing_column_is_named_and_nothing_is_guessed(tmp_path):
    found = read(tmp_path, lines(SHEET.replace("Start Position", "Start"), sheet()))
    issue = only_issue(found)
    assert (issue.line, issue.column, issue.why) == (1, "Start Position", "the column is missing")
    assert found.fills == []


@pytest.mark.parametrize(("header", "row"), [(SHEET, sheet()), (EXPORT, export()), (TAPE, tape())])
def test_an_extra_column_is_noted_and_left_unread(tmp_path, header, row):
    found = read(tmp_path, lines(header + ",Mood", row + ",fine"))
    assert len(found.fills) == 1
    assert found.issues == []
    assert "columns not read: 'Mood'" in found.notes


def test_a_repeated_fill_is_dropped_and_a_changed_one_with_its_id_too(tmp_path):
    found = read(tmp_path, [hl(0), hl(1), hl(0), hl(1, px="9")])
    assert [f.fill_id for f in found.fills] == [5000, 5001]
    same, other = found.issues
    assert "repeats the fill of line 1" in same.why
    assert "other content" in other.why
    assert found.instruments[0].show_price(found.fills[1].price) == 3000.5


def test_a_row_pasted_twice_into_a_spreadsheet_is_dropped_though_its_trade_id_is_lost(tmp_path):
    found = read(tmp_path, lines(SHEET, sheet(), sheet(), sheet(start="0.5")))
    assert "repeats the fill of line 2" in only_issue(found).why
    assert len(found.fills) == 2


def test_equal_rows_without_any_id_both_count_and_are_noted(tmp_path):
    for content in (lines(TAPE, tape(), tape()), lines(EXPORT, export(), export())):
        found = read(tmp_path, content)
        assert len({f.fill_id for f in found.fills}) == 2
        assert any("1 rows repeat another" in note for note in found.notes)


def test_one_row_in_absurd_units_does_not_cost_the_others(tmp_path):
    """10^14 tokens beside a lot of 10^-6: one of the two cannot be meant, and the finer goes."""
    found = read(tmp_path, [hl(0, sz="0.000001"), hl(1, sz="100000000000000", px="3"), hl(2)])
    assert "leaves int64" in only_issue(found).why
    assert len(found.fills) == 2
