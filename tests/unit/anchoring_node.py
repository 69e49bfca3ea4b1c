"""A node of one account's transactions, with a pool that keeps the rules of replacement; it mines when told."""

from pilotfish.venues.evm.eyes import CallRefused, NoAnswer
from pilotfish.venues.evm.proof.anchoring import Batch, anchor_call
from pilotfish.venues.evm.trading.fees import GWEI
from pilotfish.venues.evm.wire.transactions import hash_of, read_signed
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keyring import Keyring

KEY = Key(b"\x07" * 32)
TO = "0x" + "ab" * 20
DATA = anchor_call(bytes(32), Batch(b"\x01" * 32, bytes(32), 1))


class PoolNode:
    """`dead`: answers are lost, "out" before the request arrives or "in" after."""

    def __init__(self) -> None:
        self.name = "pool"
        self.pool: dict[int, tuple[bytes, object]] = {}  # by nonce
        self.mined: dict[str, int] = {}  # hash → status
        self.done: list[object] = []
        self.latest, self.time_s, self.base_fee, self.dead, self.fails = 0, 1_000, GWEI, "", False

    async def ask(self, method, params):
        if self.dead == "out" and method == "eth_sendRawTransaction":
            raise NoAnswer("node pool", "silence")
        told = getattr(self, method)(*params)
        if self.dead == "in" and method == "eth_sendRawTransaction":
            raise NoAnswer("node pool", "silence")
        return told

    def mine(self, blocks=1):
        self.time_s += 12 * blocks
        while self.latest in self.pool:
            raw, transaction = self.pool.pop(self.latest)
            self.mined[hash_of(raw)] = 0 if self.fails else 1
            self.done.append(transaction)
            self.latest += 1

    def wait(self, blocks=10):
        """Time passes, and nothing of ours is mined."""
        self.time_s += 12 * blocks

    def eth_chainId(self):
        return "0x1"

    def eth_getBlockByNumber(self, block, whole):
        return {"hash": "0x" + "11" * 32, "timestamp": hex(self.time_s), "baseFeePerGas": hex(self.base_fee)}

    def eth_getTransactionCount(self, address, block):
        assert address == KEY.address
        count = self.latest
        while block == "pending" and count in self.pool:
            count += 1
        return hex(count)

    def eth_estimateGas(self, asked):
        if asked["to"] == "0x" + "00" * 20:
            raise CallRefused("node pool", "execution reverted", data=b"\x01\x02\x03\x04")
        return hex(40_000)

    def eth_sendRawTransaction(self, text):
        raw = bytes.fromhex(text[2:])
        transaction, _ = read_signed(raw)
        if transaction.nonce < self.latest:
            raise CallRefused("node pool", "nonce too low (-32000)")
        before = self.pool.get(transaction.nonce)
        if before is not None and before[0] == raw:
            raise CallRefused("node pool", "already known (-32000)")
        if before is not None and 10 * transaction.fee_wei_max < 11 * before[1].fee_wei_max:
            raise CallRefused("node pool", "replacement transaction underpriced (-32000)")
        self.pool[transaction.nonce] = (raw, transaction)
        return hash_of(raw)

    def eth_getTransactionReceipt(self, sent):
        return {"status": hex(self.mined[sent]), "blockNumber": "0x5"} if sent in self.mined else None


async def sign(requests):
    return Keyring([KEY]).sign_all(requests)
