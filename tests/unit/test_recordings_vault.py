"""A DuckDB file of vaults: exact decimals out of 32-bit floats, sides told by the positions, cash beside the fills."""

from pathlib import Path

import duckdb
import pytest

from pilotfish.venues.recordings import read_recordings
from tests.unit.recordings_samples import LEAD, MS, OTHER, only_issue

FILLS = (
    "address varchar, trade_id bigint, ts bigint, coin varchar, side tinyint, sz float, px float, "
    "start_position float, fee float, oid bigint"
)


def database(folder: Path, *fills: tuple, columns: str = FILLS, more: str = "") -> Path:
    path = folder / "vault"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table fills ({columns})")
        for row in fills:
            connection.execute(f"insert into fills values ({','.join('?' * len(row))})", row)
        connection.execute(more or "select 1")
    return path


def fill(k: int, side: int = 0, size: float = 162.4, start: float = 7708.6, **changed) -> tuple:
    row = {"address": LEAD, "id": 900 + k, "ts": MS + k, "coin": "UNI", "side": side, "sz": size, "px": 3.1953,
           "start": start, "fee": 0.077837, "oid": 70 + k}  # fmt: skip
    return tuple((row | changed).values())


def test_a_32_bit_float_is_read_as_the_decimal_the_venue_wrote(tmp_path):
    (found,) = read_recordings([database(tmp_path, fill(0), fill(1, start=7871.0))])
    (uni,) = found.instruments
    assert (uni.lot_decimals, uni.price_decimals) == (1, 5)
    assert [(f.lots, f.price, f.start) for f in found.fills] == [(1624, 319_530, 77_086), (1624, 319_530, 78_710)]
    assert found.fees == [77_837, 77_837]
    assert (found.breaks, found.issues) == ([], [])
    assert [f.fill_id for f in found.fills] == [900, 901]


@pytest.mark.parametrize(("code", "grows"), [(0, True), (0, False), (1, True), (1, False)])
def test_the_positions_tell_which_side_is_a_buy(tmp_path, code, grows):
    """The table names sides 0 and 1 and explains neither: what makes the position grow is a buy."""
    then = 7871.0 if grows else 7546.2
    (found,) = read_recordings([database(tmp_path, fill(0, side=code), fill(1, side=code, start=then))])
    assert {f.side for f in found.fills} == {1 if grows else -1}
    assert found.breaks == []


def test_floats_too_coarse_for_their_number_are_no_break(tmp_path):
    """16777217.5 is not a 32-bit float; the stated start is off by less than its last place."""
    (found,) = read_recordings([database(tmp_path, fill(0, size=1.5, start=16_777_216.0), fill(1, start=16_777_218.0))])
    assert found.breaks == []


def test_cash_comes_with_the_account_it_belongs_to(tmp_path):
    more = f"""
        create table funding (address varchar, ts bigint, coin varchar, usdc float, rate float);
        create table ledger (address varchar, ts bigint, event_type varchar, usdc float, vault varchar);
        create table accounts (address varchar, label varchar, is_vault boolean);
        insert into funding values ('{LEAD}', {MS}, 'UNI', -6.0344, 0.0000125), ('{OTHER}', {MS}, 'UNI', 1, 0);
        insert into funding values ('{LEAD}', {MS}, 'BTC', 1, null);
        insert into ledger values ('{LEAD}', {MS}, 'vaultDeposit', 900, '{OTHER}');
        insert into accounts values ('{LEAD}', 'Test Vault', true);
    """
    (found,) = read_recordings([database(tmp_path, fill(0), more=more)])
    first, second = found.fundings
    assert (first.coin, first.instrument, first.money, first.rate_e9) == ("UNI", 0, -6_034_400, 12_500)
    assert (second.coin, second.instrument, second.rate_e9) == ("BTC", None, 0)
    assert [(row.kind, row.money, row.counterparty) for row in found.ledger] == [("vaultDeposit", 900_000_000, OTHER)]
    assert "labelled 'Test Vault', a vault" in found.notes


def test_bad_rows_are_named_by_table_and_column(tmp_path):
    bad = [fill(1, size=float("nan")), fill(2, coin=""), fill(3, side=7), fill(4, ts=5), fill(5, size=float("inf"))]
    (found,) = read_recordings([database(tmp_path, fill(0), *bad)])
    assert sorted(i.column for i in found.issues) == ["fills.coin", "fills.side", "fills.sz", "fills.sz", "fills.ts"]
    assert len(found.fills) == 1


def test_a_missing_column_or_table_is_named(tmp_path):
    (found,) = read_recordings([database(tmp_path, (LEAD,), columns="address varchar")])
    assert "fills.trade_id" in {i.column for i in found.issues}
    path = tmp_path / "empty"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table other (x int)")
    (found,) = read_recordings([path])
    assert {i.column for i in found.issues} >= {"fills.address", "fills.sz"}


def test_a_view_in_place_of_the_table_is_not_run(tmp_path):
    path, other = tmp_path / "view", tmp_path / "other.csv"
    other.write_text("address\nsecret\n")
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create view fills as select * from read_csv('{other}')")
    (found,) = read_recordings([path])
    assert found.fills == []
    assert all("the column is missing" in i.why for i in found.issues)
    assert found.issues


def test_a_cut_database_is_an_issue(tmp_path):
    path = database(tmp_path, fill(0))
    path.write_bytes(path.read_bytes()[:9000])
    (found,) = read_recordings([path])
    assert "the database cannot be read" in only_issue(found).why
