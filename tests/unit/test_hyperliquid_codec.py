"""Frames and answers: what is understood says the same when written again; anything else is refused by type."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.hyperliquid.wire.assets import Listing, perps, spots
from pilotfish.venues.hyperliquid.wire.codec import FRAME, INFO, META, REPLY, SPOT_META, encode

BOOK = (
    '{"channel":"l2Book","data":{"coin":"BTC","levels":[[{"px":"66410.0","sz":"1.5","n":6}],'
    '[{"px":"66411.0","sz":"0.2","n":2}]],"time":1784683655994}}'
)
FRAMES = [
    BOOK,
    '{"channel":"bbo","data":{"coin":"BTC","time":1784683655994,"bbo":[{"px":"1.5","sz":"2","n":1},null]}}',
    '{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"1","sz":"2","time":5,"tid":7,"users":["0xa","0xb"]}]}',
    '{"channel":"candle","data":{"t":1,"T":2,"s":"BTC","i":"1m","o":"1","c":"2","h":"3","l":"1","v":"9","n":4}}',
    '{"channel":"user","data":{"nonUserCancel":[{"coin":"BTC","oid":4}]}}',
    '{"channel":"user","data":{"funding":{"coin":"BTC","usdc":"-1.5","szi":"2","fundingRate":"0.00001","time":5}}}',
    '{"channel":"user","data":{"liquidation":{"lid":3,"liquidator":"0xa","liquidated_user":"0xb",'
    '"liquidated_ntl_pos":"10.0","liquidated_account_value":"1.0"}}}',
    '{"channel":"userFundings","data":{"isSnapshot":true,"user":"0xa","fundings":[{"time":5,"coin":"BTC",'
    '"usdc":"-0.1","szi":"2.0","fundingRate":"0.0000125","nSamples":null}]}}',
    '{"channel":"activeSpotAssetCtx","data":{"coin":"@107","ctx":{"prevDayPx":"1","dayNtlVlm":"2","markPx":"3",'
    '"midPx":null,"circulatingSupply":"4"}}}',
    '{"channel":"post","data":{"id":8,"response":{"type":"action","payload":{"status":"ok"}}}}',
    '{"channel":"error","data":"Already subscribed"}',
    '{"channel":"pong"}',
]


@pytest.mark.parametrize("raw", FRAMES, ids=lambda raw: raw[12:24])
def test_a_frame_says_the_same_when_written_again(raw) -> None:
    assert json.loads(encode(FRAME.decode(raw))) == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        '{"status":"ok","response":{"type":"default"}}',
        '{"status":"ok","response":{"type":"cancel","data":{"statuses":["success",{"error":"was never placed"}]}}}',
        '{"status":"err","response":"Unable to recover signer."}',
    ],
)
def test_a_reply_says_the_same_when_written_again(raw) -> None:
    assert json.loads(encode(REPLY.decode(raw))) == json.loads(raw)


def test_a_field_that_is_new_costs_nothing() -> None:
    raw = BOOK.replace('"time"', '"spread":{"deep":[1]},"time"')
    assert FRAME.decode(raw) == FRAME.decode(BOOK)


@pytest.mark.parametrize(
    "raw",
    [
        "", "{", "[]", "null", '{"channel":"l2Book"}', '{"channel":"unheardOf","data":{}}', '{"data":{}}',
        BOOK.replace('"66410.0"', "66410.0"), BOOK.replace("1784683655994", "9223372036855"),
        BOOK.replace("1784683655994", "-1"), BOOK.replace("1784683655994", "1e400"), BOOK.replace("]],", "],[]],"),
        BOOK[:-30], BOOK + "x", "[" * 5_000, b"\xff\xfe", b'{"channel":"\xc3\x28"}', "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_frame_is_refused_by_type(raw) -> None:
    with pytest.raises(MessageRefused, match="no Hyperliquid frame"):
        FRAME.decode(raw)


@given(st.binary(max_size=300) | st.text(max_size=200))
@example(b'{"channel":"l2Book","data":' + b'{"a":' * 2_000)
def test_bytes_from_anywhere_are_refused_by_type(raw) -> None:
    for reading in (FRAME, REPLY, *INFO.values()):
        try:
            assert encode(reading.decode(raw)) is not None
        except MessageRefused:
            continue


@given(st.sampled_from(FRAMES), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_frame_is_another_frame_or_refused_by_type(raw, damage) -> None:
    bad = bytearray(raw.encode())
    for at, byte in damage:
        bad[at % len(bad)] = byte
    try:
        frame = FRAME.decode(bytes(bad))
    except MessageRefused:
        return
    assert FRAME.decode(encode(frame)) == frame


# -- listing -----------------------------------------------------------------------------------------------------------

PERPS = (
    '{"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40},{"name":"MATIC","szDecimals":1,"maxLeverage":20,'
    '"isDelisted":true},{"name":"SOL","szDecimals":2,"maxLeverage":3}]}'
)
SPOTS = (
    '{"universe":[{"name":"@107","tokens":[150,0],"index":107,"isCanonical":false}],"tokens":['
    '{"name":"USDC","szDecimals":8,"weiDecimals":8,"index":0,"tokenId":"0x1","isCanonical":true},'
    '{"name":"HYPE","szDecimals":2,"weiDecimals":8,"index":150,"tokenId":"0x2","isCanonical":true}]}'
)


def test_a_delisted_perpetual_keeps_its_number_but_is_not_listed() -> None:
    listing = Listing(perps(META.decode(PERPS), first_id=10))
    btc, sol = listing.of("BTC"), listing.of("SOL")
    assert (btc.asset, btc.instrument.id, sol.asset, sol.instrument.id) == (0, 10, 2, 11)
    assert (btc.instrument.lot_decimals, btc.instrument.price_decimals) == (5, 1)
    assert sol.instrument.maintenance_bps == 1_667
    with pytest.raises(MessageRefused, match="not listed"):
        listing.of("MATIC")


def test_perpetuals_of_builders_and_spot_pairs_have_numbers_of_their_own() -> None:
    builders = META.decode('{"universe":[{"name":"xyz:GOLD","szDecimals":3,"maxLeverage":20}],"collateralToken":360}')
    gold = perps(builders, first_id=0, dex=1, tokens={360: "USDH"})[0]
    hype = spots(SPOT_META.decode(SPOTS), first_id=1)[0]
    assert (gold.asset, gold.instrument.quote) == (110_000, "USDH")
    assert (hype.asset, hype.instrument.price_decimals, hype.instrument.quote) == (10_107, 6, "USDC")


def test_a_table_that_names_what_it_does_not_hold_is_refused() -> None:
    with pytest.raises(MessageRefused, match="collateral"):
        perps(META.decode('{"universe":[],"collateralToken":360}'), 0)
    with pytest.raises(MessageRefused, match="names tokens"):
        spots(SPOT_META.decode(SPOTS.replace("[150,0]", "[151,0]")), 0)
