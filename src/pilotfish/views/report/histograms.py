"""The charts of samples: replication lag, slippage, tracking error; the real copiers of the same leads beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from pilotfish.views.report import figures as fig
from pilotfish.views.report.charts import LEAD_COLOURS, LEGEND, Chart, Figure, layout, safe, vertical
from pilotfish.views.report.metrics import WeightedSample
from pilotfish.views.report.schema import Distribution, LeadReport, RealCopy, Report

Field = Literal["lag_ms", "slippage_bps"]
_STRIP_POINTS_MAX = 2_000
_UNITS_MS = ((1e-3, "µs", 3), (1.0, "ms", 3), (1e3, "s", 2), (6e4, "min", 2), (3.6e6, "h", 2))
_TICKS = [(10**n * unit_ms, f"{10**n} {unit}") for unit_ms, unit, decades in _UNITS_MS for n in range(decades)]


def lag(report: Report) -> Chart:
    sample, real = report.lag_ms, real_values(report.leads, "lag_ms")
    chart = Chart(id="lag", title="Replication lag", says="No copy was filled, so there is no lag to show.")
    if not sample.count:
        return chart
    says = (
        f"From the lead's fill to the copy's: half of {fig.integer(sample.count)} copies within "
        f"{fig.duration(sample.p50)}, 99% within {fig.duration(sample.p99)}."
    )
    if real.count:
        p50, p99 = (fig.duration(x) for x in real.percentiles([50, 99]))
        says += f" The leads' real copiers: half within {p50}, 99% within {p99} ({fig.integer(real.count)} copies)."
    bins = _bins(sample)
    if not bins or bins[0][0] <= 0:
        return chart.with_(says=f"{says} There is no histogram for a log scale.")
    if sample.histogram and sample.histogram.below:
        says += f" {fig.integer(sample.histogram.below)} copies had no lag at all and are not on the log scale."
    positive = [x for x in real.columns()[0].tolist() if x > 0]
    low, high = min([bins[0][0], *positive]) / 1.15, max([bins[-1][1], *positive]) * 1.15
    axis: Figure = {"type": "log", "range": [math.log10(low), math.log10(high)], "title": {"text": "lag (log scale)"}}
    ticks = [(ms, text) for ms, text in _TICKS if low <= ms <= high]
    if len(ticks) > 1:
        axis |= {"tickvals": [ms for ms, _ in ticks], "ticktext": [text for _, text in ticks]}
    figure = _draw(sample, fig.duration, "copies", axis, [*_strip(report.leads, "lag_ms", low, high)])
    return chart.with_(says=says, figure=figure)


def slippage(report: Report) -> Chart:
    sample, bound, real = report.slippage_bps, report.bound_bps, real_values(report.leads, "slippage_bps")
    chart = Chart(id="slippage", title="Slippage", says="No copy was filled, so there is no slippage to show.")
    if not sample.count:
        return chart
    says = (
        f"The copy's price against the lead's own; above zero is worse for the follower. Half of "
        f"{fig.integer(sample.count)} copies: {fig.bps(sample.p50)} or better; 99%: {fig.bps(sample.p99)} or better."
    )
    if bound is not None:
        says += f" Most follows signed a bound of {fig.integer(bound)} bps on opens."
    bins, h = _bins(sample), sample.histogram
    if not bins or h is None:
        return chart.with_(says=f"{says} There is no histogram.")
    # Far outliers and a far bound would squeeze everything else into one bar: three times the sample's reach at most.
    reach = 3 * max(abs(bins[0][0]), abs(bins[-1][1]), 1.0)
    near = [x for x in real.percentiles([5, 95]) if x is not None]
    low, high = max(min([bins[0][0], *near]), -reach), min(max([bins[-1][1], *near]), reach)
    extra: list[Figure] = []
    if bound is not None and bound <= reach:
        high = max(high, bound * 1.06)
        extra.append(vertical(bound, max(h.counts) * 0.9, f"bound {bound} bps", "$bad", "left", "dash"))
    if real.count:
        values, counts = real.columns()
        outside = int(counts[(values < low) | (values > high)].sum())
        says += f" The leads' real copiers: half at {fig.bps(real.percentile(50))} or better"
        says += f"; {fig.integer(outside)} of {fig.integer(real.count)} are off the chart." if outside else "."
    if h.below or h.above:
        says += f" {fig.integer(h.below + h.above)} extreme copies are off the chart."
    axis = {"range": [low, high], "title": {"text": "slippage, bps (worse →)"}}
    figure = _draw(sample, fig.bps, "copies", axis, [*extra, *_strip(report.leads, "slippage_bps", low, high)])
    return chart.with_(says=says, figure=figure)


def tracking(report: Report) -> Chart:
    sample = report.tracking_error.bps
    chart = Chart(id="tracking", title="Tracking error", says="No follower held a position: there is nothing to track.")
    if not sample.count:
        return chart
    says = (
        f"How far each of {fig.integer(sample.count)} followers strays from its leads' scaled result: on average "
        f"{fig.bps(sample.mean)}, half within {fig.bps(sample.p50)}, 99% within {fig.bps(sample.p99)}. "
        f"{fig.sentence(report.tracking_error.how)}"
    ).strip()
    bins = _bins(sample)
    if not bins:
        return chart.with_(says=f"{says} There is no histogram.")
    axis = {"range": [bins[0][0], bins[-1][1]], "title": {"text": "tracking error, bps of allocation"}}
    return chart.with_(says=says, figure=_draw(sample, fig.bps, "followers", axis, []))


def real_values(leads: Sequence[LeadReport], field: Field) -> WeightedSample:
    """The real copiers' own figures."""
    sample = WeightedSample()
    sample.add([x for lead in leads for c in lead.real_copiers if (x := getattr(c, field)) is not None])
    return sample


def _bins(sample: Distribution) -> list[tuple[float, float, int]]:
    """(from, to, count) of each bin; none where the histogram is missing or does not fit its edges."""
    h = sample.histogram
    if h is None or not h.counts or len(h.edges) != len(h.counts) + 1:
        return []
    return [(a, b, n) for (a, b), n in zip(pairwise(h.edges), h.counts, strict=True)]


def _draw(
    sample: Distribution, text: Callable[[float | None], str], unit: str, axis: Figure, more: Sequence[Figure]
) -> Figure:
    """Bars of each bin's own width, p50 and p99 as lines, and `more` traces: those on y2 go into a strip below."""
    bins = _bins(sample)
    top = (max(n for _, _, n in bins) or 1) * 1.04
    bars = {
        "type": "bar",
        "x": [(a + b) / 2 for a, b, _ in bins],
        "y": [n for _, _, n in bins],
        "width": [b - a for a, b, _ in bins],
        "marker": {"color": "$follow", "line": {"width": 0}},
        "customdata": [f"{text(a)} to {text(b)}<br>{fig.integer(n)} {unit}" for a, b, n in bins],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    lines = _percentile_lines(sample, text, axis, top)
    rows = [trace["y"][0] for trace in more if trace.get("yaxis") == "y2"]
    share = min(0.04 + 0.045 * len(rows), 0.3) if rows else 0.0
    counts = {"range": [0, top * 1.12], "tickformat": "~s", "fixedrange": True, "domain": [share and share + 0.03, 1]}
    shape = layout(340 + 14 * len(rows), bargap=0, xaxis=axis, yaxis=counts)
    if rows:
        span = [min(rows) - 0.7, max(rows) + 0.7]
        shape["yaxis2"] = {"domain": [0, share], "visible": False, "fixedrange": True, "range": span}
        shape["xaxis"]["anchor"] = "y2"
        shape |= {"showlegend": True, "legend": LEGEND}
    return {"data": [{"showlegend": False, **trace} for trace in [bars, *lines, *more]], "layout": shape}


def _percentile_lines(
    sample: Distribution, text: Callable[[float | None], str], axis: Figure, top: float
) -> list[Figure]:
    """p50 labelled on its left and p99 on its right, unless that would leave the chart: then below each other."""
    low, high = axis["range"]

    def along(x: float) -> float:
        at = math.log10(max(x, 1e-12)) if axis.get("type") == "log" else x
        return float((at - low) / (high - low))

    p50, p99 = sample.p50, sample.p99
    if p50 is None or p99 is None:
        return []
    left = along(p50) > 0.3
    right = along(p99) < 0.7
    level = top if left and right else top * 0.92
    return [
        vertical(p50, top, f"p50 {text(p50)}", "$ink", "left" if left else "right"),
        vertical(p99, level, f"p99 {text(p99)}", "$ink", "right" if right else "left"),
    ]


def _strip(leads: Sequence[LeadReport], field: Field, low: float, high: float) -> list[Figure]:
    """The real copiers' own figures as ticks below the histogram, one colour a lead."""
    found: list[Figure] = []
    for i, lead in enumerate(leads):
        inside = [c for c in lead.real_copiers if (x := getattr(c, field)) is not None and low <= x <= high]
        inside = inside[:: max(1, -(-len(inside) // _STRIP_POINTS_MAX))]
        colour = f"$c{i % LEAD_COLOURS}"
        trace = {
            "type": "scatter",
            "mode": "markers",
            "x": [getattr(c, field) for c in inside],
            "y": [-i] * len(inside),
            "yaxis": "y2",
            "name": safe(f"real copiers of {lead.name}"),
            "showlegend": True,
            "marker": {"symbol": "line-ns-open", "size": 9, "color": colour, "line": {"width": 1, "color": colour}},
            "customdata": [_copy_words(c) for c in inside],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        found += [trace] if inside else []
    return found


def _copy_words(copy: RealCopy) -> str:
    figures = f"{fig.duration(copy.lag_ms)}, {fig.bps(copy.slippage_bps)}, {fig.money(copy.notional)}"
    return f"{safe(copy.copier)} · {safe(copy.symbol)}<br>{figures}"
