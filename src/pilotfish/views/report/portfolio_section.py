"""One portfolio on the page: its net asset value by day, its costs, its yearly figures, and what was too small."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from pilotfish.views.report import figures as fig
from pilotfish.views.report.charts import LEGEND, Chart, Figure, layout, safe
from pilotfish.views.report.dom import ROWS_MAX, capped, card, el, more, says, table
from pilotfish.views.report.schema import Report
from pilotfish.views.report.schema_terms import Annual, Portfolio

_SCATTERED = "too few days"


def nav(report: Report) -> Chart:
    """Net asset value, before and after the copy fees, beside what was deposited."""
    title, found = "Net asset value", report.portfolio
    if found is None or len(found.nav) < 2:
        return Chart(id="nav", title=title, says="The portfolio was not replayed for long enough to draw it.")
    times, asset = [day.at_ms for day in found.nav], report.money_asset
    lines: list[tuple[str, list[float], Figure]] = [
        ("after all fees", [float(d.nav) for d in found.nav], {"color": "$follow", "width": 2.2}),
        (
            "before copy fees",
            [float(d.equity + d.subscription + d.performance) for d in found.nav],
            {"color": "$c1", "width": 1.4, "dash": "dash"},
        ),
        ("deposited", [float(d.deposited) for d in found.nav], {"color": "$muted", "width": 1.2, "dash": "dot"}),
    ]
    data = [
        {
            "type": "scatter", "mode": "lines", "x": times, "y": values, "name": name, "line": line,
            "hovertemplate": f"{name} %{{y:,.2f}} {safe(asset)}<extra></extra>",
        }
        for name, values, line in lines
    ]  # fmt: skip
    shape = layout(
        380, hovermode="x unified", showlegend=True, legend={"traceorder": "normal", **LEGEND},
        xaxis={"type": "date"}, yaxis={"title": {"text": safe(asset)}},
    )  # fmt: skip
    return Chart(
        id="nav",
        title=title,
        says=f"Money and positions at the last prices traded, less fees that have accrued. {_span(found)}",
        figure={"data": data, "layout": shape},
    )


def _span(found: Portfolio) -> str:
    first, last = found.nav[0].at_ms, found.nav[-1].at_ms
    asked = "" if found.days > found.days_asked - 0.01 else f" of {found.days_asked:g} asked for"
    return f"{fig.moment(first)} to {fig.moment(last)}: {fig.number(found.days, 1)} days{asked}."


def figures_table(report: Report) -> list[Element]:
    """Returns and yearly figures with their intervals, the cost breakdown, and the notes."""
    found, asset = report.portfolio, report.money_asset
    if found is None or not found.nav:
        return []
    last, weights = (
        found.nav[-1],
        ", ".join(
            f"{share:g}% {fig.shorten(name)}" for name, share in sorted(found.weights.items(), key=lambda e: -e[1])
        ),
    )
    total = Annual(percent=found.return_percent, low=found.return_low, high=found.return_high)
    rows = [
        ["Capital", fig.money(found.capital, asset), weights],
        ["Gain", fig.money(found.gain, asset, signed=True), f"in {fig.number(found.days, 1)} days, after every fee"],
        ["Return", _percent(total), _interval(total, found)],
        ["A year, simple", _percent(found.simple), _interval(found.simple, found)],
        ["A year, compound", _percent(found.compound), _interval(found.compound, found)],
        ["Largest fall", f"{fig.number(found.drawdown_percent, 1)}%", "from the highest day before"],
        ["Subscription", fig.money(last.subscription, asset), "charged day by day, of each follow"],
        ["Performance fee", fig.money(last.performance, asset), "above the high-water mark"],
        ["Venue fees", fig.money(last.venue_fee, asset), ""],
        ["Funding", fig.money(last.funding, asset, signed=True), "above zero was received"],
        ["Insurance", fig.money(last.insurance, asset), "paid by the pool"],
    ]
    made = [table(["Figure", "Value", "What it is"], rows, (1,))]
    if found.block_days is not None:
        made.append(
            says(
                f"{found.level:.0%} intervals: a stationary bootstrap of {fig.integer(found.steps)} daily returns in "
                f"blocks of {fig.number(found.block_days, 1)} days on average, so about "
                f"{fig.integer(round(found.steps / found.block_days))} independent pieces. So few days support little: "
                "they know only what happened in them."
            )
        )
    else:
        made.append(says("Too few days for an interval: the yearly figures are arithmetic, not an expectation."))
    return made + [says(fig.sentence(note)) for note in found.notes]


def _percent(of: Annual) -> str:
    text = fig.number(of.percent, 1, signed=True)
    return text if text == fig.NONE else f"{text}%"


def _interval(of: Annual, found: Portfolio) -> str:
    if of.low is None or of.high is None:
        return _SCATTERED
    low, high = (fig.number(end, 1, signed=True) for end in (of.low, of.high))
    return f"{found.level:.0%}: {low}% to {high}%"


def too_small(report: Report) -> Element | None:
    found = report.portfolio
    if found is None:
        return None
    title, asset = "Too small to copy", report.money_asset
    if not found.too_small:
        return card(title, says("Every opening order of the leads was large enough in proportion."), id_="too-small")
    rows = [
        [
            fig.shorten(one.lead), one.symbol, f"{fig.integer(one.below)} of {fig.integer(one.orders)}",
            "yes" if one.copied else el("span", "never", class_="no"), fig.money(one.minimum),
            fig.money(one.needed_any), fig.money(one.needed_half), fig.money(one.needed_all),
        ]
        for one in found.too_small[:ROWS_MAX]
    ]  # fmt: skip
    head = ["Lead", "Instrument", "Too small", "Copied at all", "Minimum", "Needs: any", "Half", "All"]
    lost = sum(not one.copied for one in found.too_small)
    words = (
        f"Opening orders that {fig.money(found.capital, asset)} make smaller than the venue takes, and the capital "
        f"with which the largest, half, and all of them would reach it. Small wants add up until they are enough; "
        f"{fig.integer(lost)} of these {fig.integer(len(rows))} were never traded."
    )
    return card(title, says(words), capped(table(head, rows, range(4, 8))), more(len(found.too_small)), id_="too-small")
