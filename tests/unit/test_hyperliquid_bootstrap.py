"""What is listed, and how leads and accounts stand, before a session begins."""

import json
from pathlib import Path

import msgspec
import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Kind
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.accounts import Account
from pilotfish.venues.hyperliquid.bootstrap import (
    Market,
    UserFees,
    account_questions,
    account_start,
    lead_questions,
    lead_start,
    listed,
    listing_questions,
    with_fees,
)
from tests.unit.hyperliquid_scene import ALICE, BOB, CAROL, CROWD, Venue


def asset(name: str, decimals: int = 2, **more) -> dict:
    return {"name": name, "szDecimals": decimals, "maxLeverage": 10} | more


def token(name: str, index: int, decimals: int) -> dict:
    return {
        "name": name,
        "szDecimals": decimals,
        "weiDecimals": 8,
        "index": index,
        "tokenId": "0x0",
        "isCanonical": True,
    }


SPOT = {
    "tokens": [token("USDC", 0, 8), token("HYPE", 150, 2), token("USDH", 360, 2)],
    "universe": [{"name": "@107", "tokens": [150, 0], "index": 107, "isCanonical": False}],
}
MAIN = {"universe": [asset("BTC", 5), asset("OLD", 1, isDelisted=True), asset("ETH", 4)]}
XYZ = {"universe": [asset("xyz:TSLA", 3)], "collateralToken": 360}
FLX = {"universe": [asset("flx:OIL", 2)]}


def answers(main: dict = MAIN, xyz: dict = XYZ) -> list[bytes]:
    dexes = [None, {"name": "xyz", "fullName": "x"}, {"name": "flx", "fullName": "f"}]
    return [json.dumps(one).encode() for one in (dexes, [main, xyz, FLX], SPOT)]


def symbols(market: Market) -> list[str]:
    return [one.symbol for one in market.instruments]


def test_everything_that_trades_is_listed_with_its_number_on_the_wire() -> None:
    assert [body["type"] for body in listing_questions()] == ["perpDexs", "allPerpMetas", "spotMeta"]
    market = listed(answers())
    assert symbols(market) == ["BTC", "ETH", "xyz:TSLA", "flx:OIL", "@107"]
    assert [one.id for one in market.instruments] == [0, 1, 2, 3, 4]
    assets = {coin: one.asset for coin, one in market.listing.by_coin.items()}
    assert assets == {"BTC": 0, "ETH": 2, "xyz:TSLA": 110_000, "flx:OIL": 120_000, "@107": 10_107}
    assert market.instruments[2].quote == "USDH"
    assert (market.dexes, market.new, market.gone) == (("xyz", "flx"), 5, ())


def test_kinds_and_builders_exchanges_can_be_chosen() -> None:
    market = listed(answers(), kinds=(Kind.PERP,), dexes=("flx",))
    assert symbols(market) == ["BTC", "ETH", "flx:OIL"]
    assert market.dexes == ("flx",)


def test_instruments_of_a_journal_keep_their_ids_and_new_ones_follow() -> None:
    before = listed(answers({"universe": [asset("ETH", 4), asset("OLD", 1)]}), kinds=(Kind.PERP,), dexes=())
    assert symbols(before) == ["ETH", "OLD"]
    now = listed(answers(), known=before.instruments, kinds=(Kind.PERP,), dexes=())
    assert [(one.id, one.symbol) for one in now.instruments] == [(0, "ETH"), (1, "OLD"), (2, "BTC")]
    assert (now.new, now.gone) == (1, ("OLD",))
    assert "OLD" not in now.listing.by_coin
    assert now.listing.by_coin["ETH"].asset == 2, "its number on the wire is the venue's, not the journal's"
    assert listed(answers(), known=now.instruments, kinds=(Kind.PERP,), dexes=()).new == 0


def test_an_instrument_in_other_units_than_the_journals_is_an_error() -> None:
    before = listed(answers())
    changed = {"universe": [asset("BTC", 4), asset("OLD", 1, isDelisted=True), asset("ETH", 4)]}
    with pytest.raises(ConfigError, match="begin a new journal"):
        listed(answers(changed), known=before.instruments)


def test_answers_that_do_not_fit_each_other_are_refused() -> None:
    raw = answers()
    with pytest.raises(MessageRefused):
        listed([b"[null]", raw[1], raw[2]])
    with pytest.raises(MessageRefused):
        listed([b"<html>", raw[1], raw[2]])


def told(venue: Venue, bodies: list[dict]) -> list[bytes]:
    more = {
        "userFees": {"userCrossRate": "0.000315", "userAddRate": "-0.00002", "userSpotCrossRate": "0.0006",
                     "userSpotAddRate": "0.0003", "dailyUserVlm": []},
        "userRateLimit": {"cumVlm": "1.0", "nRequestsUsed": 20, "nRequestsCap": 10_000},
    }  # fmt: skip
    return [json.dumps(more.get(body["type"]) or venue.answer(body, 1_000)).encode() for body in bodies]


def test_a_leads_equity_and_positions_are_those_of_every_exchange() -> None:
    market, venue = listed(answers()), Venue()
    venue.trade(ALICE, CROWD, "BTC", "0.5", 1)
    venue.trade(CROWD, ALICE, "xyz:TSLA", "2", 1)
    bodies = lead_questions(ALICE, market.dexes)
    assert [body.get("dex") for body in bodies] == [None, "xyz", "flx", None]
    start = lead_start(told(venue, bodies), market.listing)
    assert start.equity == 1_000_000_000
    assert start.positions == {0: (50_000, 1_000), 2: (-2_000, 100_000)}


def test_a_lead_whose_money_is_in_spot_has_that_equity() -> None:
    market, venue = listed(answers()), Venue()
    venue.values[ALICE], venue.spot[ALICE] = "0.0", "77.5"
    assert lead_start(told(venue, lead_questions(ALICE, market.dexes)), market.listing).equity == 77_500_000


def test_an_account_of_ours_is_asked_for_as_whoever_it_trades_as() -> None:
    market, venue = listed(answers()), Venue()
    account = Account(-1, ALICE, BOB, vault=CAROL)
    venue.spot[CAROL] = "5.0"
    bodies = account_questions(account, market.dexes)
    assert {body["user"] for body in bodies} == {CAROL}
    start = account_start(account, told(venue, bodies), market.listing)
    assert (start.equity, start.cash, start.requests_left) == (1_005_000_000, 5_000_000, 9_980)
    assert start.fees.userCrossRate == "0.000315"


def test_instruments_carry_the_fees_of_our_account_rounded_up() -> None:
    market = listed(answers())
    fees = UserFees("0.0003154", "-0.0000206", "0.0006", "0.0003")
    charged = {one.symbol: (one.taker_fee_e6, one.maker_fee_e6) for one in with_fees(market.instruments, fees)}
    assert charged == {
        "BTC": (316, -20), "ETH": (316, -20), "xyz:TSLA": (632, -40), "flx:OIL": (632, -40), "@107": (600, 300),
    }  # fmt: skip


def test_recorded_tables_of_the_venue_are_listed(shared_data: Path) -> None:
    folder = shared_data / "venue-messages/hyperliquid"
    metas = json.loads((folder / "http_all_perp_metas_non_usdc_collateral.json").read_text())
    spot = (folder / "http_spot_meta_non_usdc_collateral.json").read_bytes()
    dexes = [None, *({"name": f"dex{number}"} for number in range(1, len(metas)))]
    market = listed([msgspec.json.encode(dexes), msgspec.json.encode(metas), spot])
    assert market.instruments
    assert len({one.quote for one in market.instruments}) > 1
    again = listed([msgspec.json.encode(dexes), msgspec.json.encode(metas), spot], known=market.instruments)
    assert (again.instruments, again.new, again.gone) == (market.instruments, 0, ())
