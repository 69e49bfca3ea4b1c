"""The contracts of the system as Python deploys and reads them. What each does: docs/contracts.md."""

from __future__ import annotations

from pilotfish.venues.evm.bindings import Contract, Function, Tuple


class Owned(Contract):
    """What the timelock owns. Each of its kinds is Ownable2Step."""

    artifact = "PriceGuard"
    owner: Function[[], str]
    pending_owner: Function[[], str]
    transfer_ownership: Function[[str], None]
    accept_ownership: Function[[], None]


class PriceGuard(Owned):
    artifact = "PriceGuard"
    quote: Function[[], str]
    sequencer: Function[[], str]
    set_feed: Function[[str, str, int, str, int, int], None]
    feeds: Function[[str], tuple[str, int, int, int, int, bool, str, bool]]
    price: Function[[str], int]
    bounds: Function[[str], tuple[int, int]]


class Breaker(Owned):
    artifact = "Breaker"
    set_guardian: Function[[str, bool], None]
    set_reporter: Function[[str, bool], None]
    halt: Function[[bytes], None]
    resume: Function[[], None]
    state: Function[[], tuple[bool, int, int, int, int]]
    require_open: Function[[str], None]
    book_halted: Function[[str], bool]


class InsurancePool(Owned):
    artifact = "InsurancePool"
    asset: Function[[], str]
    set_book: Function[[str, bool], None]
    set_claimant: Function[[str, bool], None]
    contributed: Function[[], int]
    paid: Function[[], int]
    grantable: Function[[str], int]


class MirrorExecutor(Owned):
    artifact = "MirrorExecutor"
    bond: Function[[], int]


class UniswapV3Venue(Contract):
    artifact = "UniswapV3Venue"


class Liquidator(Owned):
    artifact = "Liquidator"
    set_book: Function[[str, bool, int], None]


class Terms(Tuple, frozen=True):
    """What a vault charges (contracts/src/vault/VaultTypes.sol has the units)."""

    subscription: int
    management_bps: int
    first_rate_bps: int
    second_from_bps: int
    second_rate_bps: int
    third_from_bps: int
    third_rate_bps: int


class Limits(Tuple, frozen=True):
    """What a vault never exceeds."""

    lock: int
    entry_slippage_bps: int
    exit_slippage_bps: int
    order_bps_max: int
    stop_bps: int


class VaultConfig(Tuple, frozen=True):
    """Everything a vault is deployed with."""

    asset: str
    name: str
    symbol: str
    lead: str
    owner: str
    executor: str
    liquidator: str
    guard: str
    breaker: str
    venue: str
    pool: str
    coupons: str
    fee_recipient: str
    tokens: list[str]
    schedule: str
    limits: Limits


class FeeSchedule(Owned):
    artifact = "FeeSchedule"
    terms: Function[[], Terms]


class StrategyVault(Contract):
    artifact = "StrategyVault"
    asset: Function[[], str]
    lead: Function[[], str]
    owner: Function[[], str]
    total_assets: Function[[], int]
    total_supply: Function[[], int]
    nav_per_share: Function[[], int]
    idle: Function[[], int]
    waiting: Function[[], int]
    closing: Function[[], bool]
    decimals: Function[[], int]
    balance_of: Function[[str], int]
    deposit: Function[[int, str], int]
    request_redeem: Function[[int, str, str], int]
    settle: Function[[], tuple[int, int]]
    claim: Function[[str], int]
    unwind: Function[[str, bytes], tuple[int, int]]
    distribute_fees: Function[[], tuple[int, int]]
    crystallise: Function[[str], int]


class DeskParts(Tuple, frozen=True):
    executor: str
    guard: str
    breaker: str
    venue: str
    pool: str
    coupons: str
    liquidator: str
    fee_recipient: str
    subscription: int
    fee_bps: int


class CopyDesk(Owned):
    artifact = "CopyDesk"
    list_: Function[[str], None]
    set_operator: Function[[str, bool], None]
    operators: Function[[str], bool]


class VolumeBadge(Owned):
    artifact = "VolumeBadge"
    set_recorder: Function[[str, bool], None]


class VaultRouter(Owned):
    artifact = "VaultRouter"
    add_shard: Function[[str], None]
    set_publisher: Function[[str], None]
    shards: Function[[], list[str]]


class Anchor(Contract):
    artifact = "Anchor"


class Timelock(Contract):
    artifact = "Timelock"
    get_min_delay: Function[[], int]
    has_role: Function[[bytes, str], bool]
    proposer_role: Function[[], bytes]
    canceller_role: Function[[], bytes]
    executor_role: Function[[], bytes]
    default_admin_role: Function[[], bytes]
    schedule_batch: Function[[list[str], list[int], list[bytes], bytes, bytes, int], None]
    execute_batch: Function[[list[str], list[int], list[bytes], bytes, bytes], None]
    update_delay: Function[[int], None]


_SAFE = "@safe-global/safe-contracts/build/artifacts/contracts"


class SafeFactory(Contract):
    package = f"{_SAFE}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json"
    create_proxy_with_nonce: Function[[str, bytes, int], str]


class Safe(Contract):
    package = f"{_SAFE}/Safe.sol/Safe.json"
    setup: Function[[list[str], int, str, bytes, str, str, int, str], None]
    add_owner_with_threshold: Function[[str, int], None]
    remove_owner: Function[[str, str, int], None]
    change_threshold: Function[[int], None]
    exec_transaction: Function[[str, int, bytes, int, int, int, int, str, str, bytes], bool]
    get_owners: Function[[], list[str]]
    get_threshold: Function[[], int]


SAFE_FALLBACK = f"{_SAFE}/handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json"
SAFE_PROXY = f"{_SAFE}/proxies/SafeProxy.sol/SafeProxy.json"
ENTRY_POINT = "@account-abstraction/contracts/artifacts/EntryPoint.json"
