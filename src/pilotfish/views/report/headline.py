"""The top of the page: what to beware of, and the figures that matter most as tiles."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from pilotfish.views.report import figures as fig
from pilotfish.views.report.checks import cautions, contradictions, ledger_balances, part_bps
from pilotfish.views.report.dom import el
from pilotfish.views.report.schema import Report


def banners(report: Report) -> list[Element]:
    found = []
    if wrong := contradictions(report):
        found.append(
            el(
                "div",
                el("p", el("b", "This report contradicts itself. Do not rely on it.")),
                *(el("p", text) for text in wrong),
                class_="note wrong",
                role="alert",
            )
        )
    if care := cautions(report):
        found.append(el("div", *(el("p", text) for text in care), class_="note care", role="note"))
    return found


def _tile(key: str, value: str | Element, detail: str = "", state: str = "", class_: str = "tile") -> Element:
    long = " long" if isinstance(value, str) and len(value) > 13 else ""
    return el(
        "div",
        el("div", key, class_="k"),
        el("div", value, class_=f"v{long} {state}".strip()),
        el("div", detail, class_="d") if detail else None,
        class_=class_,
    )


def tiles(report: Report) -> Element:
    copies, lag, slip, a = report.copies, report.lag_ms, report.slippage_bps, report.attribution
    track = report.tracking_error.bps
    cost = part_bps(a.total, a.copied_notional)
    partly = f", {fig.percent(copies.partly, copies.intended)} in part" if copies.partly else ""
    zero = ledger_balances(report)
    known = bool(report.ledger.sum_by_asset)
    root: str | Element = (
        fig.NONE
        if not report.journal.root
        else el(
            "span",
            el("code", fig.shorten(report.journal.root)),
            " ",
            el("button", "copy", type="button", data_copy=report.journal.root, title="copy the whole root"),
        )
    )
    return el(
        "div",
        _tile("Leads", fig.integer(len(report.leads)), f"{fig.integer(sum(x.fills for x in report.leads))} fills"),
        _tile("Followers", fig.integer(report.followers.count), f"{fig.integer(report.followers.follows)} follows"),
        _tile(
            "Copies filled",
            fig.percent(copies.filled, copies.intended),
            f"of {fig.integer(copies.intended)}{partly}",
        ),
        _tile(
            "Replication lag",
            fig.duration(lag.p50),
            f"p50; p99 {fig.duration(lag.p99)}" if lag.count else "nothing was copied",
        ),
        _tile(
            "Slippage",
            fig.bps(slip.p50),
            f"p50; p99 {fig.bps(slip.p99)}; above 0 is worse" if slip.count else "nothing was copied",
        ),
        _tile(
            "Tracking error",
            fig.bps(track.mean),
            f"mean; p99 {fig.bps(track.p99)}" if track.count else "nothing to track",
        ),
        _tile(
            "Copying cost",
            fig.bps(cost, signed=True) if cost is not None else fig.NONE,
            f"{fig.money(a.total, report.money_asset, signed=True)}; below 0 is a cost",
        ),
        _tile(
            "Ledger sums",
            ("zero ✓" if zero else "not zero ✗") if known else fig.NONE,
            f"{fig.integer(report.ledger.postings)} postings",
            ("ok" if zero else "no") if known else "",
        ),
        _tile("Chain root", root, f"{fig.integer(report.journal.records)} journal records", class_="tile twice"),
        class_="tiles",
    )
