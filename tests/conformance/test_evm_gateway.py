"""A chain looked at before it is used, and opened: by real nodes with Uniswap's own contracts."""

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from web3 import HTTPProvider, Web3

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.venues.evm.bootstrap import Wanted
from pilotfish.venues.evm.deploy.packages import anvil_path
from pilotfish.venues.evm.gateway import EvmGateway
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import LocalNode, local_node
from pilotfish.venues.evm.settings import Settings
from pilotfish.venues.gateway import Ours
from pilotfish.venues.keys.keyring import Keyring
from tests.contracts.market import Market, fund, market

OURS, LEAD, POOR = (local_keys()[k] for k in (5, 6, 7))
PLACE = Ours(-1, OURS.address, OURS.address)


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with local_node("anvil" if anvil_path() is not None else "embedded") as one:
        yield one


@pytest.fixture(scope="module")
def laid(node: LocalNode) -> Market:
    web3 = Web3(HTTPProvider(node.url))
    made = market(web3)
    for who in (OURS, LEAD):
        address = Web3.to_checksum_address(who.address)
        for token, amount in ((made.usdc, 9_000 * 10**6), (made.weth, 2 * 10**18)):
            fund(web3, token, address, amount, made.router.address)
    return made


@pytest.fixture
def settings(node: LocalNode, laid: Market) -> Settings:
    router = laid.router.address.lower()
    return Settings(journal=0, chain=CHAIN_ID, router=router, ws_url=node.socket_url, http_url=node.url)


def wanted(m: Market) -> Wanted:
    return Wanted(m.pool.address.lower(), m.weth.address.lower())


def surveyed(gateway: EvmGateway, ours=(PLACE,), known=()):
    return asyncio.run(gateway.survey([LEAD.address], list(ours), list(known)))


def test_a_survey_says_what_is_traded_and_what_everybody_has(settings, laid):
    survey = surveyed(EvmGateway(settings, [wanted(laid)]))
    (one,) = survey.instruments
    assert (one.symbol, one.quote, one.lot_decimals, one.price_decimals, one.money_decimals) == (
        "WETH/USDC/3000", "USDC", 6, 3, 6,
    )  # fmt: skip
    assert survey.marks[0] == pytest.approx(3_000_000, abs=1)
    (lead,), (ours,) = survey.leads, survey.accounts
    assert lead.positions == ours.positions == {0: 2 * 10**6}
    assert lead.equity == pytest.approx(15_000 * 10**6, rel=1e-6)
    assert (ours.may_trade, ours.note) == (True, "")
    assert len(survey.round_trips_ns) == 4


def test_an_account_that_cannot_trade_is_told_why(settings, laid):
    poor = Ours(-1, POOR.address, OURS.address)
    (account,) = surveyed(EvmGateway(settings, [wanted(laid)]), [poor]).accounts
    assert account.may_trade is False
    assert "approve it" in account.note
    assert "another address's" in account.note


def test_a_journals_instrument_keeps_its_number_and_its_units(settings, laid):
    gateway = EvmGateway(settings, [wanted(laid)])
    before = replace(surveyed(gateway).instruments[0], id=4, lot_decimals=4)
    other = replace(before, id=3, symbol="OLD/USDC/500")
    survey = surveyed(gateway, known=[other, before])
    assert [one.id for one in survey.instruments] == [3, 4]
    assert survey.leads[0].positions == {4: 2 * 10**4}
    assert "OLD/USDC/500 is not traded any more" in survey.notes


@pytest.mark.parametrize("what", ["chain", "router", "pool", "base", "node"])
def test_what_does_not_fit_together_is_refused_with_its_reason(settings, laid, what):
    pool = wanted(laid)
    changed, error = {
        "chain": ((replace(settings, chain=1), pool), "of chain 31337"),
        "router": ((replace(settings, router=laid.weth.address.lower()), pool), "eth_call of"),
        "pool": ((settings, replace(pool, pool=laid.weth.address.lower())), "eth_call of"),
        "base": ((settings, replace(pool, base="0x" + "11" * 20)), "as base"),
        "node": ((replace(settings, http_url="http://127.0.0.1:9/secret"), pool), "the node"),
    }[what]
    with pytest.raises((ConfigError, VenueError), match=error) as caught:
        surveyed(EvmGateway(changed[0], [changed[1]]))
    assert "secret" not in str(caught.value)


def test_what_was_surveyed_is_opened_and_tells_its_book(settings, laid):
    gateway = EvmGateway(settings, [wanted(laid)])
    with pytest.raises(ConfigError, match="survey"):
        asyncio.run(gateway.positions([PLACE]))
    survey = surveyed(gateway)

    async def live() -> None:
        ring, woken = Keyring([OURS]), asyncio.Event()
        venue = gateway.open(survey, ring, 77, woken.set)
        await venue.start()
        async with asyncio.timeout(20):
            while venue.depth(0) is None:
                await woken.wait()
                woken.clear()
                venue.events(0)
        bids, asks, _ = venue.depth(0)
        assert bids[0][0] < survey.marks[0] < asks[0][0]
        await venue.stop()
        assert venue.failure is None

    asyncio.run(live())
    assert asyncio.run(gateway.positions([PLACE])) == {-1: {0: 2 * 10**6}}
