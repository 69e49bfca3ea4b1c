"""Every recorded file is recognised by its content, and gives the fills that an independent reading finds."""

import csv
import gzip
import json
from collections import Counter
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from pilotfish.venues.recordings import Recording, never_copied, read_recordings, real_copies

LEADERS = "hyperliquid/leaders-2026-07"


@pytest.fixture(scope="module")
def everything(shared_data: Path) -> list[Recording]:
    folders = [shared_data / "hyperliquid", shared_data / "polymarket"]
    return read_recordings(folders, accounts=1)


def named(everything: list[Recording], beginning: str) -> Recording:
    (found,) = [r for r in everything if r.file.startswith(beginning)]
    return found


def opened(path: Path) -> str:
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()


def shown(found: Recording) -> list[tuple[str, int, Decimal, Decimal]]:
    """(symbol, side, size, price) of each fill, in the file's own numbers."""
    fills = ((found.instruments[f.instrument], f) for f in found.fills)
    return [(i.symbol, f.side, i.show_lots(f.lots), i.show_price(f.price)) for i, f in fills]


@pytest.mark.parametrize(
    ("beginning", "shape", "account", "fills", "instruments", "breaks", "issues"),
    [
        ("leader_acc2.", "hyperliquid fills", "leader_acc2", 122, 5, 0, 0),
        ("leader_acc3.", "hyperliquid fills", "leader_acc3", 647, 1, 0, 0),
        ("leader_acc4.", "hyperliquid fills", "leader_acc4", 65, 1, 0, 0),
        ("leader_acc10.", "hyperliquid fills", "leader_acc10", 144, 7, 0, 0),
        ("follower_acc2.", "hyperliquid fills", "follower_acc2", 2, 1, 0, 0),
        ("follower_acc3.", "hyperliquid fills", "follower_acc3", 3, 1, 0, 0),
        ("follower_acc4.", "hyperliquid fills", "follower_acc4", 5, 1, 0, 0),
        ("follower_acc10.", "hyperliquid fills", "follower_acc10", 4, 2, 0, 0),
        ("fills_0x513b8629", "hyperliquid spreadsheet", "0x513b8629", 7666, 4, 3, 0),
        ("trade-history-sample", "hyperliquid duckdb", "0x15be61ae", 200, 19, 0, 0),
        ("test_get_user_fills.", "hyperliquid cassette", "0xb7b6f3ce", 500, 15, 1, 0),
        ("test_get_user_fills_by_time.", "hyperliquid cassette", "0xb7b6f3ce", 500, 15, 1, 0),
        ("whale1_activity", "polymarket activity", "0xe1df720a", 76, 48, 0, 0),
        ("whale2_activity", "polymarket activity", "0x81514a78", 167, 42, 0, 2),
        ("poly_user_activity_trades_0xb49f46_202505301115", "polymarket export", "0xb49f468c", 1000, 253, 0, 0),
        ("poly_user_activity_trades_0xb49f46_202505301116", "polymarket export", "0xe3726a1b", 1000, 230, 0, 0),
        ("poly_user_activity_trades_0xd218e4_202505301037", "polymarket export", "0xd218e474", 1000, 242, 0, 0),
        ("polymarket_trades_0xd218e4", "polymarket export", "0xd218e474", 1000, 242, 0, 0),
        ("us_house_overall", "polymarket amm tape", "0xf1302aaf", 116, 2, 0, 3),
    ],
)
def test_what_each_file_holds(everything, beginning, shape, account, fills, instruments, breaks, issues):
    found = named(everything, beginning)
    assert found.shape == shape
    assert found.account.startswith(account)
    assert (len(found.fills), len(found.instruments)) == (fills, instruments)
    assert (len(found.breaks), len(found.issues)) == (breaks, issues)


def test_files_of_markets_are_told_from_files_of_accounts(shared_data, everything):
    markets = {r.file for r in everything if r.shape == "market recording"}
    assert {"live_books_5m.jsonl.gz", "ws_btcusd_20250126.gz", "bybit_BTCUSDT_5m.csv.gz"} <= markets
    assert {"BTC-5m-markets-2026-07-24.jsonl.gz", "BTCUSD-prices-2026-07-24.csv.gz"} <= markets
    games = {path.name for path in (shared_data / "polymarket/clob-mlb-2025").iterdir()}
    assert len(games) == 32
    assert games <= markets
    for one in everything:
        if one.shape == "market recording":
            assert (one.account, one.fills, one.issues) == ("", [], [])
            assert any("holds no account's trades" in note for note in one.notes)


def test_cassettes_of_other_questions_say_so_and_are_no_error(everything):
    cassettes = [r for r in everything if r.shape == "hyperliquid cassette"]
    silent = [r for r in cassettes if not r.fills]
    assert (len(cassettes), len(silent)) == (23, 21)
    assert all(r.issues == [] for r in cassettes)
    assert sum(any("holds no account's trades" in note for note in r.notes) for r in silent) == 20
    assert named(everything, "test_user_twap_slice_fills").notes == ["holds no fills"]


def test_nothing_else_lies_there_unrecognised(everything):
    assert {r.file for r in everything if r.shape == "unknown"} == {"manifest.json"}


@pytest.mark.parametrize("account", ["acc2", "acc3", "acc4", "acc10"])
@pytest.mark.parametrize("role", ["leader", "follower"])
def test_a_hyperliquid_export_loses_nothing(shared_data, everything, role, account):
    raw = json.loads(opened(shared_data / LEADERS / f"{role}_{account}.json.gz"))["fills"]
    found = named(everything, f"{role}_{account}.")
    sides = {"B": 1, "A": -1}
    assert shown(found) == [(x["coin"], sides[x["side"]], Decimal(x["sz"]), Decimal(x["px"])) for x in raw]
    assert [f.fill_id for f in found.fills] == [x["tid"] for x in raw]
    assert [f.venue_ns for f in found.fills] == [x["time"] * 10**6 for x in raw]
    assert found.order_ids == [x["oid"] for x in raw]
    assert found.fees == [int(Decimal(x["fee"]) * 10**6) for x in raw]
    starts = [found.instruments[f.instrument].show_lots(f.start or 0) for f in found.fills]
    assert starts == [Decimal(x["startPosition"]) for x in raw]


def test_a_lead_that_held_a_position_before_the_file_begins_says_which(everything):
    found = named(everything, "leader_acc3.")
    assert found.instruments[0].symbol == "kBONK"
    assert found.first_positions == {0: -62_324_026}
    last = found.fills[-1]
    assert (last.start or 0) + last.side * last.lots == -187_266_075


def test_the_only_break_of_the_recorded_answer_is_where_it_begins(everything):
    """83 of its 500 fills have their other side beside them: the account traded with itself."""
    found = named(everything, "test_get_user_fills.")
    assert [b.fill for b in found.breaks] == [1]
    assert any(note.startswith("83 trades of the account with itself") for note in found.notes)


def test_the_vaults_chains_close_in_the_order_they_state(shared_data):
    vault, trader = read_recordings([shared_data / "hyperliquid/vault"], accounts=2)
    assert (len(vault.fills), len(vault.fundings), len(vault.ledger)) == (200, 38, 481)
    assert (len(trader.fills), len(trader.fundings), len(trader.ledger)) == (200, 118, 45)
    assert vault.breaks == trader.breaks == []
    deposits = sum(row.money for row in vault.ledger if row.kind == "vaultDeposit")
    assert abs(deposits - 1_432_289_149_113) < 1_000_000


@pytest.mark.parametrize(
    "file", ["poly_user_activity_trades_0xd218e4_202505301037.csv", "polymarket_trades_0xd218e4.csv"]
)
def test_an_exports_money_is_kept_to_the_micro_dollar(shared_data, everything, file):
    found = named(everything, file)
    whole = opened(shared_data / "polymarket/leader-trades" / file)
    stated = sum(Decimal(cell) for cell in _values(whole))
    traded = sum((size * price for _, _, size, price in shown(found)), Decimal(0))
    assert abs(traded - stated) < Decimal("0.002")


def _values(whole: str) -> list[str]:
    rows = list(csv.DictReader(StringIO(whole)))
    if "value" in rows[0]:
        return [row["value"] for row in rows]
    return [row["data"].split("'value': ")[1].split(",")[0] for row in rows]


def test_two_exports_of_one_trader_agree_where_they_overlap(everything):
    first = named(everything, "poly_user_activity_trades_0xd218e4")
    second = named(everything, "polymarket_trades_0xd218e4")
    until = min(first.fills[-1].venue_ns, second.fills[-1].venue_ns)
    since = max(first.fills[0].venue_ns, second.fills[0].venue_ns)
    one, two = (
        Counter((f.venue_ns, *row) for f, row in zip(r.fills, shown(r), strict=True) if since < f.venue_ns < until)
        for r in (first, second)
    )
    assert sum(one.values()) > 900
    assert one - two == Counter()
    assert sum((two - one).values()) == 1  # the later export lost one fill of 60 shares


def test_what_the_wallets_redeemed_is_what_the_venue_paid(shared_data, everything):
    for wallet in ("whale1", "whale2"):
        raw = json.loads(opened(shared_data / f"polymarket/activity-2026-02/{wallet}_activity.json.gz"))
        paid = sum(x["usdcSize"] for x in raw if x["type"] == "REDEEM")
        settled = named(everything, f"{wallet}_activity").settlements
        assert abs(sum(s.money for s in settled) / 1e6 - paid) < 1e-4
        assert sum(s.kind == "redeem" and s.instrument is None for s in settled) == (11 if wallet == "whale2" else 0)


def test_every_account_of_the_midterms_can_be_the_lead(shared_data):
    folder = shared_data / "polymarket/midterms-2022"
    rows = sum(opened(path).count("\n") - 1 for path in sorted(folder.iterdir()))
    everyone = read_recordings([folder], accounts=10_000)
    issues = [issue for one in everyone for issue in one.issues]
    assert rows == 21_087
    assert sum(len(one.fills) for one in everyone) + len(issues) == rows
    assert Counter(issue.column for issue in issues) == {"Shares": 216, "Account": 2}
    assert len({one.account for one in everyone}) == 1_499
    assert all(0 < price < 1 for one in everyone for _, _, _, price in shown(one))


@pytest.mark.parametrize(
    ("account", "lags", "own", "orders", "missed"),
    [
        ("acc2", [1228, 690], 0, 15, 13),
        ("acc3", [3361, 1008, 0], 0, 345, 342),
        ("acc4", [942, 950], 2, 13, 11),
        ("acc10", [1001, 873], 2, 9, 7),
    ],
)
def test_what_the_real_copiers_achieved(everything, account, lags, own, orders, missed):
    leader, follower = named(everything, f"leader_{account}."), named(everything, f"follower_{account}.")
    copies = real_copies(leader, follower)
    assert [c.lag_ms for c in copies if c.lag_ms is not None] == lags
    assert sum(c.lag_ms is None for c in copies) == own
    assert never_copied(leader, copies) == missed
    assert len(set(leader.order_ids)) == orders
    assert all(abs(c.slippage_bps) < 100 for c in copies if c.slippage_bps is not None)
