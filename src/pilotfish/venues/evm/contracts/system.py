"""The contracts of the system as Python deploys and reads them. What each does: docs/contracts.md."""

from __future__ import annotations

from pilotfish.venues.evm.contracts.bindings import Contract, Function, Tuple
from pilotfish.venues.evm.wire.instructions import Instruction


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
    approve_agent: Function[[str, int], None]
    mirror: Function[[Instruction, bytes, bytes], tuple[int, int]]


class UniswapV3Venue(Owned):
    artifact = "UniswapV3Venue"
    list_: Function[[str, str, int], None]
    pool_of: Function[[str, str, int], str]


class Liquidator(Owned):
    artifact = "Liquidator"
    set_book: Function[[str, bool, bool, int], None]
    books: Function[[str], tuple[bool, bool, int]]


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
    bleed_bps_max: int


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


class VaultState(Tuple, frozen=True):
    """Assets set aside, shares that wait to leave, whether nothing is opened any more."""

    reserved: int
    waiting: int
    closing: bool


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
    state: Function[[], VaultState]
    decimals: Function[[], int]
    balance_of: Function[[str], int]
    deposit: Function[[int, str], int]
    request_redeem: Function[[int, str, str], int]
    settle: Function[[], tuple[int, int]]
    claim: Function[[str], int]
    unwind: Function[[str, int, bytes], tuple[int, int]]
    distribute_fees: Function[[], tuple[int, int]]
    crystallise: Function[[str], int]


class Mandate(Tuple, frozen=True):
    """What a follower signs (contracts/src/follow/Mandate.sol has the units)."""

    follower: str
    lead: str
    tokens: list[str]
    allocation: int
    order_max: int
    leverage_bps: int
    ratio_bps: int
    open_slippage_bps: int
    exit_slippage_bps: int
    stop_slippage_bps: int
    stop_bps: int
    fee_bps_max: int
    issued: int
    expiry: int


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
    follow_many: Function[[list[Mandate], list[bytes]], None]
    revoke_by_signature: Function[[str, str, int, bytes], None]
    open: Function[[list[str], str], None]
    wallet_of: Function[[str, str], str]
    digest_of: Function[[Mandate], bytes]
    copy: Function[[Instruction, bytes, bytes, int, bytes], tuple[int, int]]
    distribute_fees: Function[[str], None]
    earned: Function[[str], int]


class FeeCoupon(Owned):
    artifact = "FeeCoupon"
    mint: Function[[str, int], int]
    discount_bps: Function[[str], int]


class OperatorAccount(Owned):
    artifact = "OperatorAccount"
    signer: Function[[], str]
    halted: Function[[], bool]
    set_target: Function[[str, bool], None]
    set_guardian: Function[[str, bool], None]
    execute: Function[[str, bytes], None]


class Sponsor(Owned):
    artifact = "Sponsor"
    set_budget: Function[[str, int], None]
    deposit: Function[[], None]
    budgets: Function[[str], tuple[int, int, int]]


class VolumeBadge(Owned):
    artifact = "VolumeBadge"
    set_recorder: Function[[str, bool], None]
    credit: Function[[str, bytes, int, bytes], int]
    balance_of: Function[[str], int]


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


class EntryPoint(Contract):
    package = ENTRY_POINT
    get_nonce: Function[[str, int], int]
