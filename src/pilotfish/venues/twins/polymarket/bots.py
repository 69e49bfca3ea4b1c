"""Leads that trade by themselves, from a seed: now and then they buy a token at its ask, or sell what they hold."""

from __future__ import annotations

from pilotfish.venues.sim.chance import named
from pilotfish.venues.twins.polymarket.markets import ONE, SHARE, TwinMarket
from pilotfish.venues.twins.polymarket.people import LeadTrade

CHANCE = 0.25  # of a trade, each second
SHARES_MAX = 200


class Bot:
    """`trade` is asked once a second. Trades are at the touch and not above what stands there."""

    def __init__(self, address: str, market: TwinMarket, seed: int) -> None:
        self.address, self._market = address, market
        self._chance = named(seed, "lead", address.lower(), market.listed.condition)
        self._held = [0, 0]

    def trade(self, ns: int) -> LeadTrade | None:
        """What it does now, if anything."""
        acts, outcome, sells, share = self._chance.random(4).tolist()
        if acts >= CHANCE or not self._market.open:
            return None
        which = int(outcome * 2)
        side = -1 if sells < 0.5 and self._held[which] else 1
        bids, asks = self._market.seen(which)
        price, there = next(iter((bids if side < 0 else asks).items()), (0, 0))
        most = min(there, self._held[which] if side < 0 else SHARES_MAX * SHARE)
        lots = int(most * max(share, 0.05)) // (SHARE // 100) * (SHARE // 100)
        if side < 0 and share > 0.7:
            lots = most  # it leaves at once, where it can
        if lots <= 0:
            return None
        self._held[which] += side * lots
        return LeadTrade(ns, self._market.listed.tokens[which], side, lots, price * (SHARE // ONE))
