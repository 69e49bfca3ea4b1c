"""What stands on a chain, against what was deployed: code, owners, prices, money, halts."""

from __future__ import annotations

from typing import NamedTuple

from rich.table import Table

from pilotfish.venues.evm.contracts.artifact import load
from pilotfish.venues.evm.contracts.system import Breaker, InsurancePool, OperatorAccount, PriceGuard, StrategyVault
from pilotfish.venues.evm.deploy.client import ChainClient, TransactionRefused
from pilotfish.venues.evm.deploy.code import is_made_by
from pilotfish.venues.evm.deploy.market import LocalFeed, LocalToken
from pilotfish.venues.evm.deploy.owners import owner_faults
from pilotfish.venues.evm.deploy.record import Record, Step
from pilotfish.venues.evm.deploy.settings import Settings, TokenSettings
from pilotfish.venues.evm.eyes import fields, octets

PRICE_SCALE = 10**36


class Standing(NamedTuple):
    """`contracts`: name, address, code. `figures`: what, how much. Each fault is a sentence."""

    contracts: list[tuple[str, str, str]]
    figures: list[tuple[str, str]]
    faults: list[str]

    def tables(self) -> list[Table]:
        contracts, figures = Table(), Table("what", "stands at")
        for column in ("contract", "address", "code"):
            contracts.add_column(column, no_wrap=column == "address", overflow="fold")
        for row in self.contracts:
            contracts.add_row(*row)
        for pair in self.figures:
            figures.add_row(*pair)
        return [contracts, figures]


async def standing(client: ChainClient, record: Record) -> Standing:
    """Ask the chain about all of it. Raises NoAnswer."""
    found = Standing([], [], [])
    chain = await client.chain_id()
    block = fields(await client.node.ask("eth_getBlockByNumber", ["0x0", False]), "first block")
    genesis = "0x" + octets(block.get("hash"), "hash", 32).hex()
    if (chain, genesis) != (record.chain_id, record.genesis):
        found.faults.append(f"this is another chain than the deployment's ({chain}, not {record.chain_id})")
        return found
    for name, step in record.steps.items():
        if step.address and step.done:
            await _code(client, name, step, found)
    if not record.complete or record.settings is None:
        found.faults.append("the deployment is not complete: pilotfish chain deploy goes on with it")
    elif not found.faults:
        found.faults.extend(await owner_faults(client, record))
        await _figures(client, record, record.settings, found)
    return found


async def _code(client: ChainClient, name: str, step: Step, found: Standing) -> None:
    code = await client.code(step.address)
    if not code:
        found.faults.append(f"{name}: nothing stands at {step.address}")
    elif step.artifact and not is_made_by(code, bytes.fromhex(load(step.artifact).bytecode[2:])):
        found.faults.append(f"{name}: what stands at {step.address} is not the {step.artifact} of this pilotfish")
    found.contracts.append((name, step.address, "none" if not code else "ours" if step.artifact else "its package's"))


async def _figures(client: ChainClient, record: Record, settings: Settings, found: Standing) -> None:
    asset = LocalToken(settings.asset.address)
    unit, symbol = 10 ** await client.read(asset.decimals()), await client.read(asset.symbol())
    guard = PriceGuard(record.address("PriceGuard"))
    for token in settings.tokens:
        await _price(client, guard, token, (unit, symbol), found)
    pool = InsurancePool(record.address("InsurancePool"))
    holds, paid = await client.read(asset.balance_of(pool.address)), await client.read(pool.paid())
    found.figures.append(("insurance pool", f"{holds / unit:,.2f} {symbol}; {paid / unit:,.2f} paid ever"))
    vaults = {
        name: StrategyVault(step.address) for name, step in record.steps.items() if step.artifact == "StrategyVault"
    }
    breaker = Breaker(record.address("Breaker"))
    halted = (await client.read(breaker.state()))[0]
    found.figures.append(("platform", "halted: nothing opens, exits proceed" if halted else "open"))
    operator = await client.read(OperatorAccount(record.address("OperatorAccount")).halted())
    found.figures.append(("operator's account", "halted: sends nothing" if operator else "open"))
    for name, vault in vaults.items():
        await _vault(client, name, vault, (unit, symbol), found)
    books = {name: vault.address for name, vault in vaults.items()} | {"CopyDesk": record.address("CopyDesk")}
    for name, book in books.items():
        if await client.read(breaker.book_halted(book)):
            found.figures.append((name, "halted: opens nothing, exits proceed"))


async def _price(
    client: ChainClient, guard: PriceGuard, token: TokenSettings, asset: tuple[int, str], found: Standing
) -> None:
    """A price that nobody may use is told with its reason: books open nothing then."""
    told_s = (await client.read(LocalFeed(token.feed).latest_round_data()))[3]
    age_s = await client.now() - told_s
    one = 10 ** await client.read(LocalToken(token.address).decimals())
    try:
        price = await client.read(guard.price(token.address)) * one / PRICE_SCALE / asset[0]
        said = f"{price:,.2f} {asset[1]}"
    except TransactionRefused as doubt:
        said = f"doubtful ({doubt.why})"
        found.faults.append(f"the price of {token.name} is doubtful: {doubt.why}; nothing opens until it is not")
    found.figures.append((f"price of {token.name}", f"{said}; the feed spoke {age_s:,} s ago"))


async def _vault(client: ChainClient, name: str, vault: StrategyVault, asset: tuple[int, str], found: Standing) -> None:
    unit, symbol = asset
    try:
        nav, per_share = await client.read(vault.total_assets()), await client.read(vault.nav_per_share())
    except TransactionRefused as doubt:
        found.figures.append((name, f"no NAV: {doubt.why}"))
        return
    shares, idle = await client.read(vault.total_supply()), await client.read(vault.idle())
    scale: int = 10 ** await client.read(vault.decimals())
    said = f"NAV {nav / unit:,.2f} {symbol}, {per_share * scale / PRICE_SCALE / unit:,.6f} a share"
    said += f", {shares / scale:,.2f} shares, {idle / unit:,.2f} idle"
    state = await client.read(vault.state())
    said += f", {state.waiting / scale:,.2f} shares wait to leave" if state.waiting else ""
    said += ", closing" if state.closing else ""
    found.figures.append((name, said))
