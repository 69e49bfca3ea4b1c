"""The operator is an ERC-4337 account that can copy and nothing else; its operations go in by anybody's transaction."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import PilotfishError
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire import userops
from pilotfish.venues.evm.wire.userops import Sponsorship, UserOperation
from pilotfish.venues.keys.key import Key
from tests.contracts.chain import reverts
from tests.contracts.follow_ops import FEE_WEI, operator
from tests.contracts.follow_scene import USDC, person, rows, scene

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
gases, fees = st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1)
blobs = st.binary(max_size=70)
sponsorships = st.none() | st.builds(Sponsorship, addresses, gases, gases, blobs)
operations = st.builds(
    UserOperation, addresses, st.integers(0, 2**256 - 1), blobs, gases, gases, st.integers(0, 2**256 - 1), fees, fees,
    sponsorships, blobs,
)  # fmt: skip


@pytest.fixture(scope="module")
def o(web3):
    return operator(scene(web3))


@pytest.fixture(scope="module")
def wallets(o):
    return [o.scene.follow(person(name)) for name in ("ann", "bob")]


def packed(web3, op):
    """As the ABI's tuple, told again apart from the codec."""
    by, paymaster = op.sponsorship, b""
    if by is not None:
        limits = two(by.verification_gas, by.post_operation_gas)
        paymaster = bytes.fromhex(by.paymaster[2:]) + limits + by.data
    return (
        web3.to_checksum_address(op.sender), op.nonce, b"", op.call_data, two(op.verification_gas, op.call_gas),
        op.pre_verification_gas, two(op.tip_wei, op.fee_wei_max), paymaster, op.signature,
    )  # fmt: skip


def two(high, low):
    return high.to_bytes(16, "big") + low.to_bytes(16, "big")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(op=operations)
def test_an_operations_hash_is_the_entry_points_own(o, op):
    assert userops.digest(op, o.separator) == o.entry.functions.getUserOpHash(packed(o.web3, op)).call()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=st.lists(operations, max_size=3), beneficiary=addresses)
def test_a_bundles_calldata_is_what_the_abi_says(o, ops, beneficiary):
    told = [packed(o.web3, op) for op in ops]
    expected = o.entry.encode_abi("handleOps", [told, o.web3.to_checksum_address(beneficiary)])
    assert "0x" + userops.handle_ops_calldata(ops, beneficiary).hex() == expected


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    followers=st.lists(addresses, max_size=3), signature=blobs, route=blobs, slippage=st.integers(0, 10_000), data=blobs
)
def test_a_copys_calldata_is_what_the_abi_says(o, followers, signature, route, slippage, data):
    told = o.scene.instruction()
    expected = o.scene.desk.encode_abi("copy", [told, signature, rows(followers), slippage, route])
    order = userops.Instruction(*told.values())
    assert "0x" + userops.copy_calldata(order, signature, followers, slippage, route).hex() == expected
    call = userops.execute_calldata(o.scene.desk.address, data)
    assert "0x" + call.hex() == o.account.encode_abi("execute", [o.scene.desk.address, data])


def test_a_bundler_is_told_every_field_by_its_name(o):
    op = o.op(b"\x01", sponsorship=Sponsorship(o.account.address, 7, 8, b"\x02"))
    (told, entry) = userops.bundler_params(op, o.entry.address)
    assert entry == o.entry.address
    assert told == {
        "sender": o.account.address, "nonce": "0x0", "callData": "0x01", "callGasLimit": hex(2_000_000),
        "verificationGasLimit": hex(150_000), "preVerificationGas": hex(50_000), "maxFeePerGas": hex(FEE_WEI),
        "maxPriorityFeePerGas": hex(FEE_WEI), "signature": "0x" + op.signature.hex(), "paymaster": o.account.address,
        "paymasterVerificationGasLimit": "0x7", "paymasterPostOpGasLimit": "0x8", "paymasterData": "0x02",
    }  # fmt: skip
    alone, _ = userops.bundler_params(o.op(b""), o.entry.address)
    assert not [name for name in alone if name.startswith("paymaster")]


@pytest.mark.parametrize(
    "wrong", [{"sender": "0x12"}, {"nonce": -1}, {"nonce": 2**256}, {"call_gas": 2**128}, {"tip_wei": -1}]
)
def test_what_no_entry_point_could_take_is_refused_before_it_is_signed(o, wrong):
    op = msgspec.structs.replace(o.op(b""), **wrong)
    for write in (lambda: o.signed(op), lambda: userops.handle_ops_calldata([op], o.entry.address)):
        with pytest.raises(PilotfishError):
            write()
    with pytest.raises(PilotfishError):
        userops.bundler_params(op, o.entry.address)


def test_an_outcome_that_is_none_is_refused():
    for data in (b"", bytes(127), bytes(63) + b"\x02" + bytes(64)):
        with pytest.raises(MessageRefused):
            userops.outcome(data)


def test_one_operation_copies_for_many_whoever_sends_it_and_the_sender_is_paid(o, wallets):
    before = o.web3.eth.get_balance(o.web3.eth.accounts[8])
    mined = o.send(o.op(o.copying(*wallets)))
    (told,) = o.outcomes(mined)
    assert (told.nonce, told.done) == (0, True)
    assert [o.scene.holds(w)[0] for w in wallets] == [9_000 * USDC] * 2
    paid = o.web3.eth.get_balance(o.web3.eth.accounts[8]) - before
    assert paid == told.cost_wei > mined["gasUsed"] * FEE_WEI * 9 // 10


def test_a_copy_that_fails_is_told_costs_its_nonce_and_moves_nothing(o, wallets):
    o.scene.do(o.scene.breaker.functions.halt(True))
    op = o.op(o.copying(*wallets))
    (told,) = o.outcomes(o.send(op))
    assert not told.done
    assert [o.scene.holds(w)[0] for w in wallets] == [10_000 * USDC] * 2
    assert "AA25 invalid account nonce" in o.refusal(op)


def test_lanes_do_not_wait_for_each_other(o, wallets):
    ops = [o.op(o.copying(wallet), lane) for lane, wallet in enumerate(wallets, 7)]
    assert [t.done for t in o.outcomes(o.send(*ops))] == [True, True]
    assert [t.nonce >> 64 for t in o.outcomes(o.send(*[o.op(o.copying(wallets[0]), 9)]))] == [9]


def test_no_other_key_chain_or_entry_point_and_no_second_time(o, wallets):
    op = o.op(o.copying(*wallets))
    other_chain = userops.domain(o.web3.eth.chain_id + 1, o.entry.address)
    other_entry = userops.domain(o.web3.eth.chain_id, o.account.address)
    forged = [userops.sign(op, domain, o.key) for domain in (other_chain, other_entry)]
    forged.append(o.signed(op, Key(b"\x07" * 32)))
    forged += [msgspec.structs.replace(op, signature=s) for s in (b"", bytes(65), op.signature[:64])]
    forged.append(msgspec.structs.replace(op, call_gas=op.call_gas + 1))
    for wrong in forged:
        assert "AA24 signature error" in o.refusal(wrong)
    o.send(op)
    assert "AA25 invalid account nonce" in o.refusal(op)


def test_the_key_reaches_listed_targets_only(o, wallets):
    transfer = o.scene.usdc.encode_abi("transfer", [o.web3.eth.accounts[7], 1])
    for data in (
        userops.execute_calldata(o.scene.usdc.address, bytes.fromhex(transfer[2:])),
        bytes.fromhex(o.account.encode_abi("setTarget", [o.scene.usdc.address, True])[2:]),
        bytes.fromhex(o.account.encode_abi("setSigner", [o.web3.eth.accounts[7]])[2:]),
        bytes.fromhex(o.account.encode_abi("withdraw", [o.web3.eth.accounts[7], 1])[2:]),
        b"\x01\x02\x03\x04",
    ):  # fmt: skip
        (told,) = o.outcomes(o.send(o.op(data)))
        assert not told.done
    o.scene.do(o.account.functions.setTarget(o.scene.desk.address, False))
    assert not o.outcomes(o.send(o.op(o.copying(*wallets))))[0].done


def test_only_the_entry_point_makes_the_account_act(o):
    op = packed(o.web3, o.op(b""))
    for somebody in (o.web3.eth.accounts[0], o.web3.eth.accounts[4], o.web3.eth.accounts[9]):
        with reverts(o.account, "NotTheEntryPoint"):
            o.account.functions.execute(o.scene.desk.address, b"").call({"from": somebody})
        with reverts(o.account, "NotTheEntryPoint"):
            o.account.functions.validateUserOp(op, bytes(32), 0).call({"from": somebody})


def test_a_guardian_halts_at_once_and_only_the_owner_resumes(o, wallets):
    owner, guardian, stranger = (o.web3.eth.accounts[k] for k in (0, 4, 5))
    with reverts(o.account, "NotAGuardian"):
        o.account.functions.halt().call({"from": stranger})
    o.scene.do(o.account.functions.halt(), guardian)
    assert "AA23 reverted" in o.refusal(op := o.op(o.copying(*wallets)))
    with reverts(o.account, "OwnableUnauthorizedAccount"):
        o.account.functions.resume().call({"from": guardian})
    o.scene.do(o.account.functions.resume(), owner)
    assert o.outcomes(o.send(op))[0].done


def test_the_owner_alone_names_key_targets_and_guardians_and_takes_coins_back(o):
    owner, stranger = o.web3.eth.accounts[0], o.web3.eth.accounts[5]
    functions = o.account.functions
    for call in (
        functions.setSigner(stranger), functions.setTarget(stranger, True), functions.setGuardian(stranger, True),
        functions.withdraw(stranger, 1), functions.resume(),
    ):  # fmt: skip
        with reverts(o.account, "OwnableUnauthorizedAccount"):
            call.call({"from": stranger})
    o.scene.do(functions.setSigner(stranger))
    assert "AA24" in o.refusal(o.op(b""))
    o.scene.coins(o.account.address)
    to = person("till").address
    o.scene.do(functions.withdraw(to, 15 * 10**17), owner)
    assert o.web3.eth.get_balance(to) == 15 * 10**17
    assert o.web3.eth.get_balance(o.account.address) == 0
    assert o.entry.functions.balanceOf(o.account.address).call() == 5 * 10**17


def test_without_a_deposit_the_account_pays_from_its_own_coins(o, wallets):
    o.scene.do(o.account.functions.withdraw(person("till").address, 10**18))
    op = o.op(o.copying(*wallets))
    assert "AA21" in o.refusal(op)
    o.scene.coins(o.account.address)
    assert o.outcomes(o.send(op))[0].done
