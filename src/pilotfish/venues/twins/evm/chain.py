"""Blocks, a pool of waiting transactions, and two tokens with one market between them.

A transaction is what real nodes take: signed, with its chain, its nonce, its fees. What a replaced block had waits
again. Everything is as of some block, and the last blocks can be asked about.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from coincurve import PublicKey

from pilotfish.domain.errors import VenueError
from pilotfish.venues.decimals import MessageRefused
from pilotfish.venues.evm.wire.abi import place, selector, word, words
from pilotfish.venues.evm.wire.swaps import BURN, MINT, SWAP, Pool
from pilotfish.venues.evm.wire.transactions import GAS_MAX, Transaction, hash_of, read_signed
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.twins.evm.pool import PoolState

GWEI = 1_000_000_000
KEPT = 200
SWAP_GAS, TRANSFER_GAS, FAILED_GAS = 120_000, 21_000, 40_000
_SINGLE = "((address,address,uint24,address,uint256,uint256,uint256,uint160))"
_EXACT_IN, _EXACT_OUT = selector(f"exactInputSingle{_SINGLE}"), selector(f"exactOutputSingle{_SINGLE}")
ROUTER = "0x" + "7e" * 20


class SendRefused(VenueError):
    """A transaction that a node does not take. `what` are a node's own words."""


class Pending(msgspec.Struct, frozen=True):
    """`sender` in lower case. Somebody who is simulated needs no raw bytes."""

    hash: str
    sender: str
    transaction: Transaction


class Event(msgspec.Struct, frozen=True):
    """A log of the pool."""

    topics: tuple[str, ...]
    data: bytes


class Mined(msgspec.Struct, frozen=True):
    pending: Pending
    done: bool
    gas: int
    events: list[Event] = []


class World(msgspec.Struct):
    """Everything that a block changes."""

    pool: PoolState
    tokens: dict[tuple[str, str], int] = {}
    coin: dict[str, int] = {}
    nonces: dict[str, int] = {}

    def copy(self) -> World:
        pool = PoolState(self.pool.root, self.pool.liquidity, dict(self.pool.net))
        return World(pool, dict(self.tokens), dict(self.coin), dict(self.nonces))


class Block(msgspec.Struct, frozen=True):
    """`world`: after it."""

    number: int
    hash: str
    parent: str
    stamp_s: int
    base_fee_wei: int
    mined: list[Mined]
    world: World


class Chain:
    def __init__(self, pool: Pool, chain: int, root: int, stamp_s: int) -> None:
        self.pool, self.chain = pool, chain
        self.base_fee_wei = GWEI
        self.waiting: dict[tuple[str, int], Pending] = {}
        self.laid: tuple[int, dict[tuple[int, int], int]] | None = None  # what liquidity the next block brings
        self._forks = 0
        genesis = Block(0, _hash(b"genesis"), "0x" + "00" * 32, stamp_s, GWEI, [], World(PoolState(root, 0)))
        self.blocks: dict[int, Block] = {0: genesis}
        self.tip = genesis

    @property
    def world(self) -> World:
        return self.tip.world

    def at(self, number: int) -> Block | None:
        return self.blocks.get(number)

    # -- transactions --------------------------------------------------------------------------------------------------

    def send(self, raw: bytes) -> str:
        """What eth_sendRawTransaction does. Raises SendRefused."""
        try:
            transaction, signature = read_signed(raw)
            sender = _sender(transaction, signature)
        except (MessageRefused, ValueError):
            raise SendRefused("failed to decode signed transaction") from None
        pending = Pending(hash_of(raw), sender, transaction)
        if transaction.chain != self.chain:
            raise SendRefused("invalid chain id for signer")
        if transaction.gas > GAS_MAX or transaction.gas < TRANSFER_GAS:
            raise SendRefused("intrinsic gas too low" if transaction.gas < TRANSFER_GAS else "exceeds block gas limit")
        self.admit(pending)
        return pending.hash

    def admit(self, pending: Pending) -> None:
        """Raises SendRefused."""
        one, key = pending.transaction, (pending.sender, pending.transaction.nonce)
        known = self.waiting.get(key)
        if known is not None and known.hash == pending.hash:
            raise SendRefused("already known")
        if one.nonce < self.world.nonces.get(pending.sender, 0):
            raise SendRefused(f"nonce too low: next nonce {self.world.nonces[pending.sender]}, tx nonce {one.nonce}")
        if one.gas * one.fee_wei_max + one.value_wei > self.world.coin.get(pending.sender, 0):
            raise SendRefused("insufficient funds for gas * price + value")
        if known is not None:
            before = known.transaction
            if one.tip_wei * 10 < before.tip_wei * 11 or one.fee_wei_max * 10 < before.fee_wei_max * 11:
                raise SendRefused("replacement transaction underpriced")
        self.waiting[key] = pending

    def pending_count(self, sender: str) -> int:
        nonce = self.world.nonces.get(sender, 0)
        while (sender, nonce) in self.waiting:
            nonce += 1
        return nonce

    def find(self, hash_: str) -> tuple[Pending, Block | None, Mined | None] | None:
        for block in reversed(self.blocks.values()):
            for mined in block.mined:
                if mined.pending.hash == hash_:
                    return mined.pending, block, mined
        waiting = next((one for one in self.waiting.values() if one.hash == hash_), None)
        return (waiting, None, None) if waiting is not None else None

    # -- blocks --------------------------------------------------------------------------------------------------------

    def mine(self, stamp_s: int) -> Block:
        """The next block, of everything that can be mined: the best paid first, then who came first."""
        world, mined = self.world.copy(), list[Mined]()
        if self.laid is not None:
            root, ranges = self.laid
            self.laid = None
            world.pool.lay(root, ranges)
            mined.append(Mined(_somebody(stamp_s), True, SWAP_GAS, [Event((MINT,), b""), Event((BURN,), b"")]))
        stamp_s = max(stamp_s, self.tip.stamp_s + 1)
        while (pending := self._next(world)) is not None:
            del self.waiting[pending.sender, pending.transaction.nonce]
            mined.append(self._execute(world, pending, stamp_s))
        for key in [key for key in self.waiting if key[1] < world.nonces.get(key[0], 0)]:
            del self.waiting[key]
        number = self.tip.number + 1
        content = b"".join([one.pending.hash.encode() for one in mined])
        hash_ = _hash(b"%s %d %d %d " % (self.tip.hash.encode(), number, stamp_s, self._forks) + content)
        self.tip = Block(number, hash_, self.tip.hash, stamp_s, self.base_fee_wei, mined, world)
        self.blocks[number] = self.tip
        self.blocks.pop(number - KEPT, None)
        return self.tip

    def fork(self, depth: int, dropped: Iterable[str] = ()) -> list[Block]:
        """Take the last blocks back: their transactions wait again, but for those dropped. What was taken back, newest
        first.
        """
        gone, lost = [], set(dropped)
        self._forks += 1
        for _ in range(depth):
            block = self.blocks.pop(self.tip.number)
            gone.append(block)
            self.tip = self.blocks[block.number - 1]
            for one in block.mined:
                if one.pending.sender != NOBODY and one.pending.hash not in lost:
                    self.waiting.setdefault((one.pending.sender, one.pending.transaction.nonce), one.pending)
        return gone

    def _next(self, world: World) -> Pending | None:
        ready = [
            one
            for (sender, nonce), one in self.waiting.items()
            if nonce == world.nonces.get(sender, 0) and one.transaction.fee_wei_max >= self.base_fee_wei
        ]
        return max(ready, key=lambda one: one.transaction.tip_wei, default=None)

    # -- what a transaction does ---------------------------------------------------------------------------------------

    def _execute(self, world: World, pending: Pending, stamp_s: int) -> Mined:
        one = pending.transaction
        world.nonces[pending.sender] = one.nonce + 1
        price_wei = min(one.fee_wei_max, self.base_fee_wei + one.tip_wei)
        gas, done, events = TRANSFER_GAS, True, list[Event]()
        if one.data:
            before = world.copy()
            try:
                events, gas = [self._call(world, pending, stamp_s)], SWAP_GAS
            except (ValueError, MessageRefused):
                world.pool, world.tokens, done, gas = before.pool, before.tokens, False, FAILED_GAS
        world.coin[pending.sender] = world.coin.get(pending.sender, 0) - gas * price_wei
        return Mined(pending, done, gas, events)

    def _call(self, world: World, pending: Pending, stamp_s: int) -> Event:
        """A swap by the router. Raises ValueError: it reverts."""
        one, pool = pending.transaction, self.pool
        name, body = one.data[:4], one.data[4:]
        if "0x" + one.to.hex() != ROUTER or name not in (_EXACT_IN, _EXACT_OUT):
            raise ValueError("no such function")
        token_in, token_out, fee, to, deadline, amount, bound, limit = words(body, 8)
        recipient, sold = _address(to), _address(token_in)
        if stamp_s > deadline:
            raise ValueError("Transaction too old")
        if {sold, _address(token_out)} != {pool.base.address, pool.quote.address} or fee != pool.fee_e6:
            raise ValueError("no such pool")
        exact_in = name == _EXACT_IN
        down = token_in < token_out
        amounts = world.pool.swap(down, amount if exact_in else -amount, limit, pool.fee_e6)
        taken, given = (amounts[0], -amounts[1]) if down else (amounts[1], -amounts[0])
        if (exact_in and given < bound) or (not exact_in and taken > bound):
            raise ValueError("Too little received" if exact_in else "Too much requested")
        self._pay(world, sold, pending.sender, -taken)
        self._pay(world, _address(token_out), recipient, given)
        data = b"".join(word(n % 2**256) for n in (*amounts, world.pool.root, world.pool.liquidity, world.pool.tick))
        return Event((SWAP, "0x" + place(ROUTER).hex(), "0x" + place(recipient).hex()), data)

    def _pay(self, world: World, token: str, who: str, amount: int) -> None:
        held = world.tokens.get((token, who), 0) + amount
        if held < 0:
            raise ValueError("STF")
        world.tokens[token, who] = held


NOBODY = "0x" + "00" * 20


def _somebody(seed: int) -> Pending:
    return Pending(_hash(b"somebody %d" % seed), NOBODY, Transaction(0, 0, 0, 0, 0, bytes(20)))


def _sender(transaction: Transaction, signature: bytes) -> str:
    """Raises ValueError: no signature of anybody's."""
    try:
        key = PublicKey.from_signature_and_message(signature, transaction.digest(), hasher=None)
    except Exception:  # coincurve raises bare Exceptions
        raise ValueError("invalid signature") from None
    return "0x" + keccak(key.format(compressed=False)[1:])[12:].hex()


def _address(word_: int) -> str:
    return f"0x{word_:040x}"[:42]


def _hash(content: bytes) -> str:
    return "0x" + keccak(content).hex()
