"""The terminal: a table in place where there is one, plain lines where there is none, and figures people can read."""

import io
from decimal import Decimal

import pytest
from rich.console import Console

from pilotfish.views.report import LiveView, figures, live_table, summary_table
from pilotfish.views.report.table import LiveRow, LiveTotals
from tests.unit.report_example import ROOT, changed, example

ROW = LiveRow(
    name="acc2", position="BTC −1.25", last_fill="buy 0.5 BTC at 61,200", followers=16_000, target_lots=123_123,
    held_lots=123_100, filled=645_351, missed=16_738, lag_p50_ms=156.2, lag_p99_ms=463.0, slippage_p50_bps=1.08,
    pnl=Decimal("-621.72"),
)  # fmt: skip
TOTALS = LiveTotals(ledger_sum=0, records=5_122, events_per_s=148_000.2, elapsed_s=31.2, remaining_s=3_700)


def _shown(what: object, width: int, terminal: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=terminal, color_system=None).print(what)
    return out.getvalue()


def test_the_live_table_shows_each_lead_and_the_totals() -> None:
    text = _shown(live_table([ROW], TOTALS, 160), 160)
    for said in ("acc2", "BTC −1.25", "buy 0.5 BTC at 61,200", "16,000", "123,100 / 123,123", "645,351", "16,738",
                 "156 ms / 463 ms", "1.08 bps", "−621.72", "ledger sum 0 ✓", "5,122 journal records",
                 "148,000 events/s", "0:31 elapsed", "1:01:40 left"):  # fmt: skip
        assert said in text


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_live_table_keeps_to_the_terminals_width(width: int) -> None:
    text = _shown(live_table([ROW], TOTALS, width), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "16,738" in text
    assert "156 ms / 463 ms" in text


def test_a_ledger_that_does_not_sum_to_zero_cannot_be_overlooked() -> None:
    text = _shown(live_table([ROW], changed(TOTALS, ledger_sum=-5), 160), 160)
    assert "ledger sum −5 ✗" in text


def test_without_a_terminal_there_are_plain_lines_without_control_codes() -> None:
    out = io.StringIO()
    with LiveView(Console(file=out, width=40)) as view:
        view.update([changed(ROW, name="evil\x1b[2J\nname [red]")], TOTALS)
        view.update([ROW], TOTALS)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("evil·[2J·name [red]: BTC −1.25; last fill")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_a_name_cannot_move_the_cursor() -> None:
    out = io.StringIO()
    with LiveView(Console(file=out, width=160, force_terminal=True, color_system=None)) as view:
        view.update([changed(ROW, name="evil\x1b[2J[bold]")], TOTALS)
    assert "evil·[2J[bold]" in out.getvalue()


def test_figures_that_do_not_exist_yet_are_dashes() -> None:
    row = changed(ROW, lag_p50_ms=None, lag_p99_ms=float("nan"), slippage_p50_bps=None, pnl=None)
    text = _shown(live_table([row], changed(TOTALS, events_per_s=None, remaining_s=None), 160), 160)
    assert "– / –" in text
    assert "nan" not in text
    assert "left" not in text


def test_the_summary_holds_the_root_and_the_cautions() -> None:
    text = _shown(summary_table(example()), 160)
    assert ROOT in text
    assert "2,000 intended: 95.00% filled, 40 in part, 60 missed" in text
    assert "! Prices and depth between the lead's fills are modelled" in text
    assert "contradicts" not in text
    wrong = changed(example(), ledger=changed(example().ledger, sum_by_asset={"USDC": 7}))
    assert "NOT to zero ✗" in _shown(summary_table(wrong), 160)
    assert "This report contradicts itself" in _shown(summary_table(wrong), 160)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (figures.number(1234.5), "1,234.50"),
        (figures.number(-0.0), "0.00"),
        (figures.number(0.000123), "0.00012"),
        (figures.number(-3, 0, signed=True), "−3"),
        (figures.number(12_345_678.9), "12,345,679"),
        (figures.number(float("inf")), "–"),
        (figures.number(Decimal("NaN")), "–"),
        (figures.money(Decimal("2.5"), "USDC", signed=True), "+2.50 USDC"),
        (figures.quantity(Decimal("-12000000.500")), "−12,000,000.5"),
        (figures.percent(999_999, 1_000_000), "99.99%"),
        (figures.percent(1, 1_000_000), "0.01%"),
        (figures.percent(5, 5), "100%"),
        (figures.percent(0, 5), "0%"),
        (figures.percent(1, 0), "–"),
        (figures.duration(0.0123), "12.3 µs"),
        (figures.duration(0), "0 ms"),
        (figures.duration(240.4), "240 ms"),
        (figures.duration(1_384), "1.38 s"),
        (figures.duration(90_000), "1.50 min"),
        (figures.duration(7_200_000), "2.00 h"),
        (figures.memory(412_000_000), "392.9 MiB"),
        (figures.moment(1_784_419_200_000), "2026-07-19 00:00 UTC"),
        (figures.moment(10**18), "–"),
        (figures.shorten("0123456789abcdef0123"), "01234567…cdef0123"),
        (figures.sentence("the mandate's order cap"), "The mandate's order cap."),
    ],
)
def test_a_figure_reads_as_people_write_it(shown: str, text: str) -> None:
    assert shown == text
