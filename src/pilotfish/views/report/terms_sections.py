"""What the platform's terms did, as cards: fees and insurance, stops and switches, and each way of copying."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from pilotfish.views.report import figures as fig
from pilotfish.views.report.dom import card, el, says, table
from pilotfish.views.report.schema import Report


def fees(report: Report) -> Element:
    f, asset = report.fees, report.money_asset
    title = "Fees and insurance"
    if not (f.charged or f.owed or f.pool or f.claims_paid or f.claims_unpaid):
        return card(
            title, says("No subscription and no performance fee was charged, and no claim was made."), id_="fees"
        )
    leads: list[list[str | Element]] = [
        [f"to {name}", fig.money(amount, asset)] for name, amount in f.to_leads.items() if amount
    ]
    rows: list[list[str | Element]] = [
        ["Subscriptions", fig.money(f.subscription, asset)],
        ["Performance fees", fig.money(f.performance, asset)],
        [el("b", "Charged"), el("b", fig.money(f.charged, asset))],
        ["to the platform", fig.money(f.to_platform, asset)],
        *leads,
        ["to the insurance pool", fig.money(f.to_insurance, asset)],
        ["Claims paid by the pool", fig.money(f.claims_paid, asset)],
        ["Claims not paid yet", fig.money(f.claims_unpaid, asset)],
        ["The pool holds", fig.money(f.pool, asset)],
        ["Subscriptions owed", fig.money(f.owed, asset)],
    ]
    return card(title, table(["Figure", ""], rows, (1,)), id_="fees")


def switches(report: Report) -> Element:
    s = report.switches
    title = "Stops and switches"
    if not (s.stopped or s.rules or s.breaker):
        return card(title, says("No stop, rule or breaker fired."), id_="switches")
    made = card(title, id_="switches")
    if s.breaker:
        times = "once" if s.breaker == 1 else f"{fig.integer(s.breaker)} times"
        made.append(says(f"The platform's breaker halted all opens {times}."))
    if s.stopped:
        rows = [
            [fig.sentence(why), fig.integer(n)] for why, n in sorted(s.stopped.items(), key=lambda e: (-e[1], e[0]))
        ]
        made.append(table(["Stopped because", "Follows"], rows, (1,)))
    if s.rules:
        rules = [[name, fig.integer(n), s.rules_why.get(name, fig.NONE)] for name, n in sorted(s.rules.items())]
        made.append(table(["Rule", "Fired", "Last time"], rules, (1,)))
    return made


def modes(report: Report) -> Element:
    if not report.modes:
        return card("Ways of copying", says("Nobody followed."), id_="modes")
    rows = [
        [
            m.sizing.replace("_", " ").capitalize(), m.direction, fig.integer(m.follows), fig.money(m.deposited),
            fig.money(m.result, signed=True), fig.bps(m.return_bps, signed=True),
        ]
        for m in report.modes
    ]  # fmt: skip
    head = ["Sizing", "Direction", "Follows", "Deposited", "Result", "Return"]
    return card(
        "Ways of copying",
        says(f"Results in {report.money_asset}, at the marks, after everything that was charged."),
        table(head, rows, range(2, 6)),
        id_="modes",
    )
