"""The charts about money: the equity of leads and followers over time, and where followers' result went."""

from __future__ import annotations

from decimal import Decimal

from pilotfish.views.report import figures as fig
from pilotfish.views.report.charts import LEAD_COLOURS, LEGEND, Chart, Figure, band, layout, percent, safe
from pilotfish.views.report.checks import part_bps
from pilotfish.views.report.schema import Report

MEANING = {
    "delay": "the price moved between the lead's fill and the decision to copy it",
    "slippage": "the copy's fill against the price at the decision",
    "fee": "all that was charged",
    "venue_fee": "of the fee: what the venue charged for the copies",
    "copy_fee": "of the fee: subscriptions and performance fees",
    "funding": "funding paid or received on the copied positions",
    "rounding": "positions come in whole lots; the rest is carried",
    "missed": "copies not made or made in part; above zero where missing them avoided a loss",
    "hedge": "hedging the copied exposure, at the prices it was decided by",
    "insurance": "paid by the pool to accounts that went below zero",
}
RARE = ("hedge", "insurance")  # parts that only stand in the chart where there are any


def equity(report: Report) -> Chart:
    times, curves = report.equity.times_ms, [c for c in report.equity.leads if any(x is not None for x in c.return_bps)]
    title, everyone = "Equity: leads and their followers", report.equity.followers
    if len(times) < 2 or not (curves or any(x is not None for x in everyone.p50)):
        return Chart(
            id="equity", title=title, says="The run was too short for a curve: no two points in time with a result."
        )
    names = {lead.id: lead.name for lead in report.leads}
    data: list[Figure] = []
    owner: list[str | None] = []  # whose followers a trace shows; None for all
    for curve_id, b in [(None, everyone), *((c.id, c.followers) for c in curves)]:
        if b is not None and b.p50:
            label = "all followers" if curve_id is None else f"followers of {names.get(curve_id, curve_id)}"
            made = band(times, b, label)
            data += [{**trace, "visible": curve_id is None} for trace in made]
            owner += [curve_id] * len(made)
    bands = len(data)
    for i, curve in enumerate(curves):
        name = safe(names.get(curve.id, curve.id))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": times,
                "y": [percent(x) for x in curve.return_bps],
                "name": name,
                "line": {"color": f"$c{i % LEAD_COLOURS}", "width": 1.8},
                "hovertemplate": f"{name} %{{y:.2f}}%<extra></extra>",
            }
        )
    views = [("All leads", [who is None for who in owner] + [True] * len(curves))]
    for i, curve in enumerate(curves):
        own = [who == curve.id for who in owner]
        shown = own if any(own) else [who is None for who in owner]
        views.append((names.get(curve.id, curve.id), shown + [i == j for j in range(len(data) - bands)]))
    says = (
        "A lead's return is on the equity assumed for it, a follower's on the most it had deposited. The band holds "
        f"90% of followers (p5 to p95). {fig.moment(times[0])} to {fig.moment(times[-1])}; "
        "drag to zoom, double-click to reset."
    )
    return Chart(id="equity", title=title, says=says, figure={"data": data, "layout": _zoomable()}, views=views)


def _zoomable() -> Figure:
    """Time along the bottom, with a slider and buttons for a span."""
    buttons = [
        {"step": s, "count": n, "label": t, "stepmode": "backward"}
        for s, n, t in (("hour", 1, "1 h"), ("hour", 6, "6 h"), ("day", 1, "1 d"), ("day", 7, "1 w"))
    ]
    return layout(
        460,
        hovermode="x unified",
        showlegend=True,
        legend={"traceorder": "normal", **LEGEND},
        xaxis={
            "type": "date",
            "rangeslider": {"visible": True, "thickness": 0.09, "bordercolor": "$line", "borderwidth": 1},
            "rangeselector": {
                "buttons": [*buttons, {"step": "all", "label": "all"}],
                "bgcolor": "$chip",
                "activecolor": "$band",
                "font": {"color": "$ink"},
                "y": 1.04,
            },
        },
        yaxis={"ticksuffix": "%", "title": {"text": "return"}, "zerolinecolor": "$muted"},
        margin={"t": 44},
    )


def waterfall(report: Report) -> Chart:
    title, a, asset = "Attribution: what copying cost", report.attribution, report.money_asset
    parts = a.parts()
    if not any(parts.values()) and not a.total:
        return Chart(id="attribution", title=title, says="Nothing was copied, so there is nothing to attribute.")
    total_bps = part_bps(a.total, a.copied_notional)
    says = (
        f"Against an ideal copy (instant, free, unrounded) followers are {fig.money(a.total, asset, signed=True)} apart"
    )
    says += (
        f", {fig.bps(total_bps, signed=True)} of {fig.money(a.copied_notional, asset)} copied"
        if total_bps is not None
        else ""
    )
    says += ". Below zero is a cost to followers; the parts sum to the total exactly."
    if any(not amount.is_finite() for amount in [*parts.values(), a.total]):
        return Chart(id="attribution", title=title, says="An amount is not a number, so no waterfall is drawn.")
    rows: list[tuple[str, Decimal, str]] = [
        (name.capitalize(), amount, "relative") for name, amount in parts.items() if amount or name not in RARE
    ]
    widest = max(abs(amount) for amount in [*parts.values(), a.total])
    last = "Together"
    if a.ideal_pnl is not None and a.ideal_pnl.is_finite():
        says += f" The ideal copy would have made {fig.money(a.ideal_pnl, asset, signed=True)}"
        says += f", followers made {fig.money(a.ideal_pnl + a.total, asset, signed=True)}."
        if abs(a.ideal_pnl) <= 12 * widest:  # a longer bar would leave nothing to see of the parts
            rows.insert(0, ("Ideal copy", a.ideal_pnl, "absolute"))
            last = "Followers"
    end = sum((amount for _, amount, _ in rows), Decimal(0)) if last == "Followers" else a.total
    rows.append((last, end, "total"))
    words = [
        _words(amount, a.copied_notional if kind == "relative" or last == "Together" else None)
        for _, amount, kind in rows
    ]
    spots = _spots(rows[:-1])
    pad = (max(spots) - min(spots)) * 0.34 or 1.0
    trace: Figure = {
        "type": "waterfall",
        "orientation": "h",
        "y": [name for name, _, _ in rows],
        "x": [float(x) for _, x, _ in rows],
        "measure": [kind for _, _, kind in rows],
        "text": words,
        "textposition": "outside",
        "cliponaxis": False,
        "connector": {"line": {"color": "$line", "width": 1}},
        "increasing": {"marker": {"color": "$good"}},
        "decreasing": {"marker": {"color": "$bad"}},
        "totals": {"marker": {"color": "$follow"}},
        "customdata": [f"{name}: {w}" for (name, _, _), w in zip(rows, words, strict=True)],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    shape = layout(
        380,
        yaxis={"autorange": "reversed", "fixedrange": True},
        margin={"l": 70},
        xaxis={"title": {"text": safe(asset)}, "tickformat": "~s", "range": [min(spots) - pad, max(spots) + pad]},
    )
    return Chart(id="attribution", title=title, says=says, figure={"data": [trace], "layout": shape})


def _spots(rows: list[tuple[str, Decimal, str]]) -> list[float]:
    """Where the bars begin and end, from nothing on."""
    reached, spots = Decimal(0), [0.0]
    for _, amount, kind in rows:
        reached = amount if kind == "absolute" else reached + amount
        spots.append(float(reached))
    return spots


def _words(amount: Decimal, notional: Decimal | None) -> str:
    share = part_bps(amount, notional)
    return fig.money(amount, signed=True) + (f" ({fig.bps(share, signed=True)})" if share is not None else "")
