"""What charts are made of: plotly figures in plain dicts, with colours by role (`$follow`) that the page fills in.

A chart without data has no figure and a sentence instead. Text from outside is escaped here, because plotly reads HTML
in labels; numbers in hover boxes come ready formatted.
"""

from __future__ import annotations

import html
import math
from typing import Any, Literal

import msgspec

from pilotfish.views.report.figures import shorten
from pilotfish.views.report.schema import Band

Figure = dict[str, Any]
LEAD_COLOURS = 8
# At the foot of the figure, so that it never covers an axis however many lines it takes.
LEGEND = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """`says` is the chart in words, below it or in its place; `views` name which traces each choice shows."""

    id: str
    title: str
    says: str
    figure: Figure | None = None
    views: list[tuple[str, list[bool]]] = []

    def with_(self, **fields: Any) -> Chart:
        return msgspec.structs.replace(self, **fields)


def safe(text: str) -> str:
    """Text from outside for a plotly label: not long, no markup, and no `%{…}` a hover template would fill in."""
    return html.escape(shorten(text, 20), quote=False).replace("%{", "%\u200b{")


def layout(height: int, **more: Any) -> Figure:
    axis = {"gridcolor": "$line", "zerolinecolor": "$line", "linecolor": "$line", "automargin": True}
    base: Figure = {
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "$ink", "size": 12},
        "margin": {"l": 52, "r": 16, "t": 30, "b": 52},
        "hoverlabel": {"bgcolor": "$card", "bordercolor": "$line", "font": {"color": "$ink"}},
        "showlegend": False,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "$muted", "activecolor": "$ink"},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
    }
    for key, value in more.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    return base


Side = Literal["left", "right"]


def vertical(x: float, top: float, label: str, colour: str, side: Side, dash: str = "solid") -> Figure:
    """A line at `x` with its label at the top, on the side where it does not meet its neighbour."""
    return {
        "type": "scatter",
        "mode": "lines+text",
        "x": [x, x],
        "y": [0, top],
        "text": ["", label],
        "textposition": f"top {side}",
        "textfont": {"color": colour, "size": 11},
        "cliponaxis": False,
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "hoverinfo": "skip",
    }


def band(times: list[int], b: Band, label: str) -> list[Figure]:
    """Upper edge, lower edge filled up to it, median and mean; in percent."""

    def line(name: str, y: list[float | None], **style: Any) -> Figure:
        return {
            "type": "scatter",
            "mode": "lines",
            "x": times,
            "y": [percent(v) for v in y],
            "name": safe(name),
            "hovertemplate": f"{safe(name)} %{{y:.2f}}%<extra></extra>",
            **style,
        }

    none = {"width": 0}
    return [
        line(f"{label}, p95", b.p95, line=none, showlegend=False),
        line(
            f"{label}, p5 to p95",
            b.p5,
            line=none,
            fill="tonexty",
            fillcolor="$band",
            hovertemplate=f"{safe(label)}, p5 %{{y:.2f}}%<extra></extra>",
        ),
        line(f"{label}, p50", b.p50, line={"color": "$follow", "width": 2}),
        line(f"{label}, mean", b.mean, line={"color": "$follow", "width": 1.2, "dash": "dot"}),
    ]


def percent(bps: float | None) -> float | None:
    return None if bps is None or not math.isfinite(bps) else bps / 100
