"""A run on a chain as a table that grows, and what it all came to."""

from __future__ import annotations

from rich.table import Table

from pilotfish.worlds.chain.acts import LeadSeen
from pilotfish.worlds.chain.agreement import Agreement
from pilotfish.worlds.chain.desk_venue import Carried
from pilotfish.worlds.chain.mirroring import VaultMirror
from pilotfish.worlds.chain.people import USDC
from pilotfish.worlds.chain.stage import Stage

WEI = 10**18


class Telling:
    """`table` is drawn as it grows."""

    def __init__(self) -> None:
        self.table = Table(title="A lead, a vault and followers' own wallets on one chain")
        for column in ("", "what happened", "gas"):
            self.table.add_column(column, justify="right" if column == "gas" else "left")
        self.table.caption = ""

    def doing(self, what: str) -> None:
        """Under way: shown below the table until something is done."""
        self.table.caption = what

    def _row(self, who: str, what: str, gas: int | None = None) -> None:
        self.table.caption = ""
        self.table.add_row(who, what, f"{gas:,}" if gas is not None else "")

    def deployed(self, stage: Stage) -> None:
        steps = stage.record.steps.values()
        made = sum(1 for step in steps if step.address)
        self._row("chain", f"{made} contracts, {len(steps)} transactions", sum(step.gas_used for step in steps))

    def pooled(self, assets: int, holders: int) -> None:
        self._row("vault", f"{usdc(assets)} of {holders} holders, the lead's stake included")

    def segregated(self, stage: Stage) -> None:
        money = sum(one.allocation for one in stage.followers)
        self._row("desk", f"{len(stage.followers)} mandates signed and taken; their own wallets hold {usdc(money)}")

    def revoked(self) -> None:
        self._row("desk", "one follower takes its mandate back")

    def lead(self, seen: LeadSeen, buys: bool) -> None:
        self._row("lead", trade(buys, seen.swap.amount_in, seen.swap.amount_out) + ", tagged", seen.gas_used)

    def vault(self, mirror: VaultMirror, buys: bool) -> None:
        said = (
            trade(buys, mirror.amount_in, mirror.amount_out)
            + f", at the node {mirror.taken_ms:,.0f} ms after it was seen"
        )
        self._row("vault", said, mirror.gas_used)

    def desk(self, carried: Carried, buys: bool) -> None:
        said = trade(buys, carried.amount_in, carried.amount_out) if carried.done else "fails"
        said += f" for {carried.wallets} wallets in one user operation"
        said += f", {carried.skipped} skipped" if carried.skipped else ""
        self._row("desk", said, carried.receipt.gas_used)
        if carried.wallets:
            self._row("", f"{carried.receipt.gas_used // carried.wallets:,} gas a wallet")

    def refused(self, why: str) -> None:
        self._row("desk", f"nothing is copied: {why}")

    def moved(self, price_e8: int, seconds: int) -> None:
        self._row("market", f"{seconds // 86_400} days later a WETH is {price_e8 / 1e8:,.2f} USDC")

    def fees(self, paid: int, insured: int, pool: int) -> None:
        self._row(
            "fees", f"{usdc(paid)} from vault and wallets; {usdc(insured)} of it insures, the pool has {usdc(pool)}"
        )

    def left(self, shares: int, assets: int, price: int) -> None:
        said = f"one leaves with all its {shares / 10**12:,.2f} shares and is paid {usdc(assets)}"
        self._row("vault", f"{said}; a share is {price / 10**30:,.4f} USDC")

    def agreement(self, found: Agreement) -> None:
        said = f"{found.wallets - len(found.differing)} of {found.wallets} wallets are what the ledger says"
        self._row("ledger", f"{said}, to the base unit: {usdc(found.money)}")

    def anchored(self, records: int, gas: int) -> None:
        self._row("journal", f"{records:,} records anchored", gas)

    def badge(self, badges: int) -> None:
        self._row("badge", f"{badges} for volume")


def usdc(amount: int) -> str:
    return f"{amount / USDC:,.2f} USDC"


def trade(buys: bool, amount_in: int, amount_out: int) -> str:
    """Base units, as people say them."""
    money, token = (amount_in, amount_out) if buys else (amount_out, amount_in)
    at = money / USDC / (token / WEI) if token else 0.0
    return f"{'buys' if buys else 'sells'} {token / WEI:,.4f} WETH at {at:,.2f}"
