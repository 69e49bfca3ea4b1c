"""Contracts by their address, or by the file of a deployment."""

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.record import Record, Step, write_record
from pilotfish.worlds.chain.reach import DEPLOYMENT
from pilotfish.worlds.onchain.places import Place, books_of, place_of

ONE, TWO, THREE, FOUR = ("0x" + digit * 40 for digit in "1234")


@pytest.fixture
def folder(tmp_path):
    def step(address, artifact, block, *, done=True):
        return Step(
            plan="0x", transaction="0x", raw="0x", nonce=0, address=address, artifact=artifact, block=block, done=done
        )

    steps = {
        "Liquidator": step(ONE, "Liquidator", 7),
        "StrategyVault": step(TWO, "StrategyVault", 9),
        "StrategyVault 2": step(THREE, "StrategyVault", 10, done=False),
        "CopyDesk": step(FOUR, "CopyDesk", 11),
    }
    write_record(tmp_path / DEPLOYMENT, Record(chain_id=5, genesis="0x", deployer=ONE, steps=steps))
    return str(tmp_path)


def test_an_address_is_an_address():
    assert place_of("--anchor", ONE, "Anchor") == Place(ONE, 0, 0)


def test_a_deployment_says_where_since_when_and_on_which_chain(folder):
    assert place_of("--liquidator", folder, "Liquidator") == Place(ONE, 7, 5)


def test_all_books_of_a_deployment_are_watched_and_those_that_are_named(folder):
    books, chain = books_of("--liquidator", folder, [THREE], [])
    assert chain == 5
    assert (books.liquidator, list(books.vaults), list(books.desks), books.since) == (ONE, [THREE, TWO], [FOUR], 7)


def test_what_is_neither_or_not_there_is_said(folder, tmp_path):
    with pytest.raises(ConfigError, match="holds no Anchor yet"):
        place_of("--anchor", folder, "Anchor")
    with pytest.raises(ConfigError, match="is no address"):
        place_of("--anchor", str(tmp_path / "none"), "Anchor")
    with pytest.raises(ConfigError, match="is no address"):
        place_of("--anchor", "", "Anchor")
    with pytest.raises(ConfigError, match="is no address"):
        books_of("--liquidator", ONE, ["0x12"], [])
    with pytest.raises(ConfigError, match="no book is named"):
        books_of("--liquidator", ONE, [], [])
