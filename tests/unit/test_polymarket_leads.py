"""What leads do at Polymarket: each trade once, in order, and positions that mend what was missed."""

from typing import Any

import pytest

from pilotfish.domain.events import Connection, InstrumentListed, LeadFill, LeadPosition, Reconciled
from pilotfish.domain.instrument import Side
from pilotfish.domain.orders import Query
from pilotfish.venues.keys.key import keccak
from pilotfish.venues.polymarket.public.chain import ORDER_FILLED
from pilotfish.venues.polymarket.settings import EXCHANGES, SECOND
from tests.unit.polymarket_samples import CONDITION, NO, YES
from tests.unit.polymarket_scene import LEAD, NO_ID, START, YES_ID, Scene, body_of, query_of

NOW = START // SECOND


def deed(tx: str, size: float = 10, side: str = "BUY", price: float = 0.5, at: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "proxyWallet": LEAD, "type": "TRADE", "timestamp": NOW + at, "conditionId": CONDITION, "asset": YES,
        "size": size, "usdcSize": size * price, "price": price, "side": side, "transactionHash": tx, **more,
    }  # fmt: skip


def held(size: float, token: str = YES, average: float = 0.4) -> dict[str, Any]:
    return {"proxyWallet": LEAD, "asset": token, "conditionId": CONDITION, "size": size, "avgPrice": average}


class Leading(Scene):
    """A lead whose activity and positions are lists that the test keeps; newest last."""

    def __init__(self, rows: list[dict[str, Any]] = [], positions: list[dict[str, Any]] = [], **more: Any) -> None:  # noqa: B006
        super().__init__(accounts=[], leads=[LEAD], **more)
        self.rows, self.positions = list(rows), list(positions)
        self.silent = False
        self.automatic["GET", "/activity"] = lambda scene, ask: None if self.silent else (200, self._page(ask))
        self.automatic["GET", "/positions"] = lambda scene, ask: (200, self.positions)

    def _page(self, ask: Any) -> list[dict[str, Any]]:
        query = query_of(ask)
        assert query["user"] == LEAD
        first = int(query["offset"])
        return self.rows[::-1][first : first + int(query["limit"])]

    @property
    def moves(self) -> list[tuple[int, int, int]]:
        return [(one.side, one.lots, one.price) for one in self.of(LeadFill)]

    @property
    def stated(self) -> list[tuple[int, int]]:
        return [(one.instrument, one.lots) for one in self.of(LeadPosition)]


def test_what_a_lead_holds_at_the_start_is_stated_and_its_old_trades_are_not_told() -> None:
    scene = Leading([deed("0xold", at=-50)], [held(10.5), held(3, NO)]).up()
    assert scene.stated == [(YES_ID, 1_050), (NO_ID, 300)]
    assert scene.of(LeadPosition)[0].venue_ns == (NOW - 50) * SECOND
    assert not scene.moves
    assert scene.of(Connection)[-1].up


def test_the_session_is_not_up_before_every_lead_is_known() -> None:
    scene = Leading()
    scene.silent = True
    with pytest.raises(AssertionError):
        scene.up()
    assert not scene.of(Connection)


def test_a_trade_is_told_once_however_often_it_is_listed() -> None:
    scene = Leading().up()
    scene.rows.append(deed("0xa", 12.34, at=1))
    scene.advance(10 * SECOND)
    assert scene.moves == [(Side.BUY, 1_234, 5_000)]
    (fill,) = scene.of(LeadFill)
    assert (fill.lead, fill.instrument, fill.venue_ns) == (0, YES_ID, (NOW + 1) * SECOND)
    assert 0 <= fill.fill_id < 2**62


def test_equal_rows_of_one_transaction_are_two_trades() -> None:
    scene = Leading().up()
    scene.rows += [deed("0xa", at=1), deed("0xa", at=1)]
    scene.advance(2 * SECOND)
    assert len(scene.moves) == 2
    assert len({one.fill_id for one in scene.of(LeadFill)}) == 2


def test_trades_are_told_oldest_first_and_one_that_is_listed_late_is_still_told() -> None:
    scene = Leading(lead_audit_ns=5 * SECOND).up()
    scene.rows += [deed("0xa", 1, at=1), deed("0xb", 2, at=2)]
    scene.advance(2 * SECOND)
    scene.rows.insert(0, deed("0xlate", 4, at=0))
    scene.advance(8 * SECOND)
    assert [lots for _, lots, _ in scene.moves] == [100, 200, 400]


def test_after_a_gap_every_page_back_to_what_is_known_is_read() -> None:
    scene = Leading().up()
    scene.rows.append(deed("0xfirst", at=0))
    scene.advance(2 * SECOND)
    scene.silent = True
    scene.advance(2 * SECOND)
    scene.rows += [deed(f"0x{k}", 1, at=1 + k // 10) for k in range(180)]
    scene.silent = False
    scene.fail("/activity")
    scene.advance(2 * SECOND)
    assert len(scene.moves) == 181
    stamps = [one.venue_ns for one in scene.of(LeadFill)]
    assert stamps == sorted(stamps)


def test_sizes_finer_than_a_lot_add_up() -> None:
    scene = Leading().up()
    scene.rows += [deed("0xa", 0.006, at=1), deed("0xb", 0.006, at=2), deed("0xc", 0.012, "SELL", at=3)]
    scene.advance(2 * SECOND)
    assert [side * lots for side, lots, _ in scene.moves] == [1, -1]


def test_a_split_shows_in_the_positions_once_they_have_said_so_twice() -> None:
    scene = Leading([deed("0xold", at=-9)], [held(10)]).up()
    scene.events = []
    scene.positions = [held(15), held(5, NO)]
    scene.rows.append(deed("0xsplit", 5, at=1, type="SPLIT", asset="", side=""))
    scene.advance(SECOND)
    assert not scene.stated
    scene.advance(10 * SECOND)
    assert sorted(scene.stated) == [(YES_ID, 1_500), (NO_ID, 500)]
    assert not scene.moves
    assert scene.session.counters()["lead positions mended"] == 2


def test_a_redemption_ends_the_position() -> None:
    scene = Leading([deed("0xold", at=-9)], [held(10)]).up()
    scene.events, scene.positions = [], []
    scene.rows.append(deed("0xredeem", 10, at=1, type="REDEEM", asset="", side=""))
    scene.advance(10 * SECOND)
    assert scene.stated == [(YES_ID, 0)]


def test_positions_that_lag_behind_a_trade_are_not_believed() -> None:
    scene = Leading(lead_audit_ns=3 * SECOND).up()
    scene.rows.append(deed("0xa", 10, at=1))
    scene.advance(2 * SECOND)  # told by now, and the positions do not have it yet
    scene.positions = [held(10)]
    scene.advance(10 * SECOND)
    assert not scene.stated


def test_a_question_is_answered_after_the_leads_were_read_and_their_positions_stated() -> None:
    scene = Leading([deed("0xold", at=-9)], [held(10)]).up()
    scene.rows.append(deed("0xa", 2, at=1))
    scene.events = []
    scene.submit(Query(0, ()))
    kinds = [type(event) for event in scene.events if isinstance(event, (LeadFill, LeadPosition, Reconciled))]
    assert kinds == [LeadFill, LeadPosition, Reconciled]
    assert scene.stated == [(YES_ID, 1_200)]


def test_a_question_is_not_answered_while_a_lead_cannot_be_read() -> None:
    scene = Leading().up()
    scene.silent = True
    scene.submit(Query(0, ()))
    scene.fail("/activity")
    assert not scene.of(Reconciled)
    assert scene.session.counters()["questions not answered"] == 1


def test_a_token_we_do_not_know_is_listed_and_then_what_was_done_in_it_is_told() -> None:
    scene = Leading(listed=False, watch=()).up()
    scene.rows += [deed("0xa", 2, at=1), deed("0xb", 1, "SELL", at=2)]
    scene.advance(2 * SECOND)
    assert not scene.moves
    asked = scene.pending("/markets")
    assert query_of(asked)["clob_token_ids"] == YES
    gamma = {
        "conditionId": CONDITION, "clobTokenIds": [YES, NO], "outcomes": ["Yes", "No"], "slug": "rain", "active": True,
        "acceptingOrders": True, "enableOrderBook": True, "orderPriceMinTickSize": 0.01, "orderMinSize": 5,
    }  # fmt: skip
    scene.answer("/markets", [gamma])
    listed = scene.of(InstrumentListed)
    assert [(one.instrument.id, one.instrument.symbol) for one in listed] == [(0, "rain/Yes"), (1, "rain/No")]
    assert scene.moves == [(Side.BUY, 200, 5_000), (Side.SELL, 100, 5_000)]
    assert scene.events.index(listed[0]) < scene.events.index(scene.of(LeadFill)[0])
    assert YES in scene.sent["market"][-2] or YES in scene.sent["market"][-1]


def test_a_lookup_that_fails_is_made_again() -> None:
    scene = Leading(listed=False, watch=()).up()
    scene.rows.append(deed("0xa", 2, at=1))
    scene.advance(2 * SECOND)
    scene.fail("/markets")
    scene.advance(12 * SECOND)
    assert scene.is_pending("/markets")


def test_rows_that_cannot_be_used_are_set_aside_without_their_neighbours() -> None:
    scene = Leading().up()
    scene.rows += [deed("0xa", 0, at=1), deed("0xb", 5, "HOLD", at=1), deed("0xc", 1, at=2)]
    scene.advance(1500_000_000)
    assert scene.moves == [(Side.BUY, 100, 5_000)]
    assert scene.session.counters()["set aside: activity"] >= 2


# -- the chain ---------------------------------------------------------------------------------------------------------

RPC = "https://node.example"


def log(tx: str, block: int, size6: int, money: int, side: int = 0, index: int = 0, **more: Any) -> dict[str, Any]:
    gives, gets = (money, size6) if side == 0 else (size6, money)
    words = [side, int(YES), gives, gets, 0, 0, 0]
    return {
        "address": EXCHANGES[0], "topics": [ORDER_FILLED, "0x" + "0" * 64, topic(LEAD), topic(EXCHANGES[0])],
        "data": "0x" + "".join(f"{word:064x}" for word in words), "blockNumber": hex(block), "transactionHash": tx,
        "logIndex": hex(index), "removed": False, "blockTimestamp": hex(NOW + 1), **more,
    }  # fmt: skip


def topic(address: str) -> str:
    return "0x" + address.removeprefix("0x").rjust(64, "0")


class OnChain(Leading):
    """With a node, whose head and logs the test keeps."""

    def __init__(self, **more: Any) -> None:
        super().__init__(rpc_url=RPC, **more)
        self.head, self.logs = 100, list[dict[str, Any]]()
        self.asked_logs: list[Any] = []
        self.automatic["POST", ""] = lambda scene, ask: (200, [self._reply(call) for call in body_of(ask)])

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": call["id"], "result": hex(self.head)}
        (query,) = call["params"]
        self.asked_logs.append(query)
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        found = [one for one in self.logs if first <= int(one["blockNumber"], 16) <= last]
        return {"jsonrpc": "2.0", "id": call["id"], "result": found}


def test_the_events_topic_is_that_of_the_second_exchange() -> None:
    signature = b"OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)"
    assert "0x" + keccak(signature).hex() == ORDER_FILLED
    assert ORDER_FILLED == "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"


def test_a_trade_heard_from_the_chain_first_is_not_told_again_by_the_data_interface() -> None:
    scene = OnChain().up()
    scene.advance(3 * SECOND)
    scene.head = 101
    scene.logs.append(log("0xabc", 101, 10_000_000, 5_100_000))
    scene.advance(3 * SECOND)
    assert scene.moves == [(Side.BUY, 1_000, 5_100)]
    scene.rows.append(deed("0xabc", 10, price=0.51, at=1))
    scene.advance(5 * SECOND)
    assert len(scene.moves) == 1
    assert scene.asked_logs[-1]["topics"] == [ORDER_FILLED, None, [topic(LEAD)]]


def test_a_trade_heard_from_the_data_interface_first_is_not_told_again_by_the_chain() -> None:
    scene = OnChain().up()
    scene.advance(3 * SECOND)
    scene.rows.append(deed("0xabc", 10, "SELL", price=0.51, at=1))
    scene.advance(3 * SECOND)
    scene.head = 101
    scene.logs.append(log("0xabc", 101, 10_000_000, 5_100_000, side=1))
    scene.advance(5 * SECOND)
    assert scene.moves == [(Side.SELL, 1_000, 5_100)]


def test_a_trade_on_a_block_that_was_replaced_is_left_to_the_positions_to_mend() -> None:
    scene = OnChain(lead_audit_ns=600 * SECOND).up()
    scene.advance(3 * SECOND)
    scene.head = 101
    scene.logs.append(log("0xabc", 101, 10_000_000, 5_100_000))
    scene.advance(3 * SECOND)
    scene.logs.clear()
    scene.head = 102
    scene.advance(20 * SECOND)
    assert scene.session.counters()["trades on replaced blocks"] == 1
    assert scene.stated == [(YES_ID, 0)]


def test_logs_that_are_none_of_ours_are_set_aside() -> None:
    scene = OnChain().up()
    scene.advance(3 * SECOND)
    scene.head = 101
    scene.logs += [
        log("0x1", 101, 10_000_000, 5_100_000, address="0x" + "9" * 40),
        log("0x2", 101, 10_000_000, 5_100_000, data="0x12"),
        log("0x3", 101, 0, 5_100_000),
        log("0x4", 101, 1_000_000, 510_000, index=3),
    ]
    scene.advance(3 * SECOND)
    assert scene.moves == [(Side.BUY, 100, 5_100)]
    assert scene.session.counters()["set aside: log"] >= 3


def test_a_node_that_fails_loses_nothing() -> None:
    scene = OnChain().up()
    scene.advance(3 * SECOND)
    answering = scene.automatic["POST", ""]
    scene.automatic["POST", ""] = lambda scene, ask: (500, {})
    scene.head, scene.logs = 150, [log("0xabc", 120, 10_000_000, 5_100_000)]
    scene.advance(6 * SECOND)
    assert not scene.moves
    scene.automatic["POST", ""] = answering
    scene.advance(3 * SECOND)
    assert scene.moves == [(Side.BUY, 1_000, 5_100)]
