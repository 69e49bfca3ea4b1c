"""What a relayer makes of a node's words: reverts, operations, and bounds that nothing could pass."""

import msgspec
import pytest
from eth_abi import encode

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.relay.orders import means, trades
from pilotfish.venues.evm.relay.outcomes import of_bundle, of_operation
from pilotfish.venues.evm.relay.settings import WALLETS_MAX, Book, RelaySettings
from pilotfish.venues.evm.settings import Settings
from pilotfish.venues.evm.wire.abi import selector
from pilotfish.venues.evm.wire.instructions import WAD, Instruction
from pilotfish.venues.evm.wire.rpc import Failure
from pilotfish.venues.evm.wire.userops import OPERATION_TOPIC

LEAD, VAULT, EXECUTOR = ("0x" + digit * 40 for digit in "123")


def revert(signature: str, kinds: list[str], values: list[object]) -> Failure:
    return Failure(3, "execution reverted", "0x" + (selector(signature) + encode(kinds, values)).hex())


@pytest.mark.parametrize(
    ("failure", "already", "again", "words"),
    [
        (revert("NonceUsed(address,uint256)", ["address", "uint256"], [LEAD, 5]), True, False, "NonceUsed"),
        (revert("NotTheLead(address)", ["address"], [LEAD]), False, False, "NotTheLead"),
        (revert("StalePrice(address,uint256)", ["address", "uint256"], [LEAD, 5]), False, True, "StalePrice"),
        (revert("BleedLimit(uint256,uint256)", ["uint256"] * 2, [2, 1]), False, False, "revert: BleedLimit"),
        (revert("Halted(address)", ["address"], [VAULT]), False, True, "Halted"),
        (
            revert("FailedOp(uint256,string)", ["uint256", "string"], [0, "AA25 invalid account nonce"]),
            True,
            False,
            "AA25",
        ),
        (revert("FailedOp(uint256,string)", ["uint256", "string"], [0, "AA21 didn't pay"]), False, False, "AA21"),
        (Failure(3, "execution reverted: STF"), False, False, "STF"),
        (Failure(3, "execution reverted", "0xzz"), False, False, "would revert"),
        (Failure(3, "", {"no": "text"}), False, False, "would revert"),
    ],
)
def test_a_revert_says_whether_it_was_done_or_may_pass_later(failure, already, again, words):
    meaning = means(failure)
    assert (meaning.already, meaning.again) == (already, again)
    assert words in meaning.text


def test_a_batch_that_would_sell_nothing_trades_nothing():
    assert trades(encode(["uint256", "uint256"], [1, 0]))
    assert not trades(encode(["uint256", "uint256"], [0, 5]))
    with pytest.raises(MessageRefused):
        trades(b"\x01")


def bundle(*done: bool) -> msgspec.Raw:
    data = "0x" + encode(["uint256", "bool", "uint256", "uint256"], [7, done[0] if done else False, 1, 2]).hex()
    logs = [{"topics": [OPERATION_TOPIC, "0x", "0x", "0x"], "data": data} for _ in done]
    return msgspec.Raw(msgspec.json.encode({"logs": [{"topics": [], "data": "0x"}, *logs]}))


def test_an_operation_ended_as_the_entry_points_log_says():
    assert (of_bundle(bundle(True)), of_bundle(bundle(False)), of_bundle(msgspec.Raw(b"null"))) == (True, False, None)
    for bad in (bundle(), bundle(True, True)):
        with pytest.raises(MessageRefused, match="operations"):
            of_bundle(bad)
    assert of_operation(msgspec.Raw(b'{"success":false}')) is False
    assert of_operation(msgspec.Raw(b"null")) is None


@pytest.mark.parametrize(
    "books",
    [
        [Book(VAULT, LEAD, b"", fraction_max=0)], [Book(VAULT, LEAD, b"", fraction_max=WAD + 1)],
        [Book(VAULT, LEAD, b"", slippage_bps=10_000)], [Book(VAULT, LEAD, b""), Book(VAULT, LEAD, b"")],
    ],
)  # fmt: skip
def test_bounds_that_nothing_passes_and_names_that_are_two_are_refused(books):
    node = Settings(journal=0, chain=1, router=EXECUTOR, ws_url="", http_url="")
    settings = RelaySettings(node=node, executor=EXECUTOR, sender=LEAD, books=books, pools={}, routers=frozenset())
    with pytest.raises(ConfigError):
        settings.check()


def order(nonce: int) -> Instruction:
    return Instruction(LEAD, VAULT, EXECUTOR, VAULT, WAD // 10, 0, 2_000_000_000, nonce)


@pytest.mark.parametrize("count", [0, 1, WALLETS_MAX, WALLETS_MAX + 1, 5 * WALLETS_MAX, 3_217])
def test_every_wallet_is_in_one_of_as_few_equal_batches_as_transactions_can_carry(count):
    wallets = [f"0x{k:040x}" for k in range(count)]
    batches = Book(VAULT, LEAD, b"", wallets=wallets, desk=True).batches(order(16))
    assert len(batches) == max(1, -(-count // WALLETS_MAX))
    assert sorted(wallet for batch in batches for wallet in batch) == wallets
    sizes = {len(batch) for batch in batches}
    assert max(sizes) <= WALLETS_MAX
    assert max(sizes) - min(sizes) <= 1


def test_who_is_first_is_drawn_anew_for_each_instruction_and_alike_by_everybody():
    book = Book(VAULT, LEAD, b"", wallets=[f"0x{k:040x}" for k in range(4 * WALLETS_MAX)], desk=True)
    firsts = [book.batches(order(nonce))[0][0] for nonce in range(64)]
    assert len(set(firsts)) > 32
    assert firsts == [book.batches(order(nonce))[0][0] for nonce in range(64)]
    quarters = [0] * 4
    for first in firsts:
        quarters[int(first, 16) // WALLETS_MAX] += 1
    assert min(quarters) >= 4, "no part of the followers is always first"
