"""What a node says, read: swaps as trades, pools as books, refusals by their words; and no bytes that do harm."""

from decimal import Decimal, getcontext

import msgspec
import pytest
from eth_abi import encode
from eth_bloom import BloomFilter
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pilotfish.domain.instrument import Instrument, Kind
from pilotfish.domain.orders import Place
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.public.ladder import State, Ticks, ladder
from pilotfish.venues.evm.public.leads import fill_id
from pilotfish.venues.evm.wire import bloom, rpc
from pilotfish.venues.evm.wire.abi import address, hash32, quantity, signed, unhex
from pilotfish.venues.evm.wire.rpc import Failure, Log, Refusal
from pilotfish.venues.evm.wire.swaps import (
    Q96,
    SQRT_MAX,
    SQRT_MIN,
    SWAP,
    Pool,
    Swap,
    Token,
    read_swap,
    root_at,
    tag,
    tagged,
    traded,
)
from pilotfish.venues.twins.evm.pool import PoolState, liquidity_for
from tests.conformance.venues.evm import EvmRig

getcontext().prec = 120
OWN, OTHER = "0x" + "22" * 20, "0x" + "33" * 20
ETH = Instrument(0, "WETH/USDC", "evm", Kind.SPOT, lot_decimals=4, price_decimals=2, money_decimals=6)


def pool(base_first: bool, fee_e6: int = 3_000) -> Pool:
    low, high = "0x" + "0a" * 20, "0x" + "0b" * 20
    base, quote = (low, high) if base_first else (high, low)
    return Pool(ETH, "0x" + "cc" * 20, Token(base, "WETH", 18), Token(quote, "USDC", 6), fee_e6, 60)


POOLS = [pool(True), pool(False), pool(True, 100), pool(False, 10_000)]
pools = st.sampled_from(POOLS)
prices = st.integers(100, 10**9)  # of a whole WETH, from one dollar to ten million


# -- prices ------------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(pools, prices, st.sampled_from([1, -1]))
def test_nothing_trades_beyond_the_limit_and_all_that_is_within_it_may(one, price, side):
    root = one.limit(side, price)
    assert SQRT_MIN < root < SQRT_MAX
    at_limit = one.ask(root) if side > 0 else -one.bid(root)
    assert at_limit <= side * price
    further = root + (1 if (side > 0) is one.base_first else -1) * max(1, root // 10**9)
    beyond = one.ask(further) if side > 0 else -one.bid(further)
    assert beyond >= side * price, "a billionth of the root further is beyond it, or the very limit"


@settings(max_examples=100, deadline=None)
@given(pools, prices)
def test_bid_middle_and_ask_stand_in_order_and_the_fee_is_between(one, price):
    root = one.limit(1, price)
    assert one.bid(root) <= one.price_floor(root) <= one.price_ceil(root) <= one.ask(root)
    assert one.ask(root) - one.bid(root) >= 2 * one.price_floor(root) * one.fee_e6 // 10**6 - 2


@settings(max_examples=150, deadline=None)
@given(st.integers(-887_272, 887_272))
@example(0)
@example(887_272)
@example(-887_272)
def test_the_root_at_a_tick_is_the_power_to_one_part_in_a_billion_billion(tick):
    exact = Decimal("1.0001") ** tick
    root = Decimal(root_at(tick)) / Q96
    assert abs(root * root / exact - 1) < Decimal(10) ** -9 * (1 if abs(tick) > 500_000 else Decimal(10) ** -6)


def test_a_tick_is_found_again_from_its_root():
    for tick in range(-300_000, 300_000, 9_973):
        assert PoolState(root_at(tick), 0).tick == tick
        assert PoolState(root_at(tick + 1) - 1, 0).tick == tick


# -- swaps -------------------------------------------------------------------------------------------------------------


def log_of(one: Pool, base: int, quote: int, root: int = Q96, liquidity: int = 5, tick: int = -7) -> Log:
    amounts = (base, quote) if one.base_first else (quote, base)
    data = encode(["int256", "int256", "uint160", "uint128", "int24"], [*amounts, root, liquidity, tick])
    topics = (SWAP, "0x" + OTHER[2:].rjust(64, "0"), "0x" + OWN[2:].rjust(64, "0"))
    return Log(one.address, topics, data, 12, "0x" + "0e" * 32, "0x" + "0f" * 32, 3)


amounts = st.integers(1, 10**24)


@settings(max_examples=200, deadline=None)
@given(pools, amounts, amounts, st.booleans())
def test_a_swap_is_told_so_that_the_chain_holds_no_less_than_we_say(one, base, quote, buys):
    swap = read_swap(log_of(one, -base if buys else base, quote if buys else -quote))
    assert (swap.sender, swap.recipient, swap.root, swap.liquidity, swap.tick) == (OTHER, OWN, Q96, 5, -7)
    trade = traded(swap, one)
    assume(trade is not None)
    assert trade.side == (1 if buys else -1)
    lots, cost = trade.lots * one.unit, trade.cost * one.money
    assert 0 <= (base - lots if buys else lots - base) < one.unit
    assert 0 <= (cost - quote if buys else quote - cost) < one.money
    exact = Decimal(quote) / 10**6 / (Decimal(base) / 10**18)
    assert abs(Decimal(trade.price) - exact * 100) <= Decimal("0.5")


@pytest.mark.parametrize(("base", "quote"), [(0, 0), (5, 5), (-5, -5), (-1, 10**6), (10**18, 0), (-(10**60), 10**60)])
def test_what_is_no_trade_of_a_lot_is_none(base, quote):
    one = POOLS[0]
    amounts_ = (base, quote)
    assert traded(Swap(OTHER, OWN, *amounts_, Q96, 5, 0), one) is None


@settings(max_examples=25, deadline=None)
@given(pools, st.integers(1, 10**9), prices, st.sampled_from([1, -1]), st.integers(0, 2**63 - 1), st.integers(0, 2**63))
def test_an_order_is_the_routers_own_call_with_the_orders_name_behind_it(one, lots, price, side, coid, journal):
    order = Place(coid, -1, 0, side, lots, price)
    data = one.calldata(order, OWN, 1_800_000_000, journal)
    tokens = (one.quote.address, one.base.address) if side > 0 else (one.base.address, one.quote.address)
    amount = lots * one.unit
    bound = one.instrument.notional_ceil(lots, price) * one.money if side > 0 else 0
    fields = (*tokens, one.fee_e6, OWN, 1_800_000_000, amount, bound, one.limit(side, price))
    kinds = "(address,address,uint24,address,uint256,uint256,uint256,uint160)"
    assert data[4:-20] == encode([kinds], [fields])
    assert data[:4].hex() == ("db3e2198" if side > 0 else "414bf389")
    assert tagged(data) == (journal, coid)


def test_a_tag_is_read_at_the_end_alone_and_nowhere_else():
    assert tagged(b"call" + tag(7, 9)) == (7, 9)
    assert tagged(tag(7, 9)) is None
    assert tagged(b"call" + tag(7, 9) + b"\x00") is None
    assert tagged(b"call") is None


def test_a_fill_has_one_number_on_every_branch_and_they_grow_with_the_chain():
    def number(block: int, index: int, last: str) -> int:
        return fill_id(Log("0x", (), b"", block, "0x" + "0" * 60 + last, "0x", index))

    rows = [number(20_000_000, 3, "aaaa"), number(20_000_000, 4, "aaaa"), number(20_000_001, 0, "0000")]
    assert rows == sorted(rows)
    assert number(20_000_000, 3, "aaab") not in rows
    assert 0 < max(rows) < 2**62


# -- books -------------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(pools, st.integers(-20, 20), st.integers(10**12, 10**20), st.data())
def test_what_a_book_shows_trades_at_its_price_or_better(one, at, liquidity, data):
    tick = (-200_000 if one.base_first else 200_000) + 13 * at
    low = tick // 60 * 60 - 60
    net = {low: liquidity, low + 180: -liquidity // 2, low + 240: liquidity // 2 - liquidity}
    state = PoolState(0, 0)
    state.lay(root_at(tick) + 12_345, {})
    state.net, state.liquidity = {k: v for k, v in net.items() if v}, liquidity
    seen = Ticks([*net], low - 600, low + 900, dict(net))
    bids, asks = ladder(one, State(state.root, liquidity, tick), seen)
    for side, levels in ((1, asks), (-1, bids)):
        assert levels == sorted(levels, key=lambda level: side * level[0])
        if not levels:
            continue
        count = data.draw(st.integers(1, len(levels)))
        lots = sum(size for _, size in levels[:count])
        worst = levels[count - 1][0]
        copy = PoolState(state.root, state.liquidity, dict(state.net))
        down = (side < 0) is one.base_first
        exact = -lots * one.unit if side > 0 else lots * one.unit
        taken = copy.swap(down, exact, one.limit(side, worst), one.fee_e6)
        base = taken[0 if one.base_first else 1]
        assert abs(base) >= lots * one.unit * (1 - 10**-9), "all of it, up to the price of the last level"


def test_liquidity_for_an_amount_holds_it():
    for amount in (10**10, 10**17, 10**21):
        liquidity = liquidity_for(amount, -200_010, -200_000)
        held = POOLS[0].within(root_at(-200_010), liquidity, root_at(-200_000))
        assert amount <= held <= amount * (1 + 10**-6)


# -- words of nodes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code", "means"),
    [
        ("nonce too low: next nonce 5, tx nonce 4", -32000, Refusal.NONCE_TOO_LOW),  # go-ethereum
        ("nonce too low", -32003, Refusal.NONCE_TOO_LOW),  # anvil
        ("OldNonce: nonce too low", -32010, Refusal.NONCE_TOO_LOW),
        ("replacement transaction underpriced", -32000, Refusal.UNDERPRICED),
        ("transaction underpriced: tip needed 1, tip permitted 0", -32000, Refusal.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x…", -32000, Refusal.UNDERPRICED),
        ("already known", -32000, Refusal.KNOWN),
        ("transaction already imported", -32003, Refusal.KNOWN),
        ("insufficient funds for gas * price + value: balance 0", -32000, Refusal.FUNDS),
        ("Insufficient funds for gas * price + value", -32003, Refusal.FUNDS),
        ("execution reverted: STF", 3, Refusal.REVERTED),
        ("VM Exception while processing transaction: revert", -32000, Refusal.REVERTED),
        ("something new", 3, Refusal.REVERTED),
        ("daily request count exceeded, request rate limited", -32005, Refusal.LIMIT),
        ("Too Many Requests", 429, Refusal.LIMIT),
        ("Must be authenticated! Unauthorized", -32600, Refusal.KEY),
        ("intrinsic gas too low", -32000, Refusal.INVALID),
        ("exceeds block gas limit", -32000, Refusal.INVALID),
        ("internal error", -32603, Refusal.UNKNOWN),
        ("", 0, Refusal.UNKNOWN),
    ],
)
def test_a_refusal_is_known_by_its_words(said, code, means):
    assert Failure(code, said).means() is means


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=20, max_size=20), max_size=8), st.binary(min_size=20, max_size=20))
def test_a_filter_never_hides_what_is_in_the_block(held, other):
    theirs = BloomFilter()
    for one in held:
        theirs.add(one)
    whole = int(theirs).to_bytes(256, "big")
    assert all(bloom.may_hold(whole, [bloom.bits(one)]) for one in held)
    assert bloom.may_hold(whole, [bloom.bits(other)]) is (other in theirs)
    assert bloom.may_hold(b"", [bloom.bits(other)]), "a filter that was not told excludes nothing"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=70) | st.sampled_from(["0x", "0x1", "0x" + "ff" * 32]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["number", "hash", "parentHash", "timestamp", "address", "topics", "data", "blockNumber",
                         "blockHash", "transactionHash", "logIndex", "removed", "status", "gasUsed", "from", "id",
                         "result", "error", "params", "subscription", "code", "message"]), inner, max_size=12),
    max_leaves=8,
)  # fmt: skip
READERS = [
    rpc.read_replies, rpc.read_frame, rpc.read_text, rpc.read_quantity, rpc.read_height, rpc.read_bytes, rpc.read_head,
    rpc.read_log, rpc.read_logs, rpc.read_receipt, rpc.read_sent,
]  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.binary(max_size=120), anything.map(msgspec.json.encode)))
def test_bytes_are_read_or_refused_and_nothing_else_happens(raw):
    for reader in READERS:
        try:
            reader(raw)
        except MessageRefused:
            continue


@pytest.mark.parametrize("reader", [unhex, quantity, address, hash32])
@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_text_that_is_no_number_no_bytes_and_no_address_is_refused(reader, text):
    try:
        reader(text)
    except MessageRefused:
        return
    assert text[:2].lower() == "0x"


def test_a_word_is_signed_by_its_highest_bit():
    assert [signed(n) for n in (0, 2**255 - 1, 2**255, 2**256 - 1)] == [0, 2**255 - 1, -(2**255), -1]


@pytest.fixture(scope="module")
def rig():
    return EvmRig()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_session_survives_whatever_comes_over_its_socket_and_tells_nothing_of_it(rig, data):
    """Whole garbage, and heads and logs as they come with something in them changed."""
    session, twin = rig.venue.session, rig.twin
    block = twin.chain.tip
    good = data.draw(st.sampled_from([twin._head(block), {
        "address": POOLS[0].address, "topics": [SWAP, "0x" + "0" * 64, "0x" + "0" * 64], "data": "0x" + "00" * 160,
        "blockNumber": hex(block.number), "blockHash": block.hash, "transactionHash": "0x" + "0f" * 32,
        "logIndex": "0x0", "removed": data.draw(st.booleans()),
    }]))  # fmt: skip
    spoilt = dict(good)
    spoilt[data.draw(st.sampled_from(sorted(good)))] = data.draw(anything)
    name = data.draw(st.sampled_from([*session.stream._subscribed, "0x77"]))
    frame = {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": name, "result": spoilt}}
    raw = data.draw(
        st.one_of(st.just(msgspec.json.encode(frame)), st.binary(max_size=60), anything.map(msgspec.json.encode))
    )
    told = len(rig.heard.events)
    session.frame("node", raw, rig.now)
    session.answered(data.draw(st.integers(0, 10**6)), 200, {}, raw, rig.now)
    rig.venue.touch()
    rig.later(1)
    assert rig.heard.up
    assert not [
        event for event in rig.heard.events[told:] if type(event).__name__ in ("Fill", "OrderUpdate", "LeadFill")
    ]


def test_after_all_that_it_still_trades(rig):
    rig.submit(rig.order(1, 1, 3))
    rig.ended(1)
    rig.check()
    assert rig.heard.lots(1) == rig.size
