"""The ways of copying that `pilotfish modes` compares: the plain mandate with one thing changed, and why some are left
out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np

from pilotfish.copying.targets import Change
from pilotfish.domain.arith import Ints, ints, muldiv_floor, total_of
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Kind
from pilotfish.domain.mandate import RATIO_UNIT, Direction, Follows, Sizing, Start
from pilotfish.worlds.platform import ExecutionTable, Settings, nearest
from pilotfish.worlds.replay import Tape

USDC = 10**6
HOLD_S, WORKED_S = 60, 60
STOP_BPS = 500  # assumed: no recording says where a lead would take its loss
RISK_BPS = 100


class Mode(msgspec.Struct, frozen=True):
    """`columns` replace those of the plain mandate. `assumed`: what no recording says. `stop_bps`: the lead is said to
    have a stop so far from each opening price. `hedged`: every perpetual is listed a second time.
    """

    key: str
    title: str
    what: str
    columns: dict[str, Ints | int] = {}
    settings: Settings = Settings()
    assumed: str = ""
    stop_bps: int = 0
    hedged: bool = False


class LeftOut(msgspec.Struct, frozen=True):
    title: str
    why: str


DEPTH = LeftOut(
    "mirrored depth",
    "the recordings hold fills, not resting orders: neither when an order was placed nor those that never filled. "
    "Mirroring only those that did fill would copy with hindsight",
)
NO_SHORT = (
    LeftOut("reverse", "it sells short, and what is paid in full cannot be: nothing would be copied"),
    LeftOut("delta-neutral", "its hedge sells short, and what is paid in full cannot be; nothing else was recorded"),
)


def catalogue(tape: Tape, follows: Follows) -> tuple[list[Mode], list[LeftOut]]:
    """Every mode for these plain `follows`, the plain one first; and what cannot be replayed, with the reason."""
    usual = usual_orders(tape)
    modes = [*_sized(tape, follows, usual), *_chosen_trades(usual[follows.lead], _money(usual)), *_stopped()]
    modes += _worked(*_clip(tape, usual, follows))
    if any(instrument.kind is Kind.PERP for instrument in tape.instruments):
        return modes, [DEPTH]
    return [mode for mode in modes if not mode.hedged and "direction" not in mode.columns], [DEPTH, *NO_SHORT]


def _sized(tape: Tape, follows: Follows, usual: Ints) -> list[Mode]:
    """How much, and which way."""
    lead_equity = ints([lead.equity for lead in tape.leads])[follows.lead]
    typical = np.maximum(_typical(follows, len(tape.leads)), 1)
    ratio = np.maximum(muldiv_floor(typical, RATIO_UNIT, lead_equity), 1)
    amount = np.maximum(muldiv_floor(follows.allocation, usual[follows.lead], lead_equity), 1)
    return [
        Mode("proportional", "proportional", "capital / the lead's equity; new trades only; everything else is this"),
        Mode(
            "fixed-ratio", "fixed ratio", "everybody copies as if it had the median capital",
            {"sizing": int(Sizing.FIXED_RATIO), "value": ratio},
        ),
        Mode(
            "fixed-amount", "fixed amount", "every opening order counts as the lead's median one "
            f"({_money(usual)} USDC) would in proportion", {"sizing": int(Sizing.FIXED_AMOUNT), "value": amount},
        ),
        Mode(
            "risk", "risk per trade", f"{RISK_BPS / 100:g}% of the capital is lost if the lead's stop is hit",
            {"sizing": int(Sizing.RISK), "value": RISK_BPS}, stop_bps=STOP_BPS,
            assumed=f"the lead has a stop {STOP_BPS / 100:g}% from the price of each opening fill; "
            "no recording says whether it had one",
        ),
        Mode("reverse", "reverse", "short where the lead is long", {"direction": int(Direction.REVERSE)}),
        Mode(
            "delta-neutral", "delta-neutral 50%", "half of what is held is hedged, inside 5%",
            {"hedge_bps": 5_000}, hedged=True,
            assumed="each coin is listed a second time, with its own book at the same price. No recording says how "
            "another coin moved meanwhile, and modelled prices of two coins are independent",
        ),
    ]  # fmt: skip


def _chosen_trades(order: Ints, sizes: str) -> list[Mode]:
    """From when, and which of the lead's trades; `order` is the usual one of each follow's lead."""
    return [
        Mode("existing", "existing positions", "the lead's open positions are taken over at once",
             {"start": int(Start.EXISTING)}),
        Mode(
            "better-price", "better price", "the lead's open positions, each once it costs no more than the lead paid",
            {"start": int(Start.BETTER_PRICE)},
            assumed="what the lead paid for positions it already had is not recorded: the price of their first mark",
        ),
        Mode(
            "lookback", "look-back cap", "an order counts at most 1.5 times the average of the last 10",
            {"lookback": 10, "multiplier_cap_e2": 150},
        ),
        Mode(
            "skip-small", "skip small", f"opening orders below the lead's median ({sizes} USDC) are not copied",
            {"lead_notional_min": order},
        ),
        Mode("hold", f"hold {HOLD_S} s", f"a position is copied once the lead has kept it for {HOLD_S} s",
             {"hold_ns_min": HOLD_S * 10**9}),
    ]  # fmt: skip


def _stopped() -> list[Mode]:
    return [
        Mode("take-profit", "take profit 5%", "everything is closed at a gain of 5%, and no more opened",
             {"take_profit_bps": 500}),
        Mode("stop-loss", "stop loss 5%", "everything is closed at a loss of 5%, and no more opened",
             {"stop_loss_bps": 500}),
        Mode("trailing-stop", "trailing stop 5%", "everything is closed after a fall of 5% from the highest equity",
             {"trailing_bps": 500}),
        Mode("price-stop", "price stop 2%", "a position is closed 2% against its entry, until the lead was flat there",
             {"price_stop_bps": 200}),
    ]  # fmt: skip


def _worked(symbol: str, clip: int) -> list[Mode]:
    """How opens are sent; `clip` lots are a tenth of the usual order in `symbol`."""
    return [
        Mode(
            "twap", f"TWAP {WORKED_S} s", f"opens go in 12 parts over {WORKED_S} s",
            settings=_execution(kind="twap", window_seconds=Decimal(WORKED_S), slices=12),
        ),
        Mode(
            "iceberg", "iceberg", f"opens go in clips of {clip:,} lots, a tenth of the usual order in {symbol} and at "
            f"least twice the venue's minimum, for {WORKED_S} s",
            settings=_execution(kind="iceberg", display_lots=clip, window_seconds=Decimal(WORKED_S)),
        ),
    ]  # fmt: skip


def chosen(modes: Sequence[Mode], only: Sequence[str]) -> list[Mode]:
    """Those named by key; all where none is. Raises ConfigError for a name that is no mode."""
    keys = [mode.key for mode in modes]
    for name in only:
        if name not in keys:
            raise ConfigError(
                f"--only {name}", f"is no mode that can be replayed here; the nearest is {nearest(name, keys)}",
                f"use {', '.join(keys)}",
            )  # fmt: skip
    return [mode for mode in modes if not only or mode.key in only]


def usual_orders(tape: Tape) -> Ints:
    """The median notional of each lead's opening orders, money units, at least 1: fills of one order count together."""
    held = {(number, key): lots for number, lead in enumerate(tape.leads) for key, lots in lead.positions.items()}
    orders: list[dict[tuple[int, int], int]] = [{} for _ in tape.leads]
    for fill in tape.fills:
        here, instrument = (fill.lead, fill.instrument), tape.instruments[fill.instrument]
        before = held.get(here, 0) if fill.start is None else fill.start
        held[here] = before + fill.change
        if opened := Change.between(before, held[here]).opened:
            known, order = orders[fill.lead], (fill.instrument, fill.order or fill.venue_ns)
            known[order] = known.get(order, 0) + instrument.notional_floor(opened, fill.price)
    return ints([max(int(np.median(list(known.values()))), 1) if known else 1 for known in orders])


def _clip(tape: Tape, usual: Ints, follows: Follows) -> tuple[str, int]:
    """The instrument most traded, and the lots that are a tenth of all follows' usual order in it, at least 1."""
    traded = dict.fromkeys((instrument.id for instrument in tape.instruments), 0)
    for fill in tape.fills:
        traded[fill.instrument] += tape.instruments[fill.instrument].notional_floor(fill.lots, fill.price)
    most = tape.instruments[max(traded, key=lambda key: traded[key])]
    last = next(fill for fill in reversed(tape.fills) if fill.instrument == most.id)
    money = int(usual[last.lead]) * total_of(follows.allocation) // sum(lead.equity for lead in tape.leads)
    thousand = max(most.notional_floor(1_000, last.price), 1)
    return most.symbol, max(money * 100 // thousand, 1)


def _money(usual: Ints) -> str:
    return ", ".join(f"{size / USDC:,.0f}" for size in usual.tolist())


def _typical(follows: Follows, leads: int) -> Ints:
    """The median allocation among the follows of each follow's lead."""
    medians = [follows.allocation[follows.lead == lead] for lead in range(leads)]
    return ints([int(np.median(own)) if own.size else 0 for own in medians])[follows.lead]


def _execution(**terms: object) -> Settings:
    return Settings(file="this mode", execution=ExecutionTable(**terms))  # type: ignore[arg-type]
