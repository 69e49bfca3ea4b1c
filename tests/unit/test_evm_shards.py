"""The same followers have the same seats and the same root, in whatever order they come; who has a seat keeps it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.venues.evm.proof.shards import SHARD_SIZE, PlacementRefused, leaf, parent, place

followers = st.dictionaries(
    st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    st.integers(1, 2**256 - 1),
    min_size=1,
    max_size=40,
)


def holds(placement, follower):
    """The proof, worked through apart from the tree."""
    node = leaf(placement.seat(follower))
    for other in placement.proof(follower):
        node = parent(node, other)
    return node == placement.root


@given(followers, st.randoms())
def test_the_order_of_the_input_changes_nothing(wanted, chance):
    shuffled = list(wanted.items())
    chance.shuffle(shuffled)
    one, other = place(wanted), place(dict(shuffled))
    assert one.root == other.root
    assert one.seats == other.seats


@given(followers)
def test_every_follower_is_provable_at_its_own_seat(wanted):
    placement = place(wanted)
    assert sorted(seat.index for seat in placement.seats.values()) == list(range(len(wanted)))
    for follower in wanted:
        assert holds(placement, follower)
        assert placement.seat(follower).allocation == wanted[follower]


@given(followers, followers)
def test_who_stays_keeps_its_seat_and_newcomers_fill_the_gaps(first, second):
    before = place(first)
    after = place(second, before)
    for follower in first.keys() & second.keys():
        assert after.seat(follower).index == before.seat(follower).index
    indices = [seat.index for seat in after.seats.values()]
    assert len(set(indices)) == len(indices)
    assert max(indices) < max(len(second), len(first))
    newcomers = sorted(second.keys() - first.keys())
    assert [after.seat(f).index for f in newcomers] == sorted(after.seat(f).index for f in newcomers)


def test_the_root_is_that_of_openzeppelins_own_library():
    """Three of them, as merkle-tree 1.0.8 has StandardMerkleTree.of(…, ["uint256", "address", "uint256"])."""
    placement = place({"0x" + f"{n}{n}" * 20: 4 + n for n in (3, 1, 2)})
    assert placement.root.hex() == "8a99922c3120a9098a44c796ce0707ade9998163f556b3803b2c96d5c9aba5a5"


def test_a_lone_followers_leaf_is_the_root():
    placement = place({"0x" + "11" * 20: 5})
    assert placement.root == leaf(placement.seat("0x" + "11" * 20))
    assert placement.proof("0x" + "11" * 20) == []


def test_a_shard_ends_after_32_000_seats():
    placement = place({f"0x{n:040x}": 1 for n in range(1, SHARD_SIZE + 2)})
    assert [placement.seat(f"0x{n:040x}").shard for n in (1, SHARD_SIZE, SHARD_SIZE + 1)] == [0, 0, 1]
    assert holds(placement, f"0x{SHARD_SIZE + 1:040x}")


def test_an_address_counts_in_any_case():
    placement = place({"0x" + "aB" * 20: 5})
    assert placement.seat("0x" + "Ab" * 20).follower == "0x" + "ab" * 20


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"0x12": 1},
        {"0x" + "ab" * 20: 0},
        {"0x" + "ab" * 20: -1},
        {"0x" + "ab" * 20: 2**256},
        {"0x" + "ab" * 20: 1, "0x" + "AB" * 20: 1},
    ],
)
def test_followers_that_cannot_be_placed_are_refused(bad):
    from pilotfish.domain.errors import VenueError

    with pytest.raises(VenueError) as told:
        place(bad)
    assert told.value.what


def test_one_without_a_seat_is_told_so():
    placement = place({"0x" + "11" * 20: 5})
    for ask in (placement.seat, placement.proof):
        with pytest.raises(PlacementRefused, match="no seat"):
            ask("0x" + "22" * 20)
