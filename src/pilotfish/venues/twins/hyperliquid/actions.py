"""POST /exchange: who signed, whether they may, and what they want done.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint. The words against a nonce outside
its window, a cloid that came twice, an action that expired and one agent too many are ours: no recording has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pilotfish.venues.hyperliquid.wire.answers import Accepted, Denied, Reply, Response, Status, Statuses
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.hyperliquid.account import Account
from pilotfish.venues.twins.hyperliquid.clock import SWITCHES_A_DAY
from pilotfish.venues.twins.hyperliquid.core import Core
from pilotfish.venues.twins.hyperliquid.groups import with_entry, with_position
from pilotfish.venues.twins.hyperliquid.hashing import APPROVE_AGENT, action_digest, signer_of, user_digest
from pilotfish.venues.twins.hyperliquid.limits import Limits
from pilotfish.venues.twins.hyperliquid.order import TIFS, Wanted
from pilotfish.venues.twins.hyperliquid.settings import MONEY
from pilotfish.venues.twins.hyperliquid.text import is_address, is_cloid, num
from pilotfish.venues.twins.hyperliquid.wallets import Wallets
from pilotfish.venues.twins.hyperliquid.wanted import UNREADABLE, Refused, Unreadable, order_of, want

Action = dict[str, Any]
_UINT64 = 2**64
_DONE = Accepted(Response("default"))
ITEMS = {"order": "orders", "cancel": "cancels", "cancelByCloid": "cancels", "batchModify": "modifies"}


class Desk:
    """`take` raises Unreadable for what is no action; everything else is a reply."""

    def __init__(self, core: Core, wallets: Wallets, limits: Limits, faults: TwinFaults) -> None:
        self.core, self.wallets, self.limits, self.faults = core, wallets, limits, faults
        self.locked_out_until_ns = 0
        self._does: dict[str, Callable[[Account, Action], Reply]] = {
            "order": self._order, "cancel": self._cancel, "cancelByCloid": self._cancel_by_cloid,
            "modify": self._modify, "batchModify": self._batch_modify, "scheduleCancel": self._schedule,
            "updateLeverage": self._leverage, "updateIsolatedMargin": self._isolated, "noop": lambda _, __: _DONE,
        }  # fmt: skip

    def take(self, body: Any) -> Reply:
        action, nonce = want(body, "action", dict), want(body, "nonce", int)
        vault, expires = body.get("vaultAddress"), body.get("expiresAfter")
        kind = want(action, "type", str)
        known = kind in self._does or kind == "approveAgent"
        if not known or not 0 <= nonce < _UINT64 or not (vault is None or is_address(vault)):
            raise Unreadable(UNREADABLE)
        if expires is not None:
            want(body, "expiresAfter", int)
        try:
            account = self._account(action, nonce, vault, expires, body.get("signature"))
            if kind == "approveAgent":
                return self._approve(account, action, nonce)
            self.limits.charge(account, items(action), cancels="ancel" in kind)
            return self._does[kind](account, action)
        except Refused as why:
            return Denied(str(why))

    # -- who -----------------------------------------------------------------------------------------------------------

    def _account(self, action: Action, nonce: int, vault: str | None, expires: int | None, signature: Any) -> Account:
        core = self.core
        by_user = action["type"] == "approveAgent"
        try:
            if by_user:
                digest = user_digest(action, "ApproveAgent", APPROVE_AGENT)
            else:
                digest = action_digest(action, nonce, vault, expires, "a" if core.settings.mainnet else "b")
        except (ValueError, OverflowError):
            raise Unreadable(UNREADABLE) from None
        signer = signer_of(digest, signature)
        if signer is None:
            raise Refused("Unable to recover signer.")
        if self.faults.hit(Fault.AUTH):
            self.locked_out_until_ns = core.now_ns + self.faults.lasting_ns
        owner = signer if by_user else self.wallets.owner(signer, core.ms)
        if owner not in core.accounts or core.now_ns < self.locked_out_until_ns:
            raise Refused(f"User or API Wallet {signer} does not exist.")
        account = core.accounts[owner]
        if not account.deposited:
            raise Refused(f"Must deposit before performing actions. User: {owner}")
        if vault is not None:
            named = core.accounts.get(vault.lower())
            if named is None or named.master != owner:
                raise Refused(f"Vault not registered: {vault}")
            account = named
        if expires is not None and expires < core.ms:
            raise Refused(f"Action expired: expiresAfter {expires} < {core.ms}")
        if against := self.wallets.spend(signer, nonce, core.ms):
            raise Refused(against)
        return account

    def _approve(self, account: Account, action: Action, nonce: int) -> Reply:
        chain = "Mainnet" if self.core.settings.mainnet else "Testnet"
        name = action.get("agentName") or ""
        if action.get("hyperliquidChain") != chain or want(action, "nonce", int) != nonce or not isinstance(name, str):
            raise Unreadable(UNREADABLE)
        against = self.wallets.approve(account.address, action["agentAddress"].lower(), name, self.core.ms)
        return Denied(against) if against else _DONE

    # -- what ----------------------------------------------------------------------------------------------------------

    def _order(self, account: Account, action: Action) -> Reply:
        rows, grouping = want(action, "orders", list), action.get("grouping")
        if action.get("builder") is not None:
            raise Refused("Builder fee has not been approved.")
        if not rows:
            raise Refused("Empty batch")
        try:
            wanted = [order_of(row, self.core.markets) for row in rows]
        except Refused as why:  # what the payload alone shows is said once for all of it
            return _statuses("order", [Status(error=str(why))])
        if grouping == "normalTpsl":
            return _statuses("order", with_entry(self.core, account, wanted))
        if grouping == "positionTpsl":
            return _statuses("order", with_position(self.core, account, wanted))
        if grouping != "na":
            raise Unreadable(UNREADABLE)
        return _statuses("order", [self._place(account, one, len(wanted) > 1) for one in wanted])

    def _place(self, account: Account, wanted: Wanted, batch: bool) -> Status | str:
        if self.faults.hit(Fault.BALANCE):
            return Status(error=f"Insufficient margin to place order. asset={wanted.asset}")
        most = None
        if self.faults.hit(Fault.PARTIAL_BATCH):
            if batch and self.faults.draw(Fault.PARTIAL_BATCH, 2):
                return Status(error=f"Order would increase open interest too quickly asset={wanted.asset}")
            if not TIFS[wanted.tif]:  # an IOC order
                most = self.faults.draw(Fault.PARTIAL_BATCH, wanted.lots)
        return self.core.place(account, wanted, most)

    def _cancel(self, account: Account, action: Action) -> Reply:
        rows = [(want(row, "a", int), want(row, "o", int)) for row in want(action, "cancels", list)]
        return _statuses("cancel", [self.core.cancel(account, asset, oid) for asset, oid in rows])

    def _cancel_by_cloid(self, account: Account, action: Action) -> Reply:
        rows = [(want(row, "asset", int), want(row, "cloid", str)) for row in want(action, "cancels", list)]
        return _statuses("cancel", [self.core.cancel(account, asset, cloid) for asset, cloid in rows])

    def _modify(self, account: Account, action: Action) -> Reply:
        status = self._modified(account, action)
        return Denied(status.error) if isinstance(status.error, str) else _DONE

    def _batch_modify(self, account: Account, action: Action) -> Reply:
        return _statuses("order", [self._modified(account, row) for row in want(action, "modifies", list)])

    def _modified(self, account: Account, row: Any) -> Status:
        which: Any = row.get("oid") if isinstance(row, dict) else None
        if not isinstance(which, int) and not is_cloid(which):
            raise Unreadable(UNREADABLE)
        try:
            wanted = order_of(want(row, "order", dict), self.core.markets)
        except Refused as why:
            return Status(error=str(why))
        return self.core.modify(account, which, wanted)

    def _schedule(self, account: Account, action: Action) -> Reply:
        ms, required = action.get("time"), self.core.settings.schedule_volume
        if ms is None:
            account.cancel_ms = None
            return _DONE
        want(action, "time", int)
        if account.volume < required:
            need, traded = num(required, MONEY).removesuffix(".0"), num(account.volume, MONEY).removesuffix(".0")
            why = "Cannot set scheduled cancel time until enough volume traded."
            return Denied(f"{why} Required: ${need}. Traded: ${traded}.")
        if ms < self.core.ms + 5_000:
            return Denied("Scheduled cancel time too early, must be at least 5 seconds from now.")
        if account.switches >= SWITCHES_A_DAY:
            return Denied("Too many scheduled cancel triggers today.")
        account.cancel_ms = ms
        return _DONE

    def _leverage(self, account: Account, action: Action) -> Reply:
        asset, cross, times = want(action, "asset", int), want(action, "isCross", bool), want(action, "leverage", int)
        market = self.core.markets.get(asset)
        if market is None or not 1 <= times <= market.instrument.max_leverage:
            return Denied("Invalid leverage value")
        held = account.holding(market)
        if held.lots and held.cross != cross:
            return Denied("Cannot switch leverage type with open position.")
        held.leverage, held.cross = times, cross
        return _DONE

    def _isolated(self, account: Account, action: Action) -> Reply:
        asset, money = want(action, "asset", int), want(action, "ntli", int)
        want(action, "isBuy", bool)
        market = self.core.markets.get(asset)
        held = account.holding(market) if market else None
        if held is None or held.cross or not held.lots or held.added + money < 0:
            return Denied("Cannot update isolated margin.")
        held.added += money
        return _DONE


def items(action: Action) -> int:
    """How many orders, cancels or changes an action carries."""
    rows = action.get(ITEMS.get(str(action.get("type")), ""))
    return max(1, len(rows)) if isinstance(rows, list) else 1


def _statuses(kind: str, results: list[Status | str]) -> Reply:
    return Accepted(Response(kind, Statuses(results)))
