"""What a deployment is to be: on a public chain from a file (docs/chain.md), on a local one as `local` makes it.

Everything is an address, a number or a name; nothing is secret.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.node.accounts import CHAIN_ID, known_to_all

Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")]
Count = Annotated[int, msgspec.Meta(ge=0)]
NEVER = 2**128 - 1
Bps = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
DAY_S = 86_400


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class TokenSettings(_Table, frozen=True, kw_only=True):
    """A token that may be traded against the asset. `pool`: the Uniswap v3 pool of the two that the guard asks.

    `pool_fees`: of the pools of the two that may be traded in, hundredths of a basis point. Choose deep ones: who
    brings an order picks among them.
    """

    name: str
    address: Address
    feed: Address
    pool: Address
    pool_fees: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)] = (3_000,)
    heartbeat_s: Count = DAY_S
    window_s: Count = 1_800
    deviation_bps: Bps = 200


class AssetSettings(_Table, frozen=True, kw_only=True):
    """What followers deposit, and what everything is counted in. A feed of its own where it may leave its peg."""

    address: Address
    feed: Address | None = None
    heartbeat_s: Count = DAY_S


class SafeSettings(_Table, frozen=True, kw_only=True):
    """The owners in the end. The three contracts stand on most chains already; else they are deployed."""

    owners: list[Address]
    threshold: Annotated[int, msgspec.Meta(ge=1)] = 2
    factory: Address | None = None
    singleton: Address | None = None
    fallback: Address | None = None


class TermsSettings(_Table, frozen=True, kw_only=True):
    """What a vault charges. `subscription`: millionths of a unit of the asset a month."""

    subscription: Count = 2_000_000
    management_bps: Bps = 100
    first_rate_bps: Bps = 500
    second_from_bps: Count = 1_000
    second_rate_bps: Bps = 1_000
    third_from_bps: Count = 3_000
    third_rate_bps: Bps = 1_500


class VaultSettings(_Table, frozen=True, kw_only=True):
    """One vault. `tokens`: names of those it may hold; all where the list is empty."""

    name: str
    symbol: str
    lead: Address
    fee_recipient: Address
    tokens: list[str] = []
    terms: TermsSettings = TermsSettings()
    lock_s: Count = DAY_S
    entry_slippage_bps: Bps = 100
    exit_slippage_bps: Bps = 200
    order_bps_max: Bps = 5_000
    stop_bps: Bps = 5_000
    bleed_bps_max: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 200
    """What mirrored trades may lose against the guard's prices, of NAV: at once, and again with each day."""
    counted_from: Count = 0
    """Base units: what its closing must sell for to count for the breaker."""


class DeskSettings(_Table, frozen=True, kw_only=True):
    """The desk of segregated wallets. `subscription`: base units of the asset a month."""

    fee_recipient: Address
    subscription: Count = 2_000_000
    fee_bps: Bps = 1_000
    counted_from: Count = NEVER
    """Base units: what a wallet's closing must sell for to count for the breaker. Left out: none counts, for followers
    bring their own wallets to the line at will, and get the money back.
    """


class Settings(_Table, frozen=True, kw_only=True):
    """All of a deployment."""

    name: str
    chain_id: Count
    asset: AssetSettings
    tokens: list[TokenSettings]
    uniswap_factory: Address
    safe: SafeSettings
    vaults: list[VaultSettings]
    desk: DeskSettings
    guardians: list[Address]
    """May halt, and nothing else."""
    operator: Address
    """Signs the user operations that carry the desk's batches."""
    batchers: list[Address] = []
    """May send the desk's batches as transactions of their own."""
    sponsor_daily_wei: Count = 10**18
    """What the sponsor pays for the operator's gas a day."""
    sponsor_deposit_wei: Count = 0
    """What the sponsor has for it at first, from the deployer."""
    coupons: list[Address] = []
    """Who gets a coupon at first: a tenth less of every fee, for a year."""
    recorders: list[Address] = []
    """May credit volume."""
    publisher: Address | None = None
    """May place followers in shards."""
    entry_point: Address | None = None
    """Of ERC-4337, v0.8. Deployed where it is not named."""
    sequencer: Address | None = None
    grace_s: Count = 3_600
    timelock_delay_s: Count = 2 * DAY_S
    bond_min: Count = 1_000_000
    bond_max: Count = 10_000_000_000


def read_settings(path: Path) -> Settings:
    """Raises ConfigError, with the place in the file."""
    try:
        return checked(msgspec.convert(tomllib.loads(path.read_text()), type=Settings), str(path))
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{path}", f"cannot be read ({bad})", "name a settings file (docs/chain.md)") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as bad:
        raise ConfigError(f"{path}", str(bad)[:300], "docs/chain.md says what it may hold") from None


def checked(settings: Settings, where: str) -> Settings:
    """Raises ConfigError for what cannot be deployed, or must not."""
    names = [token.name for token in settings.tokens]
    for what, count in (("guardian", len(settings.guardians)), ("vault", len(settings.vaults)), ("token", len(names))):
        if not count:
            raise ConfigError(where, f"names no {what}", f"add a {what}")
    owners = {owner.lower() for owner in settings.safe.owners}
    if len(owners) < len(settings.safe.owners) or not settings.safe.threshold <= len(owners):
        raise ConfigError(where, "the Safe names an owner twice, or fewer than must sign", "mend [safe]")
    unknown = {token for vault in settings.vaults for token in vault.tokens} - set(names)
    if unknown or len(set(names)) < len(names):
        raise ConfigError(where, f"a token is named twice, or not at all: {', '.join(unknown)}", "mend [[tokens]]")
    if settings.chain_id != CHAIN_ID:
        _public(settings, where, owners)
    return settings


def _public(settings: Settings, where: str, owners: set[str]) -> None:
    """What only a local chain may have. Raises ConfigError."""
    if settings.timelock_delay_s < DAY_S or settings.safe.threshold < 2:
        raise ConfigError(where, "the timelock waits less than a day, or one owner signs alone", "mend both")
    everything = set(re.findall(r"0x[0-9a-f]{40}", msgspec.json.encode(settings).decode().lower()))
    if known := everything & known_to_all():
        why = f"{', '.join(sorted(known))} belongs to a key that everybody knows"
        raise ConfigError(where, why, "name addresses of your own on a public chain")
