"""Settings of the platform as the events that tell a shard, in its own integers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.events import Event
from pilotfish.domain.instructions import (
    DisclosureSet,
    ExecutionSet,
    FeesSet,
    HedgeMapped,
    InstrumentMapped,
    RiskSet,
    RulesSet,
)
from pilotfish.domain.instrument import Instrument
from pilotfish.domain.terms import DAY_NS, Execution, ExecutionTerms, FeeTerms, Outage, RiskTerms
from pilotfish.worlds.platform import Mapping, Settings, nearest

SECOND = 1_000_000_000
USDC = 10**6
PERCENT = 100  # bps
_LARGEST = 2**62


def platform_events(
    settings: Settings, instruments: Sequence[Instrument], leads: Sequence[str], now_ns: int
) -> list[Event]:
    """What a shard must hear after its instruments and leads, and before any follow.

    Raises ConfigError for a number that does not fit, or a symbol or lead that this run does not have.
    """
    events: list[Event] = []
    if settings.fees is not None:
        events.append(FeesSet(now_ns, now_ns, fee_terms(settings)))
    if settings.risk is not None:
        events.append(RiskSet(now_ns, now_ns, risk_terms(settings)))
    if settings.rules:
        events.append(RulesSet(now_ns, now_ns, tuple(entry.rule for entry in settings.rules)))
    if settings.execution is not None:
        events.append(ExecutionSet(now_ns, now_ns, execution_terms(settings)))
    symbols = _Symbols(settings, instruments)
    for number, hedge in enumerate(settings.hedges):
        pair = (
            symbols.find(hedge.instrument, f"hedges[{number}].instrument"),
            symbols.find(hedge.hedge, f"hedges[{number}].with"),
        )
        events.append(HedgeMapped(now_ns, now_ns, *pair))
    for number, mapping in enumerate(settings.mappings):
        events.append(_mapped(settings, mapping, number, symbols, now_ns))
    for number, entry in enumerate(settings.disclosure):
        if entry.lead not in leads:
            raise _unknown(settings, f"disclosure[{number}].lead", entry.lead, "lead", list(leads))
        delay = units(settings, f"disclosure[{number}].delay_seconds", entry.delay_seconds, SECOND)
        events.append(DisclosureSet(now_ns, now_ns, leads.index(entry.lead), delay, entry.mirrored_at_once))
    return events


def units(settings: Settings, path: str, value: Decimal, unit: int) -> int:
    """`value` in whole `unit`ths. Raises ConfigError where it is negative, no number, too fine or too large."""
    where = settings.where(path)
    if not value.is_finite() or value < 0:
        raise ConfigError(where, f"{value} is not a number of 0 or more", "write one")
    if value > _LARGEST // unit:
        raise ConfigError(where, f"{value} is too large", "write a smaller number")
    whole = value * unit
    if whole != int(whole):
        raise ConfigError(where, f"{value} has more decimals than count", f"round it to 1/{unit:,}")
    return int(whole)


def fee_terms(settings: Settings) -> FeeTerms:
    """The fees of the file; the engine's defaults where it has no [fees]."""
    fees = settings.fees
    if fees is None:
        return FeeTerms()
    return FeeTerms(
        subscription=units(settings, "fees.subscription_usdc", fees.subscription_usdc, USDC),
        steps=tuple(
            (
                units(settings, f"fees.steps[{k}]", gain, PERCENT),
                units(settings, f"fees.steps[{k}]", rate, PERCENT),
            )
            for k, (gain, rate) in enumerate(fees.steps)
        ),
        coupon_bps=units(settings, "fees.coupon_percent", fees.coupon_percent, PERCENT),
        insurance_bps=units(settings, "fees.insurance_percent", fees.insurance_percent, PERCENT),
        period_ns=units(settings, "fees.period_days", fees.period_days, DAY_NS),
    )


def risk_terms(settings: Settings) -> RiskTerms:
    risk = settings.risk
    if risk is None:
        return RiskTerms()
    return RiskTerms(
        breaker_count=risk.breaker_count,
        breaker_ns=units(settings, "risk.breaker_minutes", risk.breaker_minutes, 60 * SECOND),
        liquidate_e2=units(settings, "risk.liquidate_ratio", risk.liquidate_ratio, 100),
        deviation_bps=risk.deviation_bps,
        auth_cool_ns=units(settings, "risk.auth_cool_seconds", risk.auth_cool_seconds, SECOND),
        balance_cool_ns=units(settings, "risk.balance_cool_seconds", risk.balance_cool_seconds, SECOND),
        rate_tokens=risk.rate_burst,
        rate_per_s=risk.rate_per_second,
        rate_reserve=risk.rate_reserve,
        outage=Outage[risk.outage.upper()],
        outage_ns=units(settings, "risk.outage_seconds", risk.outage_seconds, SECOND),
    )


def execution_terms(settings: Settings) -> ExecutionTerms:
    table = settings.execution
    if table is None:
        return ExecutionTerms()
    return ExecutionTerms(
        kind=Execution[table.kind.upper()],
        window_ns=units(settings, "execution.window_seconds", table.window_seconds, SECOND),
        slices=table.slices,
        display_lots=table.display_lots,
        participation_bps=units(settings, "execution.participation_percent", table.participation_percent, PERCENT),
        stage_ns=units(settings, "execution.stage_seconds", table.stage_seconds, SECOND),
        holding_hours=table.holding_hours,
    )


class _Symbols:
    """Instruments of this run by symbol, or by venue:symbol where two venues have the same."""

    def __init__(self, settings: Settings, instruments: Sequence[Instrument]) -> None:
        self._settings = settings
        self._ids: dict[str, list[int]] = {}
        for one in instruments:
            self._ids.setdefault(one.symbol, []).append(one.id)
            self._ids[f"{one.venue}:{one.symbol}"] = [one.id]

    def find(self, symbol: str, path: str) -> int:
        ids = self._ids.get(symbol, [])
        if not ids:
            raise _unknown(self._settings, path, symbol, "instrument", list(self._ids))
        if len(ids) > 1:
            where = self._settings.where(path)
            raise ConfigError(where, f"{symbol} is traded on {len(ids)} venues", "write venue:symbol")
        return ids[0]


def _mapped(settings: Settings, mapping: Mapping, number: int, symbols: _Symbols, now_ns: int) -> InstrumentMapped:
    path = f"mappings[{number}]"
    lots = _fraction(settings, f"{path}.lots", mapping.lots)
    price = _fraction(settings, f"{path}.price", mapping.price)
    source = symbols.find(mapping.source, f"{path}.source")
    target = symbols.find(mapping.target, f"{path}.target")
    return InstrumentMapped(now_ns, now_ns, source, target, *lots, *price, mapping.open)


def _fraction(settings: Settings, path: str, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"\s*(\d{1,15})\s*(?:/\s*(\d{1,15})\s*)?", text, re.ASCII)
    parts = (int(found[1]), int(found[2] or 1)) if found else (0, 0)
    if not all(parts):
        raise ConfigError(
            settings.where(path), f"{text!r} is not a fraction of whole numbers above 0", 'for example "1000/1"'
        )
    return parts


def _unknown(settings: Settings, path: str, name: str, kind: str, known: list[str]) -> ConfigError:
    hint = f"did you mean {nearest(name, known)}? This run has {', '.join(known[:12])}" if known else "It has none"
    return ConfigError(settings.where(path), f"{name!r} is no {kind} of this run", hint)
