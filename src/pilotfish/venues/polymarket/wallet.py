"""What a wallet does on the chain: allowances for the exchanges, and splitting, merging and redeeming of positions.

Not on the order path. Transactions go through the official client: signed by the key, and for proxies, Safes and
deposit wallets carried by Polymarket's relayer without gas (about 25 a minute). Each is simulated first by `eth_call`
from the wallet itself, so that what would revert is not sent. One at a time: a wallet has one nonce.
Allowances are given to the contracts that trade what is listed, and to no other.
https://docs.polymarket.com/trading/gasless and …/trading/ctf/overview
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pilotfish.domain.errors import VenueError
from pilotfish.venues.keys.digests import EXCHANGE
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.keys.schemes import Scheme
from pilotfish.venues.polymarket.settings import Credentials
from pilotfish.venues.polymarket.wire.assets import Market, is_position, scheme_of
from pilotfish.venues.polymarket.wire.signing import SignatureType, address_word, word

if TYPE_CHECKING:
    from polymarket import AsyncSecureClient
    from polymarket.calls import TransactionCall
    from polymarket.types import EvmAddress

COLLATERAL = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"  # pUSD
CONDITIONAL_TOKENS = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
POSITION_MANAGER = "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"
OPERATOR = {
    Scheme.POLYMARKET_ORDER: "0xAdA100Db00Ca00073811820692005400218FcE1f",
    Scheme.POLYMARKET_NEG_RISK_ORDER: "0xadA2005600Dec949baf300f4C6120000bDB6eAab",
    Scheme.POLYMARKET_POSITION_ORDER: "0x12121212006e4CD160D18e3f00711DA5c3372600",
}
"""The contract that splits, merges and redeems what is traded under each scheme."""

ENOUGH = 2**255  # an allowance that trading does not use up
_UINT256_MAX = 2**256 - 1


class WalletRefused(VenueError):
    """Nothing was done on the chain."""


class WalletUnknown(VenueError):
    """A transaction was sent, and nobody knows yet what became of it. It may still take place."""


class Handle(Protocol):
    """A transaction under way."""

    transaction_hash: str | None

    def wait(self) -> Awaitable[object]: ...


class Client(Protocol):
    """The official client, as much of it as is used here."""

    async def execute_transaction(self, *, calls: Sequence[TransactionCall], metadata: str | None = None) -> Handle: ...


Simulate = Callable[[str, str, str], Awaitable[bytes]]
"""eth_call from, to, data: what it returns. Raises WalletRefused when it reverts or nobody answers."""


class Allowance(NamedTuple):
    """Leave for `spender` to move `token`: an amount of pUSD, or all outcome tokens."""

    token: str
    spender: str

    @property
    def is_money(self) -> bool:
        return self.token == COLLATERAL


def allowances(schemes: Iterable[Scheme]) -> list[Allowance]:
    """What trading under these schemes needs."""
    needed = []
    for scheme in sorted(set(schemes)):
        token = POSITION_MANAGER if scheme is Scheme.POLYMARKET_POSITION_ORDER else CONDITIONAL_TOKENS
        spenders = EXCHANGE[scheme], OPERATOR[scheme]
        needed += [Allowance(one, spender) for one in (COLLATERAL, token) for spender in spenders]
    return needed


def refresh(kind: SignatureType, token: str = "") -> tuple[str, dict[str, str | int]]:
    """Path and query of the private GET that makes the CLOB look again: without it new money and leave stay unseen."""
    query: dict[str, str | int] = {"asset_type": "COLLATERAL", "signature_type": int(kind)}
    if token:
        asset = "CONDITIONAL-V2" if is_position(token) else "CONDITIONAL"
        query |= {"asset_type": asset, "token_id": token}
    return "/balance-allowance/update", query


class Wallet:
    """`address` is the wallet's. Amounts are base units, 10^-6 of a dollar or a share."""

    def __init__(self, client: Client, simulate: Simulate, address: str) -> None:
        self._client, self._simulate, self.address = client, simulate, address
        self._turn = asyncio.Lock()

    async def missing(self, schemes: Iterable[Scheme]) -> list[Allowance]:
        """Allowances that trading needs and the chain does not know. Raises WalletRefused."""
        return [one for one in allowances(schemes) if not await self._allowed(one)]

    async def approve(self, schemes: Iterable[Scheme]) -> str | None:
        """Give the missing ones, all in one transaction; its hash, or None where nothing is missing.

        Raises WalletRefused or WalletUnknown. The CLOB is then to be asked to `refresh`.
        """
        from polymarket.calls import erc20_approval_call, erc1155_set_approval_for_all_call

        wanted = await self.missing(schemes)
        if not wanted:
            return None
        calls = [
            erc20_approval_call(token_address=_evm(one.token), spender=_evm(one.spender), amount=_UINT256_MAX)
            if one.is_money
            else erc1155_set_approval_for_all_call(token_address=_evm(one.token), operator=_evm(one.spender))
            for one in wanted
        ]
        return await self._do(calls, f"approve {len(calls)} contracts")

    async def split(self, market: Market, amount: int) -> str:
        """`amount` of pUSD into as much of both outcomes. Raises WalletRefused or WalletUnknown."""
        from polymarket.calls import ctf_split_position_call, router_split_call

        scheme, contract = self._operator(market, amount)
        if scheme is Scheme.POLYMARKET_POSITION_ORDER:
            call = router_split_call(router=_evm(contract), condition_id=market.condition, amount=amount)
        else:
            call = ctf_split_position_call(
                target=_evm(contract), collateral=_evm(COLLATERAL), condition_id=market.condition, amount=amount
            )
        return await self._do([call], f"split {amount} of {market.condition}")

    async def merge(self, market: Market, amount: int) -> str:
        """`amount` of both outcomes back into pUSD. Raises WalletRefused or WalletUnknown."""
        from polymarket.calls import ctf_merge_positions_call, router_merge_call

        scheme, contract = self._operator(market, amount)
        if scheme is Scheme.POLYMARKET_POSITION_ORDER:
            call = router_merge_call(router=_evm(contract), condition_id=market.condition, amount=amount)
        else:
            call = ctf_merge_positions_call(
                target=_evm(contract), collateral=_evm(COLLATERAL), condition_id=market.condition, amount=amount
            )
        return await self._do([call], f"merge {amount} of {market.condition}")

    async def redeem(self, market: Market) -> str:
        """All of a resolved market's tokens for what they are worth. Raises WalletRefused or WalletUnknown."""
        from polymarket.calls import ctf_redeem_positions_call, router_redeem_call

        scheme, contract = self._operator(market, 1)
        if scheme is not Scheme.POLYMARKET_POSITION_ORDER:
            calls = [
                ctf_redeem_positions_call(
                    ctf=_evm(contract), collateral=_evm(COLLATERAL), condition_id=market.condition
                )
            ]
        else:
            held = [await self.balance(token) for token, _ in market.tokens]
            calls = [
                router_redeem_call(router=_evm(contract), condition_id=market.condition, outcome_index=k, amount=amount)
                for k, amount in enumerate(held)
                if amount
            ]
        return await self._do(calls, f"redeem {market.condition}")

    async def balance(self, token: str) -> int:
        """How much of an outcome token the wallet holds on the chain. Raises WalletRefused."""
        contract = POSITION_MANAGER if is_position(token) else CONDITIONAL_TOKENS
        data = _data("balanceOf(address,uint256)", address_word(self.address), word(int(token)))
        return _number(await self._simulate(self.address, contract, data))

    async def _allowed(self, one: Allowance) -> bool:
        kind = "allowance(address,address)" if one.is_money else "isApprovedForAll(address,address)"
        data = _data(kind, address_word(self.address), address_word(one.spender))
        given = _number(await self._simulate(self.address, one.token, data))
        return given >= ENOUGH if one.is_money else given == 1

    def _operator(self, market: Market, amount: int) -> tuple[Scheme, str]:
        if not 0 < amount <= _UINT256_MAX:
            raise WalletRefused(f"an amount of {amount}", "is none", "give base units, 10^-6, above 0")
        scheme = scheme_of(market.tokens[0][0], neg_risk=market.neg_risk)
        return scheme, OPERATOR[scheme]

    async def _do(self, calls: Sequence[TransactionCall], what: str) -> str:
        from polymarket.errors import PolymarketError, TransactionFailedError

        if not calls:
            raise WalletRefused(what, "the wallet holds nothing of it", "")
        async with self._turn:
            for call in calls:
                await self._simulate(self.address, str(call.to), str(call.data))
            try:
                handle = await self._client.execute_transaction(calls=calls, metadata=what)
            except PolymarketError as bad:
                raise _sending(what, bad) from None
            try:
                outcome = await handle.wait()
            except TransactionFailedError as bad:
                raise WalletRefused(what, str(bad)[:300], "see why it failed on the chain") from None
            except PolymarketError as bad:
                sent = handle.transaction_hash or "no hash yet"
                raise WalletUnknown(f"{what} ({sent})", str(bad)[:300], "look for it on the chain") from None
        return str(getattr(outcome, "transaction_hash", None) or handle.transaction_hash or "")


async def opened(secret: str, address: str, made: Credentials, relayer_key: str = "") -> AsyncSecureClient:
    """The official client for a wallet and its key (64 hexadecimal digits); whoever opens it closes it.

    A new deposit wallet is deployed by it. Raises WalletRefused, without the secret.
    """
    from polymarket import AsyncSecureClient, RelayerApiKey
    from polymarket.errors import PolymarketError
    from polymarket.models.clob.api_key import ApiKeyCreds

    from pilotfish.venues.keys.key import Key

    signer = Key.from_hex(secret).address
    relayer = RelayerApiKey(key=relayer_key, address=signer) if relayer_key else None
    known = ApiKeyCreds.model_validate({"apiKey": made.key, "secret": made.secret, "passphrase": made.passphrase})
    try:
        return await AsyncSecureClient.create(private_key=secret, wallet=address, credentials=known, api_key=relayer)
    except PolymarketError as bad:
        why = str(bad).replace(secret, "…")[:300]
    raise WalletRefused(f"wallet {address[:42]}", why, "see that key, wallet and API key belong together")


def _sending(what: str, bad: Exception) -> VenueError:
    """A transport that failed may have carried it; every other failure came before or instead of it."""
    from polymarket.errors import TransportError, UnexpectedResponseError

    why = str(bad)[:300]
    if isinstance(bad, (TransportError, UnexpectedResponseError)):
        return WalletUnknown(what, why, "look for it on the chain before sending it again")
    return WalletRefused(what, why, "mend it and try again")


def _evm(address: str) -> EvmAddress:
    from polymarket.types import EvmAddress

    return EvmAddress(address)


def _data(signature: str, *words: bytes) -> str:
    return "0x" + (keccak(signature.encode())[:4] + b"".join(words)).hex()


def _number(answer: bytes) -> int:
    if len(answer) != 32:
        raise WalletRefused(f"a contract answered {len(answer)} bytes", "and no number", "see what the node answers")
    return int.from_bytes(answer, "big")
