"""The worked example of docs/onchain-risk.md is what the contracts do."""

import json
import re
from pathlib import Path

import pytest

from tests.contracts.chain import deploy, reverts, send
from tests.contracts.doubles import compiled
from tests.contracts.market import fund, market
from tests.contracts.nodes import later

USDC, WETH = 10**6, 10**18
ZERO = "0x" + "00" * 20
PAGE = Path(__file__).parents[2] / "docs/onchain-risk.md"
ROW = re.compile(r"^\| ([AB]) \| (\d+) \|(.*)$", re.M)


@pytest.fixture(scope="module")
def m(web3):
    laid = market(web3)
    later(web3, 7200)
    return laid


def test_the_pages_example_is_what_happens(web3, m):
    owner, page = web3.eth.accounts[0], PAGE.read_text()
    guard = deploy(web3, "PriceGuard", owner, m.usdc.address, ZERO, 0)
    breaker = deploy(web3, "Breaker", owner)
    pool = deploy(web3, "InsurancePool", owner, m.usdc.address)
    liquidator = deploy(web3, "Liquidator", owner, breaker.address, pool.address, guard.address)
    books = {name: compiled(web3, "Books.sol", "PaperBook") for name in "AB"}
    fund(web3, m.usdc, owner, 10_000 * USDC, pool.address)
    calls = [
        m.feed.functions.set(2600 * 10**8, web3.eth.get_block("latest")["timestamp"]),
        guard.functions.setFeed(m.weth.address, m.feed.address, 3600, m.pool.address, 1800, 2_000),
        breaker.functions.setReporter(liquidator.address, True),
        pool.functions.setClaimant(liquidator.address, True),
        pool.functions.setBook(owner, True),
    ]
    for (_, book), fees in zip(sorted(books.items()), (1_000, 9_000), strict=True):
        calls += [
            pool.functions.setBook(book.address, True),
            pool.functions.contribute(book.address, fees * USDC),
            liquidator.functions.setBook(book.address, True, True, 0),
            book.functions.setUp(guard.address, liquidator.address),
            book.functions.fillAt(9_900),
        ]
    for call in calls:
        send(web3, call, owner)
    written = ROW.findall(page)
    assert len(written) == 6
    for n, (name, held, rest) in enumerate(written, 1):
        breaker.functions.requireOpen(books[name].address).call()
        line = round(float(rest.split("|")[1]) * USDC)
        who = f"0x{n:040x}"
        opening = books[name].functions.open(who, 0, line, [m.weth.address], [int(held) * WETH])
        send(web3, opening, owner)
        at = send(web3, liquidator.functions.liquidate(books[name].address, who, [b"\0\x0b\xb8"]), owner)["blockNumber"]
        told = liquidator.events.Liquidated().get_logs(from_block=at)[0]["args"]
        claims = [log["args"] for log in pool.events.Claimed().get_logs(from_block=at)]
        figures = [told["equity"], told["line"], told["left"], claims[0]["asked"], claims[0]["granted"]]
        assert [each.strip() for each in rest.split("|")[:5]] == [f"{figure / USDC:.2f}" for figure in figures]
    with reverts(breaker, "Halted"):
        breaker.functions.requireOpen(books["A"].address).call()
    send(web3, pool.functions.pay(99), owner)
    paid = pool.functions.paid().call()
    holds = m.usdc.functions.balanceOf(pool.address).call()
    assert f"Then {paid / USDC:,.2f} USDC are paid, in this order, and the pool holds {holds / USDC:,.2f}." in page


def test_the_pages_gas_is_what_is_written_down():
    held = json.loads((PAGE.parents[1] / "contracts/gas/guard.json").read_text())
    marked, with_sequencer = held["price, marked, of token0"], held["price, marked, with a sequencer, of token0"]
    page = PAGE.read_text()
    assert f"| price from a mark | {marked:,} |" in page
    assert f"| price, quiet pool, no mark | {held['price, quiet pool, of token0']:,} |" in page
    assert f"| sequencer's feed on top | {with_sequencer - marked:,} |" in page
