"""A tag is found at the end, whole and unaltered, or not at all; a swap is what the lead's balances did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pilotfish.venues.evm.wire.instructions import LIMIT_SCALE, WAD, InstructionRefused, address_word, uint_word
from pilotfish.venues.evm.wire.metatag import (
    MAGIC,
    NUMBERS,
    SIZE,
    SWAP_V3,
    TRANSFER,
    LeadSwap,
    LeadTransaction,
    Log,
    SwapRefused,
    Tag,
    TagRefused,
    append,
    find,
    instruction_of,
    swap_of,
)

LEAD, OTHER, ROUTER, POOL, POOL2 = ("0x" + f"{n:02x}" * 20 for n in range(1, 6))
USDC, WETH, WBTC, BOOK = ("0x" + f"{n:02x}" * 20 for n in range(6, 10))
POOLS = {POOL: (USDC, WETH), POOL2: (WETH, WBTC)}

tags = st.builds(Tag, st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()), st.integers(0, WAD))


@given(st.binary(max_size=200), tags)
def test_what_was_appended_is_found_and_the_call_is_unaltered(calldata, tag):
    data = append(calldata, tag)
    assert data[:-SIZE] == calldata
    assert find(data) == tag


@given(tags, st.integers(0, SIZE - 1), st.integers(1, 255))
def test_an_altered_byte_is_noticed(tag, place, by):
    data = bytearray(append(b"", tag))
    data[place] ^= by
    if place < 4:  # no tag at all, by its first word
        assert find(bytes(data)) is None
    else:
        with pytest.raises(TagRefused):
            find(bytes(data))


@given(tags, st.integers(1, SIZE))
def test_a_tag_cut_off_at_its_end_is_refused_and_not_half_read(tag, missing):
    data = append(b"\x01" * 100, tag)[:-missing]
    if SIZE - missing < 4:
        assert find(data) is None
    else:
        with pytest.raises(TagRefused, match="cut off"):
            find(data)


@given(tags, st.binary(min_size=SIZE, max_size=200).filter(lambda raw: MAGIC not in raw))
def test_a_tag_that_something_follows_is_none(tag, after):
    assert find(append(b"", tag) + after) is None


@given(st.binary(max_size=300).filter(lambda raw: MAGIC not in raw))
def test_calldata_without_a_tag_has_none(calldata):
    assert find(calldata) is None


def test_the_last_of_two_tags_counts():
    assert find(append(append(b"", Tag(BOOK)), Tag(OTHER))) == Tag(OTHER)


def test_a_tag_of_a_later_version_or_with_unknown_flags_is_refused():
    from pilotfish.venues.evm.wire import metatag

    body = append(b"", Tag(BOOK))[:-4]
    for place in (4, 5):
        changed = body[:place] + bytes([body[place] + 1]) + body[place + 1 :]
        with pytest.raises(TagRefused, match="version"):
            find(changed + metatag._checksum(changed))
    changed = body[:26] + (WAD + 1).to_bytes(8)
    with pytest.raises(TagRefused):
        find(changed + metatag._checksum(changed))


def test_a_tag_that_cannot_be_is_not_made():
    for fraction in (-1, WAD + 1):
        with pytest.raises(TagRefused):
            append(b"", Tag(BOOK, fraction))
    with pytest.raises(InstructionRefused):
        append(b"", Tag("0x12"))


def transfer(token, source, target, amount):
    return Log(token, (TRANSFER, address_word(source), address_word(target)), uint_word(amount))


def crossed(pool):
    return Log(pool, (SWAP_V3, address_word(ROUTER), address_word(LEAD)), bytes(160))


BOUGHT = (transfer(WETH, POOL, LEAD, 5), transfer(USDC, LEAD, POOL, 1_000), crossed(POOL))
TX = LeadTransaction(LEAD, ROUTER, 7, append(b"\x01", Tag(BOOK)), 0, True, BOUGHT)


def read(tx, lead=LEAD):
    return swap_of(tx, lead, {ROUTER}, POOLS)


def test_a_swap_is_what_went_out_and_what_came_in():
    assert read(TX) == LeadSwap(USDC, WETH, 1_000, 5)
    assert read(TX, LEAD.upper().replace("X", "x")) == read(TX)


def test_a_refund_is_netted_and_others_transfers_do_not_count():
    logs = (*BOUGHT, transfer(USDC, POOL, LEAD, 100), transfer(WETH, POOL, OTHER, 50), transfer(WBTC, LEAD, LEAD, 3))
    assert read(replace(TX, logs=logs)) == LeadSwap(USDC, WETH, 900, 5)


def test_a_swap_over_two_pools_is_its_two_ends():
    logs = (
        transfer(USDC, LEAD, POOL, 1_000),
        transfer(WETH, POOL, POOL2, 5),
        crossed(POOL),
        transfer(WBTC, POOL2, LEAD, 2),
        crossed(POOL2),
    )
    assert read(replace(TX, logs=logs)) == LeadSwap(USDC, WBTC, 1_000, 2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"succeeded": False}, "reverted"),
        ({"sender": OTHER}, "only its own"),
        ({"to": OTHER}, "no router"),
        ({"value": 1}, "own coin"),
        ({"logs": ()}, "paid 0 tokens and got 0"),
        ({"logs": BOUGHT[:1]}, "paid 0"),
        ({"logs": BOUGHT[1:]}, "got 0"),
        ({"logs": (*BOUGHT, transfer(WBTC, LEAD, POOL, 1))}, "paid 2"),
        ({"logs": (*BOUGHT, transfer(WBTC, POOL, LEAD, 1))}, "got 2"),
        ({"logs": BOUGHT[:2]}, "no pool"),
        ({"logs": (*BOUGHT[:2], crossed(OTHER))}, "no pool"),
        ({"logs": (*BOUGHT[:2], crossed(POOL2))}, "no pool"),
    ],
)
def test_what_is_no_swap_of_the_leads_is_refused_and_says_why(change, why):
    with pytest.raises(SwapRefused, match=why):
        read(replace(TX, **change))


def test_a_log_of_another_shape_is_no_transfer():
    nft = Log(WBTC, (TRANSFER, address_word(LEAD), address_word(POOL), uint_word(1)), b"")
    bare = Log(WBTC, (), b"")
    short = Log(WBTC, (TRANSFER, address_word(LEAD), address_word(POOL)), b"\x01")
    assert read(replace(TX, logs=(*BOUGHT, nft, bare, short))) == read(TX)


def order(swap=None, tag=None, held=4_000, slippage=100):
    made = swap or read(TX)
    return instruction_of(made, tag or Tag(BOOK), TX, held_before=held, slippage_bps=slippage, deadline=9)


def test_the_instruction_is_the_share_of_the_leads_balance_at_its_price_less_the_slippage():
    made = order()
    assert (made.lead, made.book, made.token_in, made.token_out) == (LEAD, BOOK, USDC, WETH)
    assert made.fraction == WAD // 4
    assert made.limit == 5 * LIMIT_SCALE * 99 // (1_000 * 100)
    assert (made.deadline, made.nonce) == (9, 8 * NUMBERS)
    assert order(held=1_000).fraction == WAD
    assert order(tag=Tag(BOOK, 3)).fraction == 3


@given(st.integers(1, 2**255), st.integers(1, 2**255), st.integers(0, 2**255), st.integers(0, 9_999))
def test_shares_and_limits_are_rounded_down(amount_in, amount_out, more, slippage_bps):
    swap, held = LeadSwap(USDC, WETH, amount_in, amount_out), amount_in + more
    made = order(swap, Tag(BOOK, 1), held, slippage_bps)
    assert made.limit * amount_in * 10_000 <= amount_out * LIMIT_SCALE * (10_000 - slippage_bps)
    if amount_in * WAD >= held:
        assert 0 < order(swap, None, held, slippage_bps).fraction * held <= amount_in * WAD


def test_an_instruction_that_cannot_be_is_not_made():
    for bad in ({"held": 999}, {"held": 0}, {"held": 10**30}, {"slippage": 10_000}, {"slippage": -1}):
        with pytest.raises(SwapRefused):
            order(**bad)


def test_numbers_rise_with_the_leads_transactions_and_leave_room_between():
    first, second = (
        instruction_of(read(TX), Tag(BOOK), replace(TX, nonce=n), held_before=4_000, slippage_bps=0, deadline=9).nonce
        for n in (0, 1)
    )
    assert (first, second - first) == (16, 16)
