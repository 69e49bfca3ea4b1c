"""The one-step authorisation: a main key signs `approveAgent` once, and the agent's key trades and cannot withdraw.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint#approve-an-api-wallet. What an
address may do is read from `userRole` and `extraAgents` of the info endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.wire.codec import encode
from pilotfish.venues.hyperliquid.wire.messages import Ms
from pilotfish.venues.hyperliquid.wire.signing import Signature, Signed, approve_agent, approve_agent_digest
from pilotfish.venues.keys.key import Key
from pilotfish.venues.reading import Reading


class RoleData(msgspec.Struct, frozen=True):
    user: str | UnsetType = UNSET  # of an agent: whom it trades for
    master: str | UnsetType = UNSET  # of a sub-account


class Role(msgspec.Struct, frozen=True):
    """`userRole`: what the venue takes an address for."""

    role: Literal["user", "agent", "vault", "subAccount", "missing"]
    data: RoleData | UnsetType = UNSET


class Agent(msgspec.Struct, frozen=True):
    """A row of `extraAgents`: a named agent of an account."""

    name: str
    address: str
    validUntil: Ms


ROLE: Reading[Role] = Reading("userRole", Role)
EXTRA_AGENTS: Reading[list[Agent]] = Reading("extraAgents", list[Agent])


class Permissions(msgspec.Struct, frozen=True):
    """What a key may do with an account. `withdraw` is an error of the set-up: a stolen key would empty the account."""

    trade: bool
    withdraw: bool
    until_ms: int | None  # when the authorisation ends, where the venue says so
    why: str


def authorisation(main: Key, agent: str, name: str | None, now_ms: int, *, mainnet: bool) -> bytes:
    """The body of POST /exchange that lets `agent` trade for `main`'s account. The main key is used here and not kept.

    A named agent takes the place of an older one of this name. Raises VenueError when `agent` is no address.
    """
    action = approve_agent(agent, name, now_ms, mainnet=mainnet)
    raw = main.sign_digest(approve_agent_digest(action))
    r, s = (hex(int.from_bytes(half, "big")) for half in (raw[:32], raw[32:64]))
    return encode(Signed(action, now_ms, Signature(r, s, 27 + raw[64])))


def questions(account: Account) -> tuple[dict[str, str], dict[str, str]]:
    """What to ask /info, for `permissions`: the role of the key, and the named agents of the account."""
    return {"type": "userRole", "user": account.key}, {"type": "extraAgents", "user": account.address}


def permissions(account: Account, role: Role, agents: Sequence[Agent], now_ms: int) -> Permissions:
    """What the account's key may do, from the answers to `questions`."""
    if account.key == account.address:
        return Permissions(True, True, None, "the key is the account's own: authorise an agent, and keep this key away")
    of = role.data.user if role.data else UNSET
    if role.role != "agent" or not isinstance(of, str):
        return Permissions(False, False, None, f"the venue knows the key as {role.role}, not as an agent: authorise it")
    if of.lower() != account.address:
        return Permissions(False, False, None, f"the key is an agent of {of[:42]}: authorise it for this account")
    until_ms = max((one.validUntil for one in agents if one.address.lower() == account.key), default=None)
    if until_ms is not None and until_ms <= now_ms:
        return Permissions(False, False, until_ms, "the authorisation has ended: authorise it again")
    return Permissions(True, False, until_ms, "the key is an agent: it trades and cannot withdraw")
