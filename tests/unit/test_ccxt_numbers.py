"""Ids, markets and numbers between an exchange and us: exact, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError, NumericOverflow
from pilotfish.domain.instrument import Kind
from pilotfish.venues.ccxt.ids import ClientIds, fill_id
from pilotfish.venues.ccxt.listing import listed
from pilotfish.venues.ccxt.settings import Credentials, Settings

IDS = ClientIds("shard3")


def market(**changes):
    usual = {
        "id": "BTC-USDT-SWAP", "symbol": "BTC/USDT:USDT", "swap": True, "linear": True, "spot": False, "quote": "USDT",
        "contractSize": "0.01", "precision": {"amount": "0.01", "price": "0.1"}, "taker": "0.0005", "maker": "-0.00005",
        "limits": {"amount": {"min": "0.01"}, "cost": {"min": None}, "leverage": {"max": "100"}},
    }  # fmt: skip
    return usual | changes


@given(st.integers(0, 2**63 - 1))
def test_a_client_id_suits_every_exchange_and_says_its_order(coid):
    text = IDS.text(coid)
    assert text.isalnum()
    assert len(text) <= 32
    assert IDS.coid(text) == coid


@given(st.one_of(st.text(max_size=40), st.none(), st.integers(), st.just("shard3z"), st.just("pfz0000000000000001")))
def test_what_is_not_ours_says_no_order(text):
    assert IDS.coid(text) is None


def test_numbers_without_a_text_have_none():
    assert IDS.text(-1) is None
    assert IDS.text(2**63) is None
    assert ClientIds("a" * 14).text(2**63 - 1) == "a" * 14 + "z7fffffffffffffff"


@pytest.mark.parametrize("name", ["", "3a", "a-b", "a" * 15, "é"])
def test_a_namespace_that_an_exchange_would_refuse_is_refused_here(name):
    with pytest.raises(ConfigError):
        ClientIds(name)


def test_fill_ids_are_int64_and_tell_instruments_apart():
    uuid = "0ab1bdf7-4219-438b-b30a-32ec863018f7"
    numbers = {fill_id(trade, instrument) for trade in ("1", "2", "6123456789", uuid) for instrument in (0, 1)}
    assert len(numbers) == 8
    assert all(0 < number < 2**63 for number in numbers)
    assert fill_id("7", 1) < fill_id("8", 0)


def test_contracts_are_counted_in_lots_of_the_base_asset():
    one = listed(4, market(), "okx")
    assert (one.instrument.id, one.instrument.lot_decimals, one.instrument.price_decimals) == (4, 4, 1)
    assert (one.instrument.taker_fee_e6, one.instrument.maker_fee_e6) == (500, -50)
    assert one.amount(10_000) == "100"
    assert one.amount(1) == "0.01"
    assert one.lots("0.37") == 37
    assert one.price("60000.1") == 600_001
    assert one.price_text(600_000) == "60000"
    assert one.mark("60000.16") == 600_002


@given(st.integers(1, 10**12))
def test_an_amount_comes_back_as_the_same_lots(lots):
    one = listed(0, market(), "okx")
    assert one.lots(one.amount(lots)) == lots


def test_lots_between_two_steps_have_no_amount():
    coarse = listed(0, market(contractSize="1", precision={"amount": "5", "price": "0.5"}), "x")
    assert coarse.instrument.lot_decimals == 0
    assert coarse.instrument.tick == 5
    assert coarse.amount(5) == "5"
    assert coarse.amount(7) is None


def test_a_spot_market_is_fully_paid():
    spot = listed(0, market(swap=False, linear=None, spot=True, contractSize=None), "x").instrument
    assert (spot.kind, spot.max_leverage, spot.maintenance_bps) == (Kind.SPOT, 1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"linear": False},
        {"precision": {"amount": None, "price": "0.1"}},
        {"precision": {"amount": "nan", "price": "0.1"}},
        {"precision": {"amount": "0", "price": "0.1"}},
        {"precision": {"amount": "1e-999999", "price": "0.1"}},
        {"contractSize": "-1"},
        {"precision": {}},
    ],
)
def test_a_market_that_cannot_be_traded_exactly_is_refused(changes):
    with pytest.raises(ConfigError):
        listed(0, market(**changes), "x")


@pytest.mark.parametrize("value", [None, "", "x", "nan", "inf", "1e999", [], 0.1, "0.00001", "1e-30"])
def test_numbers_that_are_not_exact_are_refused(value):
    with pytest.raises(NumericOverflow):
        listed(0, market(), "x").lots(value)


def test_fees_are_rounded_against_us_and_rebates_too():
    one = listed(0, market(), "x")
    assert one.money_ceil("0.0000001") == 1
    assert one.money_ceil("-0.0000019") == -1
    assert one.money_ceil(Decimal("1.5")) == 1_500_000


def test_one_key_is_one_account_and_says_so():
    with pytest.raises(ConfigError, match="one account"):
        Settings(exchange="okx", symbols=("BTC/USDT:USDT",), accounts=(-1, 7)).check()
    with pytest.raises(ConfigError, match="no symbols"):
        Settings(exchange="okx", symbols=()).check()
    with pytest.raises(ConfigError, match="recv_window_ns"):
        Settings(exchange="okx", symbols=("x",), recv_window_ns=0).check()


def test_keys_do_not_show_and_are_not_written():
    import pickle

    secret = Credentials("the-key", "the-secret", "the-password")
    assert repr(secret) == str(secret) == "Credentials(…)"
    with pytest.raises(ConfigError):
        pickle.dumps(secret)
