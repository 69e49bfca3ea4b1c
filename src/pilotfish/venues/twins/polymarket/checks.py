"""What the venue refuses before an order meets the book, in its own words.

https://docs.polymarket.com/resources/error-codes; the rules on decimals and on purchases by amount are not documented
and come from refusals that users of the official clients reported (py-clob-client-v2 #59, #89, #99).
"""

from __future__ import annotations

from typing import Any

from pilotfish.venues.twins.polymarket.accounts import Account, Accounts, ApiKey, Refused
from pilotfish.venues.twins.polymarket.markets import ONE, SHARE, TwinMarket, mirrored
from pilotfish.venues.twins.polymarket.records import Order, priced, shares, side_name
from pilotfish.venues.twins.polymarket.wallets import POLY_1271, OrderFields, exchange_of, raw_address

SECOND = 1_000_000_000
EXPIRY_S = 60  # an order lapses this long before its expiration, and must have at least as long
BAD_PAYLOAD = "Invalid order payload"
NOT_READY = "the market is not yet ready to process new orders"
TYPES = ("GTC", "GTD", "FOK", "FAK")


def parsed(body: Any, key: ApiKey, accounts: Accounts, markets: dict[str, TwinMarket]) -> Order:
    """The order in a request, its signature verified; nothing else is checked yet. Raises Refused."""
    try:
        fields = body["order"]
        signed = OrderFields(fields)
        signature = bytes.fromhex(str(fields["signature"]).removeprefix("0x"))
        market = markets.get(str(fields["tokenId"]))
        kind, post_only = body["orderType"], body.get("postOnly", False)
        expiration = int(fields["expiration"])
        if body["owner"] != key.key:
            raise Refused(400, "the order owner has to be the owner of the API KEY")
        positive = signed.making > 0 and signed.taking > 0 and expiration >= 0
        if kind not in TYPES or not isinstance(post_only, bool) or not positive:
            raise ValueError("not an order")
        neg_risk = market.listed.neg_risk if market else False
        order_id = "0x" + signed.digest(neg_risk).hex()
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise Refused(400, BAD_PAYLOAD) from None
    if market is None:
        raise Refused(400, "Invalid token id")
    account = _signed(signed, signature, neg_risk, key, accounts)
    order = Order(order_id, account, market, market.listed.tokens.index(str(fields["tokenId"])), signed.side)
    order.owner, order.type, order.post_only, order.expiration = key.key, kind, post_only, expiration
    money = signed.making if signed.side > 0 else signed.taking
    order.lots = signed.taking if signed.side > 0 else signed.making
    order.making, order.salt = signed.making, signed.salt
    order.price = _price(order, money)
    return order


def _signed(fields: OrderFields, signature: bytes, neg_risk: bool, key: ApiKey, accounts: Accounts) -> Account:
    """The wallet it spends from. Raises Refused unless the key's owner signed for a wallet of theirs."""
    account = accounts.wallet(fields.maker)
    if account is None:
        raise Refused(400, "maker address not allowed, please use the deposit wallet flow")
    expected = account.wallet if fields.kind == POLY_1271 else key.owner
    if fields.signer.lower() != expected.lower() or account.owner != key.owner:
        raise Refused(400, "the order signer address has to be the address of the API KEY")
    try:
        signer = fields.signed_by(signature, neg_risk)
    except ValueError:
        signer = b""
    if signer != raw_address(key.owner) or account.kind != fields.kind:
        raise Refused(400, "invalid signature")
    return account


def _price(order: Order, money: int) -> int:
    """The order's limit in price units. Raises Refused where amounts are no price of this market."""
    tick, lots = order.market.tick, order.lots
    digits = _decimals(tick) + 2
    market = "market " if order.type in ("FAK", "FOK") else ""
    most = (2, max(4, digits)) if order.spends else (digits, 2) if order.side > 0 else (2, digits)
    made, taken = (money, lots) if order.side > 0 else (lots, money)
    if made % 10 ** (6 - most[0]) or taken % 10 ** (6 - most[1]):
        raise Refused(
            400,
            f"invalid amounts, the {market}{side_name(order.side).lower()} orders maker amount supports a max accuracy "
            f"of {most[0]} decimals, taker amount a max of {most[1]} decimals",
        )
    nearest = (2 * money * ONE + lots * tick) // (2 * lots * tick) * tick
    slack = nearest * 10 ** (6 - digits) // ONE + 1 if market else 0
    if abs(money - lots * nearest // ONE) > slack or not tick <= nearest <= ONE - tick:
        raise Refused(
            400,
            f"order {order.id} is invalid. Price ({money / lots:g}) breaks minimum tick size rule: {priced(tick)}",
        )
    if order.side > 0:
        return money * ONE // (lots * tick) * tick
    return -(-money * ONE // (lots * tick)) * tick


def _decimals(tick: int) -> int:
    return len(priced(tick).partition(".")[2])


def screened(
    order: Order, known: bool, live: list[Order], now_s: int, crosses: bool, *, penniless: bool
) -> None:  # fmt: skip
    """Raises Refused for what the venue does not take. `known`: this very order was received before."""
    market = order.market
    if not market.open:
        raise Refused(400, NOT_READY)
    instant = order.type in ("FAK", "FOK")
    if not instant and order.lots < market.listed.min_shares * SHARE:
        words = f"Size ({shares(order.lots)}) lower than the minimum: {market.listed.min_shares}"
        raise Refused(400, f"order {order.id} is invalid. {words}")
    if order.spends and order.making < SHARE:
        words = f"invalid amount for a marketable BUY order (${shares(order.making)}), min size: $1"
        raise Refused(400, words)
    if known:
        raise Refused(400, f"order {order.id} is invalid. Duplicated.")
    if (order.type == "GTD") != (order.expiration > 0) or (order.type == "GTD" and order.expiration < now_s + EXPIRY_S):
        raise Refused(400, "invalid expiration")
    if order.post_only and instant:
        raise Refused(400, "invalid post-only order: only GTC and GTD orders can be post-only")
    _covered(order, live, crosses, penniless=penniless)
    if order.post_only and crosses:
        raise Refused(400, "invalid post-only order: order crosses book")


def _covered(order: Order, live: list[Order], crosses: bool, *, penniless: bool) -> None:
    """Balance and allowance: what the wallet has, less what is promised to trades, against all its orders here."""
    account, words = order.account, "not enough balance / allowance"
    amount = order.making + (order.making * order.market.listed.fee_rate // SHARE if order.side > 0 and crosses else 0)
    exchange = exchange_of(int(order.token), order.market.listed.neg_risk)
    if not account.allowances.get(exchange, True):
        said = f"the allowance is not enough -> spender: {exchange}, allowance: 0, order amount: {amount}"
        raise Refused(400, f"{words}: {said}")
    others = sum(
        other.needs() for other in live
        if other.account is account and other.side == order.side
        and (other.market is order.market if order.side > 0 else other.token == order.token)
    )  # fmt: skip
    if (free := 0 if penniless else free_of(order)) < amount + others:
        said = f"the balance is not enough -> balance: {free}, sum of active orders: {others}, order amount: {amount}"
        raise Refused(400, f"{words}: {said}")


def free_of(order: Order) -> int:
    """Money (buy) or tokens (sell) of the order's wallet that no trade has been promised."""
    account = order.account
    if order.side > 0:
        return account.money - account.promised_money
    return account.tokens[order.token] - account.promised_tokens[order.token]


def would_cross(order: Order) -> bool:
    return order.market.book.crosses(*mirrored(order.outcome, order.side, order.price))
