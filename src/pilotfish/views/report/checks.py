"""What a report says about itself before anybody believes it: where it contradicts itself, where to be careful."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pilotfish.views.report.figures import counted, sentence
from pilotfish.views.report.schema import Band, Copies, Distribution, InstrumentReport, Report, exact_sum


def contradictions(report: Report) -> list[str]:
    """Sentences, one for each place where the figures cannot all be true; empty for a sound report."""
    return [*_ledger(report), *_attribution(report), *_copies(report), *_samples(report), *_curves(report)]


def _ledger(report: Report) -> Iterator[str]:
    for asset, left in report.ledger.sum_by_asset.items():
        if left:
            yield f"The ledger's {asset} accounts sum to {left:,} base units, not to zero."


def _attribution(report: Report) -> Iterator[str]:
    parts = report.attribution.parts()
    if any(not amount.is_finite() for amount in [*parts.values(), report.attribution.total]):
        yield "The attribution holds an amount that is not a number."
    elif (made := exact_sum(list(parts.values()))) != report.attribution.total:
        yield f"The attribution's parts sum to {made:f}, its total says {report.attribution.total:f}."


def _copies(report: Report) -> Iterator[str]:
    for where, copies in [("", report.copies), *((f" of lead {lead.name}", lead.copies) for lead in report.leads)]:
        yield from _one(where, copies)
    off, why = report.followers.off_target, sum(report.followers.off_target_reasons.values())
    if off != why:
        yield f"{off:,} follows are off target, but the reasons account for {why:,}."


def _one(where: str, copies: Copies) -> Iterator[str]:
    ended = copies.filled + copies.partly + copies.missed + copies.pending
    if ended != copies.intended:
        yield f"The copies{where}: {copies.intended:,} were intended, {ended:,} are accounted for."
    explained = sum(copies.missed_by_reason.values())
    if explained != copies.missed:
        yield f"The copies{where}: {copies.missed:,} were missed, the reasons account for {explained:,}."


def _samples(report: Report) -> Iterator[str]:
    everything: list[tuple[str, Distribution]] = [
        ("replication lag", report.lag_ms),
        ("slippage", report.slippage_bps),
        ("tracking error", report.tracking_error.bps),
    ]
    for name, sample in everything:
        if (h := sample.histogram) is None:
            continue
        if len(h.edges) != len(h.counts) + 1:
            yield f"The histogram of the {name} has {len(h.edges)} edges for {len(h.counts)} bins."
        elif (drawn := sum(h.counts) + h.below + h.above) != sample.count:
            yield f"The histogram of the {name} holds {drawn:,} values, its percentiles {sample.count:,}."


def _curves(report: Report) -> Iterator[str]:
    times = len(report.equity.times_ms)
    bands = [("all leads", report.equity.followers)]
    for curve in report.equity.leads:
        bands += [(curve.id, curve.followers)] if curve.followers else []
        if any(len(column) not in (0, times) for column in (curve.pnl, curve.return_bps)):
            yield f"The equity of lead {curve.id} does not have one value for each of the {times:,} times."
    for name, band in bands:
        if not _whole(band, times):
            yield f"The band of the followers of {name} does not have one value for each of the {times:,} times."


def _whole(band: Band, times: int) -> bool:
    return all(len(column) in (0, times) for column in (band.mean, band.p5, band.p50, band.p95))


def cautions(report: Report) -> list[str]:
    """What is true and easily overlooked: books that are no recordings, positions that did not chain, rows left out."""
    found = []
    for book, words in (
        ("modelled", "Prices and depth between the lead's fills are modelled, not recorded"),
        ("seeded", "Prices and depth are seeded chance, not a market"),
        ("paper", "Nothing was traded at the venue: our fills are simulated against its live books"),
        ("twin", "No venue was traded on: a twin on this machine made prices and fills up"),
    ):
        listed = [i for i in report.instruments if i.book == book]
        if listed:
            symbols = ", ".join(i.symbol for i in listed[:12]) + (
                f" and {len(listed) - 12} more" if listed[12:] else ""
            )
            found.append(f"{words}: {symbols}." + "".join(f" {sentence(note)}" for note in _grouped(listed)))
    if breaks := sum(lead.position_breaks for lead in report.leads):
        found.append(
            f"{counted(breaks, 'fill')} of the leads did not start from the position rebuilt before; fills are missing."
        )
    if report.issues:
        found.append(
            f"{counted(len(report.issues), 'row')} of the inputs could not be trusted and took no part; listed below."
        )
    if report.copies.pending:
        found.append(f"{counted(report.copies.pending, 'copy', 'copies')} had no outcome yet when the run ended.")
    return found


def _grouped(listed: list[InstrumentReport]) -> list[str]:
    """Notes that say the same of several instruments are said once, with how many they are about."""
    groups: dict[str, list[str]] = {}
    for i in listed:
        if i.note:
            groups.setdefault(i.note.removeprefix(f"{i.symbol}: "), []).append(i.note)
    return [
        notes[0] if len(notes) == 1 else f"{counted(len(notes), 'instrument')}: {tail}"
        for tail, notes in groups.items()
    ]


def ledger_balances(report: Report) -> bool:
    return not any(report.ledger.sum_by_asset.values())


def part_bps(amount: Decimal, notional: Decimal | None) -> float | None:
    """An amount in bps of the notional copied; None where nothing was copied or either is not a number."""
    if notional is None or not notional.is_finite() or not amount.is_finite() or notional <= 0:
        return None
    return float(amount / notional * 10_000)
