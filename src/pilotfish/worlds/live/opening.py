"""From settings and what the venue said to the first events of a journal, or to what is new since it ended."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from pilotfish.domain.events import Event, InstrumentListed, LeadListed, LeadPosition
from pilotfish.domain.mandate import Follows, Route
from pilotfish.engine.state import State
from pilotfish.venues.gateway import LeadSurvey, Survey
from pilotfish.worlds.live.settings import Limits, LiveSettings
from pilotfish.worlds.platform import RuleEntry
from pilotfish.worlds.platform_events import platform_events
from pilotfish.worlds.world import LeadSetup, opening_events


def name_of(settings: LiveSettings, lead: LeadSurvey) -> str:
    """The name of the file, else the address."""
    named = {entry.address.lower(): entry.name for entry in settings.leads}
    return named.get(lead.address) or lead.address


def first_events(settings: LiveSettings, survey: Survey, follows: Follows, now_ns: int) -> list[Event]:
    """Everything before the venue is open; the last of them are the follows."""
    leads = [LeadSetup(name_of(settings, lead), max(lead.equity, 1), lead.positions) for lead in survey.leads]
    marks = [survey.marks.get(one.id, 0) for one in survey.instruments]
    bounded = with_limits(settings, Decimal(int(follows.allocation.sum())) / 10**6)
    platform = platform_events(bounded, survey.instruments, [lead.name for lead in leads], now_ns)
    route = Route[settings.run.route.upper()]
    return opening_events(route, survey.instruments, marks, leads, within(settings.limits, follows), now_ns, platform)


def later_events(settings: LiveSettings, survey: Survey, state: State, now_ns: int) -> list[Event]:
    """Instruments and leads that a journal does not know yet. Who follows whom is changed by instructions alone."""
    known = len(state.listings)
    events: list[Event] = [InstrumentListed(now_ns, now_ns, one) for one in survey.instruments[known:]]
    have = {lead.name for lead in state.leads}
    new = [lead for lead in survey.leads if name_of(settings, lead) not in have]
    for number, lead in enumerate(new, len(state.leads)):
        events.append(LeadListed(now_ns, now_ns, number, name_of(settings, lead), max(lead.equity, 1)))
        events += [
            LeadPosition(now_ns, now_ns, number, key, lots, survey.marks.get(key) or 1)
            for key, lots in lead.positions.items()
        ]
    return events


def with_limits(settings: LiveSettings, allocated: Decimal) -> LiveSettings:
    """[limits] as risk rules in front of the file's own: the gate keeps them, and says so when they bite.

    `allocated`: what all follows start with, USDC.
    """
    limits, rules = settings.limits, list[RuleEntry]()
    if limits.order_usdc:
        when = f"order.notional_usdc > {_double(limits.order_usdc)}"
        rules.append(RuleEntry(name="limit order_usdc", when=when, text="an order larger than the run allows"))
    if limits.gross_usdc:
        when = f"platform.gross_usdc + order.notional_usdc > {_double(limits.gross_usdc)}"
        rules.append(RuleEntry(name="limit gross_usdc", when=when, text="positions as large as the run allows"))
    if limits.loss_usdc:
        when = f"platform.equity_usdc < {_double(allocated - limits.loss_usdc)}"
        text = "the run has lost as much as it may"
        rules.append(RuleEntry(name="limit loss_usdc", when=when, action="halt", text=text))
    return msgspec.structs.replace(settings, rules=[*rules, *settings.rules])


def within(limits: Limits, follows: Follows) -> Follows:
    """Mandates, none of them wider than the run's leverage."""
    if not limits.leverage:
        return follows
    most = int(limits.leverage * 100)
    cap = follows.leverage_cap_e2
    return msgspec.structs.replace(follows, leverage_cap_e2=np.where((cap <= 0) | (cap > most), most, cap))


def _double(number: Decimal) -> str:
    """As CEL writes a double."""
    return f"{number:f}" if "." in f"{number:f}" else f"{number:f}.0"
