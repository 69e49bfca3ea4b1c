"""Whether the engine's ledger and the wallets on the chain say the same, wallet by wallet, to the base unit."""

from __future__ import annotations

from typing import NamedTuple

from pilotfish.worlds.chain.books import LOT_DECIMALS, Books
from pilotfish.worlds.chain.desk_venue import TOKEN_DECIMALS
from pilotfish.worlds.chain.stage import Stage


class Agreement(NamedTuple):
    """`differing`: follower numbers whose money or tokens differ by more than what is less than a lot."""

    wallets: int
    differing: list[int]
    money: int
    """USDC base units in all wallets."""


async def agreement(stage: Stage, books: Books) -> Agreement:
    """Ask the chain about every wallet."""
    state = books.world.shard.state
    cash = state.ledger.money.rows.tolist()
    lots = state.ledger.lots[books.instrument.id].rows.tolist() if state.ledger.lots else [0] * len(cash)
    lot = 10 ** (TOKEN_DECIMALS - LOT_DECIMALS)
    differing, money = [], 0
    for n, follower in enumerate(stage.followers):
        has, tokens = await stage.cash(follower.wallet), await stage.tokens(follower.wallet)
        money += has
        if has != cash[n] or not 0 <= tokens - lots[n] * lot < 2 * lot:
            differing.append(n)
    return Agreement(len(stage.followers), differing, money)
