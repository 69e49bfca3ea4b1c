"""The wallet simulates before it sends, asks only for the leave it needs, and guesses no transaction's outcome."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from polymarket import AsyncSecureClient
from polymarket._internal.actions.account import build_update_balance_allowance_request
from polymarket._internal.actions.relayer.approvals import _required_trading_approvals
from polymarket._internal.environment import PRODUCTION_CONFIG
from polymarket.errors import TimeoutError as SlowError
from polymarket.errors import TransactionFailedError, TransportError, UserInputError

from pilotfish.venues.keys.digests import EXCHANGE
from pilotfish.venues.keys.schemes import Scheme
from pilotfish.venues.polymarket import wallet as room
from pilotfish.venues.polymarket.node import Node
from pilotfish.venues.polymarket.settings import Credentials
from pilotfish.venues.polymarket.wallet import Wallet, WalletRefused, WalletUnknown, allowances, refresh
from pilotfish.venues.polymarket.wire.assets import Market
from pilotfish.venues.polymarket.wire.signing import SignatureType
from tests.unit.polymarket_samples import ACCOUNT, POSITION, SECRET, WALLET, YES, market

SCHEMES = list(EXCHANGE)
TOKENS = (POSITION, "Yes"), (str(int(POSITION) ^ 1), "No")
IN_POSITIONS = Market("0x" + f"{int(POSITION):064x}"[:62], "rain", TOKENS, 100, 500, False, True)
NOTHING, ONE = bytes(32), bytes(31) + b"\x01"


class Chain:
    """Simulates what it is told: answers by the beginning of the data, or reverts."""

    def __init__(self, answer: bytes = NOTHING, reverts: bool = False) -> None:
        self.answer, self.reverts, self.asked = answer, reverts, []

    async def simulate(self, sender: str, to: str, data: str) -> bytes:
        self.asked.append((sender, to, data))
        if self.reverts:
            raise WalletRefused("a call", "would revert")
        return self.answer


class Client:
    """Keeps what it was to send; `fails` at sending, `ends` at waiting."""

    def __init__(self, fails: Exception | None = None, ends: Exception | None = None) -> None:
        self.fails, self.ends, self.sent = fails, ends, []
        self.under_way = 0

    async def execute_transaction(self, *, calls, metadata=None) -> SimpleNamespace:
        assert self.under_way == 0, "a wallet has one nonce"
        if self.fails:
            raise self.fails
        self.sent.append([(str(call.to), str(call.data)) for call in calls])
        self.under_way += 1

        async def wait() -> SimpleNamespace:
            await asyncio.sleep(0)
            self.under_way -= 1
            if self.ends:
                raise self.ends
            return SimpleNamespace(transaction_hash="0xfeed")

        return SimpleNamespace(transaction_hash=None, wait=wait)


def done(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


# -- leave to trade ----------------------------------------------------------------------------------------------------


def test_contracts_are_those_of_the_official_client() -> None:
    config = PRODUCTION_CONFIG
    assert (
        config.collateral_token, config.conditional_tokens, config.position_manager,
    ) == (room.COLLATERAL, room.CONDITIONAL_TOKENS, room.POSITION_MANAGER)  # fmt: skip
    assert list(room.OPERATOR.values()) == [
        config.collateral_adapter, config.neg_risk_collateral_adapter, config.protocol_v2_router,
    ]  # fmt: skip
    assert set(room.OPERATOR) == set(EXCHANGE)


def test_leave_is_asked_for_the_contracts_that_trade_and_for_no_other() -> None:
    money, tokens = _required_trading_approvals(PRODUCTION_CONFIG)
    official = {(one.token_address, one.spender) for one in money} | {
        (one.token_address, one.operator) for one in tokens
    }
    ours = {tuple(one) for one in allowances(SCHEMES)}
    assert len(ours) == len(allowances(SCHEMES)) == 12
    assert ours < official
    assert PRODUCTION_CONFIG.perps_deposit_contract not in {spender for _, spender in ours}
    plain = allowances([Scheme.POLYMARKET_ORDER])
    assert {one.spender for one in plain} == {EXCHANGE[Scheme.POLYMARKET_ORDER], room.OPERATOR[Scheme.POLYMARKET_ORDER]}


def test_what_is_missing_is_given_in_one_transaction() -> None:
    client, chain = Client(), Chain(NOTHING)
    assert done(Wallet(client, chain.simulate, WALLET).approve([Scheme.POLYMARKET_ORDER])) == "0xfeed"
    (calls,) = client.sent
    assert [to for to, _ in calls] == [room.COLLATERAL] * 2 + [room.CONDITIONAL_TOKENS] * 2
    assert len(chain.asked) == 8, "each is looked up and each is simulated"
    assert {sender for sender, _, _ in chain.asked} == {WALLET}


def test_nothing_is_sent_where_nothing_is_missing() -> None:
    async def all_given(sender: str, to: str, data: str) -> bytes:
        return b"\xff" * 32 if to == room.COLLATERAL else ONE

    client = Client()
    assert done(Wallet(client, all_given, WALLET).approve(SCHEMES)) is None
    assert client.sent == []


def test_the_clob_is_asked_to_look_again_as_the_official_client_asks_it() -> None:
    for kind in SignatureType:
        for token, asset in (("", "COLLATERAL"), (YES, "CONDITIONAL"), (POSITION, "CONDITIONAL-V2")):
            official = build_update_balance_allowance_request(
                asset_type=asset, asset_id=token or None, signature_type=int(kind)
            )
            assert refresh(kind, token) == official


# -- positions ---------------------------------------------------------------------------------------------------------


class Official(AsyncSecureClient):
    """The official client's own way from a market to its calls: no network, and the market is known."""

    _ctx: Any = None

    def __init__(self, one: Market, balance: int) -> None:
        config, in_positions, tokens = PRODUCTION_CONFIG, one is IN_POSITIONS, [token for token, _ in one.tokens]
        self.calls: list = []
        self.context = SimpleNamespace(
            protocol="v2" if in_positions else "ctf", condition_id=one.condition, token_ids=tokens, outcome_ids=tokens,
            adapter_address=config.neg_risk_collateral_adapter if one.neg_risk else config.collateral_adapter,
            position_erc1155_address=config.position_manager if in_positions else config.conditional_tokens,
        )  # fmt: skip

        async def eth_call(**_: object) -> str:
            return "0x" + b"".join(number.to_bytes(32, "big") for number in (32, 2, balance, balance)).hex()

        rpc = SimpleNamespace(eth_call=eth_call)
        self._ctx = SimpleNamespace(environment_config=config, wallet=ACCOUNT.address, rpc=rpc)

    async def _resolve_market_position_context(self, **_: object) -> SimpleNamespace:
        return self.context

    async def _dispatch_calls(self, calls: list, **_: object) -> None:
        self.calls = calls

    async def _dispatch_single_call(self, call: object, **_: object) -> None:
        self.calls = [call]


MARKETS = {"plain": market(), "neg-risk": market(neg_risk=True), "positions": IN_POSITIONS}


@pytest.mark.parametrize("kind", MARKETS)
@pytest.mark.parametrize("verb", ["split", "merge", "redeem"])
def test_positions_are_moved_by_the_official_clients_calls(kind: str, verb: str) -> None:
    one, balance = MARKETS[kind], 7_000_000
    official = Official(one, balance)
    amount = {} if verb == "redeem" else {"amount": 5_000_000}
    name = {"split": "split_position", "merge": "merge_positions", "redeem": "redeem_positions"}[verb]
    done(getattr(official, name)(condition_id=one.condition, **amount))
    client, chain = Client(), Chain(balance.to_bytes(32, "big"))
    assert done(getattr(Wallet(client, chain.simulate, WALLET), verb)(one, *amount.values())) == "0xfeed"
    assert client.sent == [[(str(call.to), str(call.data)) for call in official.calls]]
    assert [(to, data) for _, to, data in chain.asked[-len(client.sent[0]) :]] == client.sent[0]


def test_what_would_revert_is_not_sent() -> None:
    client = Client()
    with pytest.raises(WalletRefused, match="revert"):
        done(Wallet(client, Chain(reverts=True).simulate, WALLET).split(market(), 1))
    assert client.sent == []


@pytest.mark.parametrize("amount", [0, -1, 2**256])
def test_an_amount_that_is_none_is_refused(amount: int) -> None:
    with pytest.raises(WalletRefused, match="amount"):
        done(Wallet(Client(), Chain().simulate, WALLET).merge(market(), amount))


def test_nothing_held_is_nothing_to_redeem() -> None:
    with pytest.raises(WalletRefused, match="nothing"):
        done(Wallet(Client(), Chain(NOTHING).simulate, WALLET).redeem(IN_POSITIONS))


def test_a_contract_that_answers_no_number_is_no_balance() -> None:
    with pytest.raises(WalletRefused, match="no number"):
        done(Wallet(Client(), Chain(b"").simulate, WALLET).balance(YES))


@pytest.mark.parametrize(
    ("client", "error"),
    [
        (Client(fails=UserInputError("no")), WalletRefused),
        (Client(fails=TransportError("reset")), WalletUnknown),
        (Client(ends=TransactionFailedError("reverted")), WalletRefused),
        (Client(ends=SlowError("too long")), WalletUnknown),
        (Client(ends=TransportError("reset")), WalletUnknown),
    ],
)
def test_an_unknown_outcome_is_called_unknown(client: Client, error: type[Exception]) -> None:
    with pytest.raises(error):
        done(Wallet(client, Chain().simulate, WALLET).split(market(), 5))


def test_one_transaction_waits_for_the_other() -> None:
    client = Client()
    one = Wallet(client, Chain().simulate, WALLET)

    async def both() -> None:
        await asyncio.gather(one.split(market(), 5), one.merge(market(), 5))

    done(both())
    assert len(client.sent) == 2


# -- the official client, and a node -----------------------------------------------------------------------------------

MADE = Credentials("api-key", "c2VjcmV0", "pass-phrase")


def test_the_official_client_is_opened_with_what_we_have(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    async def create(**arguments: object) -> str:
        given.update(arguments)
        return "client"

    monkeypatch.setattr(AsyncSecureClient, "create", create)
    assert done(room.opened(SECRET.hex(), WALLET, MADE, "relayer-key")) == "client"
    assert (given["wallet"], given["credentials"].key, given["api_key"].address) == (WALLET, "api-key", ACCOUNT.address)


def test_a_wallet_that_cannot_be_opened_says_why_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async def create(**arguments: object) -> None:
        raise UserInputError(f"Invalid private_key: {arguments['private_key']}")

    monkeypatch.setattr(AsyncSecureClient, "create", create)
    with pytest.raises(WalletRefused) as refused:
        done(room.opened(SECRET.hex(), WALLET, MADE))
    assert SECRET.hex() not in str(refused.value)
    assert refused.value.__cause__ is None


def asked_of_a_node(reply: web.Response | None) -> bytes:
    """One eth_call to a node on this machine, which answers so; None: it hangs up."""

    async def work() -> bytes:
        async def answer(request: web.Request) -> web.Response:
            question = await request.json()
            assert question["method"] == "eth_call"
            assert question["params"] == [{"from": WALLET, "to": room.COLLATERAL, "data": "0x12"}, "latest"]
            if reply is None:
                request.transport.abort()
                return web.Response()
            return reply

        app = web.Application()
        app.router.add_post("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession() as http:
                return await Node(http, f"http://127.0.0.1:{port}/?key=hidden").simulate(
                    WALLET, room.COLLATERAL, "0x12"
                )
        finally:
            await runner.cleanup()

    return asyncio.run(work())


def test_a_node_says_what_a_call_returns() -> None:
    assert asked_of_a_node(web.json_response({"jsonrpc": "2.0", "id": 1, "result": "0x" + ONE.hex()})) == ONE


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda: web.json_response({"error": {"code": 3, "message": "execution reverted: FAIL"}}), "FAIL"),
        (lambda: web.json_response({"result": None}), "nothing"),
        (lambda: web.json_response({"result": "0xzz"}), "no bytes"),
        (lambda: web.Response(text="<html>"), "malformed"),
        (lambda: None, "does not answer"),
    ],
)
def test_a_node_that_reverts_or_fails_stops_the_transaction(reply, why: str) -> None:
    with pytest.raises(WalletRefused, match=why) as refused:
        asked_of_a_node(reply())
    assert "hidden" not in str(refused.value)
