"""The one-step authorisation, and what a key may do."""

import json

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.agent import (
    EXTRA_AGENTS,
    ROLE,
    Agent,
    Role,
    RoleData,
    authorisation,
    permissions,
    questions,
)
from pilotfish.venues.keys.key import Key
from tests.unit.hyperliquid_samples import KEY

MAIN = Key(KEY)
AGENT, OTHER = "0x" + "a9" * 20, "0x" + "b8" * 20
ZERO = "0x" + "0" * 40
MS = 1_784_683_656_000
ACCOUNT = Account(-1, MAIN.address, AGENT)


def test_the_authorisation_is_signed_by_the_main_key_and_holds_no_secret() -> None:
    body = authorisation(MAIN, AGENT, "pilotfish", MS, mainnet=True)
    sent = json.loads(body)
    action = sent["action"]
    assert action["type"] == "approveAgent"
    assert (action["agentAddress"], action["agentName"], action["nonce"]) == (AGENT, "pilotfish", MS)
    fields = [("hyperliquidChain", "string"), ("agentAddress", "address"), ("agentName", "string"), ("nonce", "uint64")]
    typed = encode_typed_data(
        {
            "name": "HyperliquidSignTransaction",
            "version": "1",
            "chainId": 0x66EEE,
            "verifyingContract": "0x" + "0" * 40,
        },
        {"HyperliquidTransaction:ApproveAgent": [{"name": name, "type": kind} for name, kind in fields]},
        {name: action[name] for name, _ in fields},
    )
    signature = sent["signature"]
    vrs = (signature["v"], int(signature["r"], 16), int(signature["s"], 16))
    assert EthAccount.recover_message(typed, vrs=vrs).lower() == MAIN.address
    assert KEY.hex().encode() not in body


def test_what_is_no_address_is_not_authorised() -> None:
    with pytest.raises(VenueError, match="no address"):
        authorisation(MAIN, "0x12", None, MS, mainnet=False)


def test_the_role_of_the_key_and_the_agents_of_the_account_are_asked_for() -> None:
    assert questions(ACCOUNT) == ({"type": "userRole", "user": AGENT}, {"type": "extraAgents", "user": MAIN.address})


def role(kind: str, user: str | None = None) -> Role:
    return Role(kind) if user is None else Role(kind, RoleData(user))


def test_an_agent_trades_and_cannot_withdraw() -> None:
    told = permissions(ACCOUNT, role("agent", MAIN.address), [Agent("pilotfish", AGENT, MS + 5)], MS)
    assert (told.trade, told.withdraw, told.until_ms) == (True, False, MS + 5)


def test_an_agent_without_a_name_has_no_end() -> None:
    assert permissions(ACCOUNT, role("agent", MAIN.address), [], MS).until_ms is None


def test_the_accounts_own_key_could_withdraw() -> None:
    told = permissions(Account(-1, MAIN.address, MAIN.address), role("user"), [], MS)
    assert (told.trade, told.withdraw) == (True, True)
    assert "authorise an agent" in told.why


@pytest.mark.parametrize(
    ("answer", "agents"),
    [
        (role("missing"), []),
        (role("user"), []),
        (role("vault"), []),
        (role("agent", OTHER), []),
        (role("agent", MAIN.address), [Agent("pilotfish", AGENT, MS)]),
    ],
)
def test_a_key_that_is_no_living_agent_of_the_account_may_do_nothing(answer, agents) -> None:
    told = permissions(ACCOUNT, answer, agents, MS)
    assert (told.trade, told.withdraw) == (False, False)


def test_the_venues_answers_are_read() -> None:
    assert ROLE.decode(json.dumps({"role": "agent", "data": {"user": OTHER}})) == role("agent", OTHER)
    assert ROLE.decode(b'{"role":"user"}') == role("user")
    rows = [{"name": "one", "address": AGENT, "validUntil": MS}]
    assert EXTRA_AGENTS.decode(json.dumps(rows)) == [Agent("one", AGENT, MS)]


def test_addresses_are_kept_in_lower_case_and_what_is_none_is_refused() -> None:
    assert Account(0, "0x" + "AB" * 20, AGENT.upper().replace("X", "x")).address == "0x" + "ab" * 20
    with pytest.raises(ConfigError, match="its key '0x12'"):
        Account(0, AGENT, "0x12")
