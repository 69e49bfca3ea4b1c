"""The whole system of contracts onto a chain. It ends with the timelock owning all of it, and the deployer nothing.

Who may do what is written once, here: docs/chain.md tells it in words, `deploy_standing` holds a chain against it.
"""

from __future__ import annotations

from typing import NamedTuple

from pilotfish.venues.evm.contracts.system import (
    ENTRY_POINT,
    Anchor,
    Breaker,
    CopyDesk,
    DeskParts,
    FeeCoupon,
    FeeSchedule,
    InsurancePool,
    Limits,
    Liquidator,
    MirrorExecutor,
    OperatorAccount,
    Owned,
    PriceGuard,
    Sponsor,
    StrategyVault,
    Terms,
    Timelock,
    UniswapV3Venue,
    VaultConfig,
    VaultRouter,
    VolumeBadge,
)
from pilotfish.venues.evm.deploy.safe import NOBODY, deploy_safe, hand_over, leave_safe
from pilotfish.venues.evm.deploy.settings import Settings, VaultSettings
from pilotfish.venues.evm.deploy.steps import Deployer

COUPON_PERIODS = 12
"""Of 30 days."""


class Core(NamedTuple):
    """What every book stands on."""

    timelock: Timelock
    guard: PriceGuard
    breaker: Breaker
    pool: InsurancePool
    executor: MirrorExecutor
    venue: UniswapV3Venue
    liquidator: Liquidator
    coupons: FeeCoupon


async def deploy_system(deployer: Deployer, settings: Settings) -> None:
    """All of it, or what is still to be done of it. Raises ConfigError, NoAnswer, TransactionRefused."""
    deployer.settle_on(settings)
    me = deployer.key.address
    safe = await deploy_safe(deployer, settings.safe)
    timelock = await deployer.create(Timelock, 0, safe.address)
    core = await _core(deployer, settings, timelock)
    await _prices(deployer, settings, core.guard)
    books: dict[str, int] = {}
    owned: list[Owned] = [core.guard, core.breaker, core.pool, core.executor, core.liquidator, core.coupons, core.venue]
    router = await deployer.create(VaultRouter, me, settings.asset.address)
    for number, one in enumerate(settings.vaults, start=1):
        schedule, vault = await _vault(deployer, settings, core, one, number)
        owned.append(schedule)
        books[vault.address] = one.counted_from
        await deployer.act(f"vault {number} is a shard", router.add_shard(vault.address))
    desk = await _desk(deployer, settings, core)
    books[desk.address] = settings.desk.counted_from
    await _books(deployer, core, books, desk.address)
    account, sponsor = await _operator(deployer, settings, desk)
    badge = await _badge(deployer, settings)
    if settings.publisher:
        await deployer.act("publisher of shards", router.set_publisher(settings.publisher))
    await deployer.create(Anchor)
    await hand_over(
        deployer, safe, timelock, [*owned, router, desk, account, sponsor, badge], settings.timelock_delay_s
    )
    await leave_safe(deployer, safe, settings.safe)
    await deployer.finish()


async def _core(deployer: Deployer, settings: Settings, timelock: Timelock) -> Core:
    me, asset = deployer.key.address, settings.asset.address
    guard = await deployer.create(PriceGuard, me, asset, settings.sequencer or NOBODY, settings.grace_s)
    breaker = await deployer.create(Breaker, me)
    pool = await deployer.create(InsurancePool, me, asset)
    liquidator = await deployer.create(Liquidator, me, breaker.address, pool.address, guard.address)
    executor = await deployer.create(MirrorExecutor, me, pool.address, settings.bond_min, settings.bond_max)
    venue = await _venue(deployer, settings)
    coupons = await deployer.create(FeeCoupon, me)
    for holder in settings.coupons:
        await deployer.act(f"coupon of {holder}", coupons.mint(holder, COUPON_PERIODS))
    for guardian in settings.guardians:
        await deployer.act(f"guardian {guardian}", breaker.set_guardian(guardian, True))
    await deployer.act("the liquidator reports to the breaker", breaker.set_reporter(liquidator.address, True))
    await deployer.act("the liquidator claims insurance", pool.set_claimant(liquidator.address, True))
    await deployer.act("forfeited bonds are insurance", pool.set_book(executor.address, True))
    return Core(timelock, guard, breaker, pool, executor, venue, liquidator, coupons)


async def _venue(deployer: Deployer, settings: Settings) -> UniswapV3Venue:
    """It trades in the pools that the settings name, and in no other."""
    venue = await deployer.create(UniswapV3Venue, deployer.key.address, settings.uniswap_factory)
    for token in settings.tokens:
        for fee in token.pool_fees:
            pool = venue.list_(token.address, settings.asset.address, fee)
            await deployer.act(f"{token.name} is traded in its pool of {fee}", pool)
    return venue


async def _prices(deployer: Deployer, settings: Settings, guard: PriceGuard) -> None:
    asset = settings.asset
    if asset.feed:
        await deployer.act(
            "feed of the asset", guard.set_feed(asset.address, asset.feed, asset.heartbeat_s, NOBODY, 0, 0)
        )
    for token in settings.tokens:
        lines = token.heartbeat_s, token.pool, token.window_s, token.deviation_bps
        await deployer.act(f"feed of {token.name} is trusted", guard.set_feed(token.address, token.feed, *lines))


async def _vault(
    deployer: Deployer, settings: Settings, core: Core, one: VaultSettings, number: int
) -> tuple[FeeSchedule, StrategyVault]:
    fees, mark = one.terms, f" {number}" if number > 1 else ""
    terms = Terms(fees.subscription, fees.management_bps, fees.first_rate_bps, fees.second_from_bps,
                  fees.second_rate_bps, fees.third_from_bps, fees.third_rate_bps)  # fmt: skip
    schedule = await deployer.create(FeeSchedule, terms, deployer.key.address, name=f"FeeSchedule{mark}")
    held = [token.address for token in settings.tokens if not one.tokens or token.name in one.tokens]
    limits = Limits(one.lock_s, one.entry_slippage_bps, one.exit_slippage_bps, one.order_bps_max, one.stop_bps,
                    one.bleed_bps_max)  # fmt: skip
    config = VaultConfig(
        settings.asset.address, one.name, one.symbol, one.lead, core.timelock.address, core.executor.address,
        core.liquidator.address, core.guard.address, core.breaker.address, core.venue.address, core.pool.address,
        core.coupons.address, one.fee_recipient, held, schedule.address, limits,
    )  # fmt: skip
    return schedule, await deployer.create(StrategyVault, config, name=f"StrategyVault{mark}")


async def _desk(deployer: Deployer, settings: Settings, core: Core) -> CopyDesk:
    one = settings.desk
    parts = DeskParts(
        core.executor.address, core.guard.address, core.breaker.address, core.venue.address, core.pool.address,
        core.coupons.address, core.liquidator.address, one.fee_recipient, one.subscription, one.fee_bps,
    )  # fmt: skip
    desk = await deployer.create(CopyDesk, parts, deployer.key.address)
    for token in settings.tokens:
        await deployer.act(f"the desk trades {token.name}", desk.list_(token.address))
    for batcher in settings.batchers:
        await deployer.act(f"batcher {batcher}", desk.set_operator(batcher, True))
    return desk


async def _operator(deployer: Deployer, settings: Settings, desk: CopyDesk) -> tuple[OperatorAccount, Sponsor]:
    """The account whose user operations carry the desk's batches, and who pays for their gas."""
    me = deployer.key.address
    entry_point = settings.entry_point or await deployer.create_package("EntryPoint", ENTRY_POINT)
    deployer.given("entry point", entry_point)
    account = await deployer.create(OperatorAccount, entry_point, settings.operator, me)
    await deployer.act("the account calls the desk", account.set_target(desk.address, True))
    await deployer.act("the account sends the desk's batches", desk.set_operator(account.address, True))
    for guardian in settings.guardians:
        await deployer.act(f"guardian {guardian} of the account", account.set_guardian(guardian, True))
    sponsor = await deployer.create(Sponsor, entry_point, me)
    await deployer.act("budget of the account", sponsor.set_budget(account.address, settings.sponsor_daily_wei))
    if settings.sponsor_deposit_wei:
        await deployer.act("the sponsor has coins", sponsor.deposit(), settings.sponsor_deposit_wei)
    return account, sponsor


async def _books(deployer: Deployer, core: Core, books: dict[str, int], desk: str) -> None:
    """Vaults and desk pay into the pool, and the liquidator closes their accounts."""
    for book, counted_from in books.items():
        await deployer.act(f"book {book} contributes", core.pool.set_book(book, True))
        # Who can empty an account brings it to its line at will: wallets of followers' own are not insured.
        await deployer.act(f"book {book} has a line", core.liquidator.set_book(book, True, book != desk, counted_from))


async def _badge(deployer: Deployer, settings: Settings) -> VolumeBadge:
    badge = await deployer.create(VolumeBadge, deployer.key.address)
    for recorder in settings.recorders:
        await deployer.act(f"recorder {recorder}", badge.set_recorder(recorder, True))
    return badge
