"""One stream and one budget for everybody: every callback once, nothing guessed, nothing silently dropped."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.reasons import Reason
from pilotfish.venues.hyperliquid.budget import WINDOW_NS, Budget, info_weight, rows_weight
from pilotfish.venues.hyperliquid.link import ASKS_MAX, IN_FLIGHT_MAX, Link
from pilotfish.venues.hyperliquid.public.subscriptions import Subscriptions
from pilotfish.venues.hyperliquid.wire.answers import Accepted, Denied, Reply
from pilotfish.venues.hyperliquid.wire.codec import FRAME
from pilotfish.venues.hyperliquid.wire.messages import PostFrame
from pilotfish.venues.hyperliquid.wire.statuses import blame
from pilotfish.venues.session import Ask, Send
from tests.unit.hyperliquid_scene import SECOND, SETTINGS, T0

OK = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 7}}]}}}


class Desk:
    """A link, and what came back from it."""

    def __init__(self, weight: int = 1_200) -> None:
        self.link = Link(msgspec.structs.replace(SETTINGS, weight_per_minute=weight))
        self.now = T0
        self.replies: list[Reply | None] = []
        self.answers: list[tuple[str, bytes | None]] = []

    def open(self) -> "Desk":
        self.link.opened(self.now)
        return self

    def post(self, count: int = 1, weight: int = 1) -> None:
        for _ in range(count):
            self.link.post(b'{"nonce":1}', self.now, lambda reply, ns: self.replies.append(reply), weight)

    def ask(self, name: str, weight: int = 20, **rank: bool) -> None:
        def then(raw: bytes | None, ns: int) -> None:
            self.answers.append((name, raw))

        self.link.info({"type": name}, weight, self.now, then, **rank)

    def out(self, kind: type) -> list:
        return [one for one in self.link.out if isinstance(one, kind)]

    def ids(self) -> list[int]:
        return [json.loads(one.data)["id"] for one in self.out(Send)]

    def reply(self, number: int, payload: object = OK, kind: str = "action") -> None:
        raw = {"channel": "post", "data": {"id": number, "response": {"type": kind, "payload": payload}}}
        frame = FRAME.decode(json.dumps(raw))
        assert isinstance(frame, PostFrame)
        self.link.replied(frame.data, self.now)

    def tick(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.link.tick(self.now)


def test_a_post_is_one_frame_and_its_reply_is_handed_back_once() -> None:
    desk = Desk().open()
    desk.post()
    (frame,) = desk.out(Send)
    request = {"type": "action", "payload": {"nonce": 1}}
    assert json.loads(frame.data) == {"method": "post", "id": desk.ids()[0], "request": request}
    desk.reply(desk.ids()[0])
    desk.reply(desk.ids()[0])
    assert len(desk.replies) == 1
    assert isinstance(desk.replies[0], Accepted)
    assert desk.link.counters()["set_aside: an answer that nobody waits for"] == 1


def test_a_post_that_the_venue_could_not_read_is_denied_in_its_words() -> None:
    desk = Desk().open()
    desk.post()
    desk.reply(desk.ids()[0], "422 Failed to deserialize the JSON body", "error")
    assert desk.replies == [Denied("422 Failed to deserialize the JSON body")]


def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown() -> None:
    desk = Desk().open()
    desk.post()
    desk.reply(desk.ids()[0], {"status": "maybe"})
    assert desk.replies == [None]


def test_a_post_without_an_answer_is_unknown_after_its_time() -> None:
    desk = Desk().open()
    desk.post()
    desk.tick(4.9)
    assert desk.replies == []
    assert desk.link.next_ns() == T0 + SETTINGS.post_timeout_ns
    desk.tick(0.2)
    assert desk.replies == [None]


def test_when_the_stream_is_lost_what_was_sent_is_unknown_and_what_waited_was_not_sent() -> None:
    desk = Desk(weight=2).open()
    desk.post(3)
    assert len(desk.out(Send)) == 2
    desk.link.lost(desk.now)
    desk.tick(0)
    assert [reply is None for reply in desk.replies] == [True, True, False]


def test_a_post_while_the_stream_is_down_was_not_sent_and_says_so_later() -> None:
    desk = Desk()
    desk.post()
    assert desk.replies == []
    assert desk.link.next_ns() is not None
    desk.tick(0)
    assert isinstance(desk.replies[0], Denied)
    assert desk.out(Send) == []


def test_at_most_a_hundred_posts_are_on_their_way() -> None:
    desk = Desk().open()
    desk.post(IN_FLIGHT_MAX + 5)
    assert len(desk.out(Send)) == IN_FLIGHT_MAX
    desk.reply(desk.ids()[0])
    assert len(desk.out(Send)) == IN_FLIGHT_MAX + 1


def test_a_post_that_our_budget_never_let_go_is_refused_as_that() -> None:
    desk = Desk(weight=10).open()
    desk.post(12)
    for number in desk.ids():
        desk.reply(number)
    desk.tick(6)
    assert len(desk.out(Send)) == 10
    late = [reply for reply in desk.replies if isinstance(reply, Denied)]
    assert [blame(reply.response)[1] for reply in late] == [Reason.RATE_LIMIT] * 2
    assert all(reply.response.startswith("429") for reply in late), "of requests in general, not of the account"
    assert desk.link.counters()["posts_not_sent"] == 2


def test_the_venues_word_that_a_post_is_one_too_many_refuses_that_post() -> None:
    desk = Desk().open()
    desk.post(2)
    subscriptions = Subscriptions(desk.link, lambda one, confirmed: None)
    subscriptions.error(f"too many pending post requests id={desk.ids()[1]}", desk.now)
    assert [blame(reply.response)[1] for reply in desk.replies if isinstance(reply, Denied)] == [Reason.RATE_LIMIT]


def test_questions_wait_for_the_budget_the_urgent_ones_first_and_none_is_dropped() -> None:
    desk = Desk(weight=100)
    for _ in range(4):
        desk.ask("first")
    desk.ask("spare", 2, spare=True)
    desk.ask("backfill")
    desk.ask("backfill")
    desk.ask("urgent", urgent=True)
    sent = [json.loads(one.body)["type"] for one in desk.out(Ask)]
    assert sent == ["first"] * 4 + ["urgent"]
    desk.tick(61)
    sent = [json.loads(one.body)["type"] for one in desk.out(Ask)]
    assert sent[5:] == ["backfill", "backfill", "spare"]
    for one in desk.out(Ask):
        desk.link.answered(one.id, 200, b"[]", desk.now)
    assert len(desk.answers) == 8


def test_a_question_that_failed_is_answered_with_nothing() -> None:
    desk = Desk()
    for name in ("timeout", "broken", "good"):
        desk.ask(name)
    ids = [one.id for one in desk.out(Ask)]
    desk.link.failed(ids[0], desk.now)
    desk.link.answered(ids[1], 500, b"oh", desk.now)
    desk.link.answered(ids[2], 200, b"[]", desk.now)
    desk.link.answered(ids[2], 200, b"[]", desk.now)
    assert desk.answers == [("timeout", None), ("broken", None), ("good", b"[]")]


def test_after_a_429_nothing_is_asked_for_a_while_and_orders_still_go() -> None:
    desk = Desk().open()
    desk.ask("one")
    desk.link.answered(desk.out(Ask)[0].id, 429, b"", desk.now)
    desk.ask("two")
    desk.post()
    assert (len(desk.out(Ask)), len(desk.out(Send))) == (1, 1)
    desk.reply(desk.ids()[0])
    assert desk.link.next_ns() == T0 + 10 * SECOND
    desk.tick(11)
    assert len(desk.out(Ask)) == 2


def test_only_so_many_questions_are_on_their_way() -> None:
    desk = Desk()
    for _ in range(ASKS_MAX + 3):
        desk.ask("one", 2)
    assert len(desk.out(Ask)) == ASKS_MAX
    desk.link.failed(desk.out(Ask)[0].id, desk.now)
    assert len(desk.out(Ask)) == ASKS_MAX + 1


def test_weights_are_the_venues() -> None:
    kinds = ["l2Book", "clearinghouseState", "orderStatus", "userRole", "userFillsByTime", "meta"]
    assert [info_weight({"type": kind}) for kind in kinds] == [2, 2, 2, 60, 20, 20]
    assert (rows_weight("userFillsByTime", 2_000), rows_weight("candleSnapshot", 600)) == (100, 10)
    assert rows_weight("l2Book", 600) == 0


steps = st.lists(st.tuples(st.integers(0, 30 * SECOND), st.integers(1, 60)), max_size=60)


@given(steps)
def test_no_sixty_seconds_ever_hold_more_than_the_budget(asked: list[tuple[int, int]]) -> None:
    budget, now, spent = Budget(100), T0, []
    for wait_ns, weight in asked:
        now += wait_ns
        left = budget.left(now)
        if budget.take(weight, now):
            spent.append((now, weight))
        else:
            assert weight > left
            assert budget.more_ns(now) > now
    for start, _ in spent:
        assert sum(weight for ns, weight in spent if start <= ns < start + WINDOW_NS) <= 100


def test_what_the_budget_could_never_hold_goes_when_all_of_it_is_free() -> None:
    budget = Budget(10)
    assert budget.take(60, T0)
    assert not budget.take(1, T0)
