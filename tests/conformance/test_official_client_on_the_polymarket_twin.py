"""polymarket-client, unmodified but for its URLs, trades on the twin over real HTTP and WebSocket on loopback."""

import asyncio
import dataclasses
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec
import pytest
from eth_account import Account as EthAccount
from polymarket import AsyncSecureClient, SecureClient
from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment
from polymarket.environments import Environment
from polymarket.errors import OrderHeartbeatMismatchError, RateLimitError, RequestRejectedError
from polymarket.models import ApiKeyCreds
from polymarket.streams import MarketSpec, UserSpec

from pilotfish.venues.sim.recorded import BookSnapshot, RecordedBook
from pilotfish.venues.twins.faults import Fault, TwinFaults
from pilotfish.venues.twins.polymarket.accounts import Account
from pilotfish.venues.twins.polymarket.markets import instrument, listing
from pilotfish.venues.twins.polymarket.settle import SettlementTimes
from pilotfish.venues.twins.polymarket.twin import PolymarketTwin, Terms
from pilotfish.venues.twins.server import TwinServer, serving

RAIN = listing("Will it rain?", fee_rate=20_000)
WIN = listing("Who wins?", tick=10, neg_risk=True)
POSITION = msgspec.structs.replace(listing("Who comes second?"), tokens=(str(1 << 248), str((1 << 248) + 1)))
YES, NO = RAIN.tokens
KEY = "0x" + "5a" * 32
MONEY = 1_000_000
MS = 1_000_000


class Place:
    """A twin that is being served, a wallet on it, and clients for it."""

    def __init__(self, kind: int) -> None:
        start = time.time_ns()
        sources = {
            number: RecordedBook(
                instrument(number, one), [BookSnapshot(start - 1, ((4900, 100_00),), ((5000, 100_00), (5100, 500_00)))]
            )
            for number, one in enumerate((RAIN, WIN, POSITION))
        }
        self.faults = TwinFaults()
        # On chain in no time: the client polls, and a test does not wait.
        terms = Terms(settlement=SettlementTimes(0, 0, 0), index_ns=0, step_ns=10 * MS)
        self.twin = PolymarketTwin((RAIN, WIN, POSITION), start, sources, self.faults, terms=terms)
        self.account: Account = self.twin.open_account(EthAccount.from_key(KEY).address, kind, 1_000 * MONEY)
        self.server = TwinServer(self.twin)

    def environment(self, url: str) -> Environment:
        streams = url.replace("http", "ws", 1)
        config = dataclasses.replace(
            PRODUCTION_CONFIG,
            clob_url=url,
            gamma_url=url,
            data_url=url,
            relayer_url=url,
            clob_market_ws_url=f"{streams}/ws/market",
            clob_user_ws_url=f"{streams}/ws/user",
        )
        return create_environment(name="twin", config=config)

    async def client(self, credentials: ApiKeyCreds | None = None) -> AsyncSecureClient:
        return await AsyncSecureClient.create(
            private_key=KEY,
            wallet=self.account.wallet,
            environment=self.environment(self.server.url),
            credentials=credentials,
        )


def on_the_twin(act: Callable[[Place, AsyncSecureClient], Awaitable[None]], kind: int = 3) -> None:
    async def run() -> None:
        place = Place(kind)
        async with place.server:
            client = await place.client()
            try:
                await act(place, client)
            finally:
                await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
def test_it_trades_from_each_kind_of_wallet_in_each_kind_of_market(kind: int) -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        taken = await client.place_limit_order(asset_id=YES, price="0.5", size="10", side="BUY")
        assert taken.ok
        assert (taken.status, taken.taking_amount, taken.making_amount) == ("matched", 10, 5)
        second = await client.place_limit_order(asset_id=POSITION.tokens[1], price="0.51", size="10", side="BUY")
        assert second.ok
        assert second.status == "matched"
        rests = await client.place_limit_order(
            asset_id=WIN.tokens[1], price="0.495", size="10", side="BUY", post_only=True
        )
        assert rests.ok
        assert rests.status == "live"
        (order,) = (await client.list_open_orders().first_page()).items
        assert (order.id, order.price, order.outcome) == (rests.order_id, Decimal("0.495"), "No")
        assert (await client.get_order(order_id=rests.order_id)).size_matched == 0
        assert (await client.cancel_order(order_id=rests.order_id)).canceled == (rests.order_id,)
        assert set(place.twin.desk.orders) == {taken.order_id, second.order_id, rests.order_id}

    on_the_twin(act, kind)


def test_it_makes_its_api_key_and_finds_it_again() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        assert await client.fetch_api_keys() == (client.credentials.key,)
        assert await client.get_closed_only_mode() is False
        second = await place.client()
        assert second.credentials == client.credentials
        await second.close()
        third = await place.client(client.credentials)
        assert third.credentials == client.credentials
        await third.delete_api_key()
        await third.close()
        with pytest.raises(RequestRejectedError, match="Unauthorized/Invalid api key"):
            await client.list_open_orders().first_page()

    on_the_twin(act)


def test_its_market_orders_spend_what_they_say_and_sell_what_they_bought() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        bought = await client.place_market_order(asset_id=YES, amount="75", side="BUY", order_type="FOK")
        assert bought.ok
        assert bought.making_amount == 75
        hashes = await client.wait_for_order_fill_settlement(bought)
        assert hashes == bought.transactions_hashes
        assert (await client.get_balance_allowance(asset_type="CONDITIONAL", asset_id=YES)).balance == int(
            bought.taking_amount * MONEY
        )
        sold = await client.place_market_order(asset_id=YES, shares="20", side="SELL", order_type="FAK")
        assert sold.ok
        assert (sold.making_amount, sold.taking_amount) == (20, Decimal("9.8"))
        with pytest.raises(RequestRejectedError, match="fully filled or killed"):
            await client.place_market_order(asset_id=YES, amount="900", side="BUY", max_price="0.51", order_type="FOK")

    on_the_twin(act)


def test_its_batches_and_cancels_get_an_answer_for_each_order() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        signed = [
            await client.create_limit_order(asset_id=YES, price=price, size=size, side="BUY")
            for price, size in (("0.1", "10"), ("0.2", "10"), ("0.49", "5000"))
        ]
        first, second, third = await client.post_orders(signed)
        assert first.ok
        assert second.ok
        assert not third.ok
        assert third.code == "not_enough_balance"
        said = await client.cancel_orders(order_ids=[first.order_id, "0x" + "00" * 32])
        assert said.canceled == (first.order_id,)
        assert list(said.not_canceled) == ["0x" + "00" * 32]
        assert (await client.cancel_market_orders(asset_id=NO)).canceled == ()
        assert (await client.cancel_all()).canceled == (second.order_id,)

    on_the_twin(act)


def test_it_reads_books_prices_and_markets() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        book = await client.get_order_book(asset_id=YES)
        assert (book.bids[-1].price, book.asks[-1].price, book.tick_size) == (
            Decimal("0.49"), Decimal("0.5"), Decimal("0.01")
        )  # fmt: skip
        yes, no = await client.get_order_books(asset_ids=[YES, NO])
        assert yes.asks[-1].price + no.bids[-1].price == 1
        assert await client.get_midpoint(asset_id=YES) == Decimal("0.495")
        assert await client.get_spread(asset_id=NO) == Decimal("0.01")
        assert await client.get_price(asset_id=NO, side="BUY") == Decimal("0.5")
        assert await client.get_last_trade_price(asset_id=YES) is None
        markets = (await client.list_markets().first_page()).items
        assert [market.condition_id for market in markets] == [RAIN.condition, WIN.condition, POSITION.condition]
        assert markets[0].outcomes.yes.token_id == YES
        assert markets[1].trading.minimum_tick_size == Decimal("0.001")
        assert (await client.get_market(slug=WIN.slug)).state.neg_risk

    on_the_twin(act)


def test_it_sees_its_trades_in_the_clob_and_in_the_data_api() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        taken = await client.place_limit_order(asset_id=YES, price="0.5", size="10", side="BUY")
        assert taken.ok
        await client.wait_for_order_fill_settlement(taken)
        (trade,) = (await client.list_account_trades().first_page()).items
        assert (trade.id, trade.status, trade.trader_side) == (taken.trade_ids[0], "CONFIRMED", "TAKER")
        assert [(maker.matched_amount, maker.side) for maker in trade.maker_orders] == [(10, "SELL")]
        (public,) = (await client.list_trades(user=client.wallet).first_page()).items
        assert (public.asset_id, public.size, public.price) == (YES, 10, Decimal("0.5"))
        (deed,) = (await client.list_activity().first_page()).items
        assert deed.type == "TRADE"
        (position,) = (await client.list_positions().first_page()).items
        assert (position.current_size, position.avg_price, position.outcome) == (10, Decimal("0.5"), "Yes")
        assert (await client.get_portfolio_value()).value == 5
        assert place.account.money == 995 * MONEY - round(10 * 0.02 * 0.25 * MONEY)

    on_the_twin(act)


def test_it_hears_books_and_its_own_orders_and_trades() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        market = await client.subscribe(MarketSpec(asset_ids=[YES], custom_feature_enabled=True))
        user = await client.subscribe(UserSpec())
        assert (await anext(market)).payload.asks[-1].price == Decimal("0.5")
        place.server.call(lambda: None)
        taken = await client.place_limit_order(asset_id=YES, price="0.5", size="10", side="BUY")
        assert taken.ok
        heard = [await anext(user) for _ in range(4)]
        assert [event.type for event in heard] == ["order", "trade", "trade", "trade"]
        assert [event.payload.status for event in heard] == ["MATCHED", "MATCHED", "MINED", "CONFIRMED"]
        kinds = [(await anext(market)).type for _ in range(3)]
        assert kinds == ["price_change", "book", "last_trade_price"]
        place.server.call(lambda: place.twin.change_tick(0, 10))
        place.server.call(lambda: place.twin.resolve(0, 0))
        rest = []
        while "market_resolved" not in rest:
            rest.append((await anext(market)).type)
        assert rest[0] == "tick_size_change"
        await market.close()
        await user.close()

    on_the_twin(act)


def test_it_understands_the_venues_refusals() -> None:
    async def act(place: Place, client: AsyncSecureClient) -> None:
        with pytest.raises(RequestRejectedError, match="order crosses book"):
            await client.place_limit_order(asset_id=YES, price="0.5", size="10", side="BUY", post_only=True)
        with pytest.raises(RequestRejectedError, match="lower than the minimum: 5"):
            await client.place_limit_order(asset_id=YES, price="0.4", size="2", side="BUY")
        place.faults.plan(Fault.RATE_LIMIT)
        with pytest.raises(RateLimitError):
            await client.cancel_all()
        beat = await client.send_order_heartbeat()
        assert (await client.send_order_heartbeat(heartbeat_id=beat.heartbeat_id)).heartbeat_id != beat.heartbeat_id
        with pytest.raises(OrderHeartbeatMismatchError):
            await client.send_order_heartbeat(heartbeat_id=beat.heartbeat_id)

    on_the_twin(act)


def test_its_blocking_client_trades_as_well() -> None:
    place = Place(3)
    with serving(place.twin) as url:
        client = SecureClient.create(private_key=KEY, wallet=place.account.wallet, environment=place.environment(url))
        taken = client.place_market_order(asset_id=NO, amount="10.2", side="BUY", max_price="0.51")
        assert taken.ok
        assert taken.taking_amount == 20
        assert client.wait_for_order_fill_settlement(taken) == taken.transactions_hashes
        assert client.cancel_all().canceled == ()
        client.close()
    assert place.account.tokens[NO] == 20 * MONEY
