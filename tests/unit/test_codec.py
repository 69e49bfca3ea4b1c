"""What is written to a journal comes back the same, and what was never written there is refused by type."""

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pilotfish.domain import events as ev
from pilotfish.domain import instructions as say
from pilotfish.domain import orders, terms
from pilotfish.domain.arith import ints
from pilotfish.domain.codec import decode_commands, decode_event, encode_commands, encode_event
from pilotfish.domain.doubt import Doubt
from pilotfish.domain.errors import EngineError
from pilotfish.domain.mandate import Follows, Minimum, Route, Sizing, SymbolRule
from pilotfish.domain.reasons import Reason
from pilotfish.domain.rules import Rule, RuleAction
from tests.unit.driver import perp

N = ints([3, 1, 2])
S = (10**18, 10**18 + 7)
RULES = [SymbolRule(), SymbolRule(("A",), ("B", "C"))]
FOLLOWS = Follows.of(
    N, 0, N * 10**9, sizing=[int(Sizing.FIXED_RATIO), 0, 0], minimum=int(Minimum.RAISE), rule=[1, 0, 1], rules=RULES
)
EVENTS = [
    ev.Configured(*S, 3, Route.SEGREGATED, 1, 2, 3, 4),
    ev.InstrumentListed(*S, perp(min_notional=10_000_000)),
    ev.LeadListed(*S, 0, "鯊 0x5f", 10**12),
    ev.LeadEquity(*S, 0, 1),
    ev.LeadPosition(*S, 0, 1, -5, 7),
    ev.LeadFill(*S, 0, 1, -1, 5, 7, 2**60, -9),
    ev.LeadFill(*S, 0, 1, 1, 5, 7, 1),
    ev.FollowsOpened(*S, FOLLOWS),
    ev.CashMoved(*S, N, -N),
    ev.BookTop(*S, 0, 1, 2, 3, 4),
    ev.Mark(*S, 0, 1),
    ev.DataTrust(*S, 0, Doubt.SILENT | Doubt.CROSSED),
    ev.FillReversed(*S, 5, 6, -1, 0, 1, 7, 8, 9, -1),
    ev.InstrumentSettled(*S, 0, 10_000),
    ev.OrderUpdate(*S, 2**60, orders.OrderSignal.REJECT, Reason.MARGIN, 4),
    ev.Fill(*S, 1, 2, 3, 4, 5, -6, True),
    ev.BatchUpdate(*S, 1, N, N, N, N, -N, N, N),
    ev.Funding(*S, 0, 1, ints([-1]), N[:1], 5, -6),
    ev.Liquidation(*S, -1, 0, 1, -2, 3, 4, 5),
    ev.Connection(*S, False),
    ev.Recovered(*S),
    ev.Reconciled(*S, 4, (1, 2), (1,), ()),
    ev.Timer(*S),
    ev.Operator(*S, ev.OperatorAction.KILL, "note"),
    say.FollowControl(*S, N, say.FollowAction.CLOSE),
    say.MandateChanged(*S, N, FOLLOWS),
    say.Rebalance(*S, N, 50),
    say.LeadStatus(*S, 0, say.LeadNews.GONE),
    say.LeadStop(*S, 0, 1, 7),
    say.LeadOrder(*S, 0, 1, 99, -1, 5, 7),
    say.InstrumentMapped(*S, 0, 1, 2, 3, 4, 5, False),
    say.HedgeMapped(*S, 0, 1),
    say.FeesSet(*S, terms.FeeTerms(2_000_000)),
    say.FeesDue(*S),
    say.RiskSet(*S, terms.RiskTerms(3, outage=terms.Outage.CLOSE)),
    say.RulesSet(*S, (Rule("thin", "market.spread_bps > 40.0", RuleAction.HALT_OPENS, "why"),)),
    say.ExecutionSet(*S, terms.ExecutionTerms(terms.Execution.TWAP, 60, 4)),
    say.DisclosureSet(*S, 0, 5, False),
    say.Committed(*S, 0, b"\0" * 32, 1),
    say.Revealed(*S, 0, 1, 2, -1, 5, 7, b"salt"),
]
COMMANDS = [
    orders.Place(1, -1, 0, -1, 5, 7, orders.Tif.ALO, True),
    orders.PlaceBatch(1, 0, 1, N, N, N, orders.Tif.GTC, True),
    orders.Cancel(1),
    orders.Amend(1, 2, 3),
    orders.CancelAll(-1, 2),
    orders.Query(1, (2, 3)),
]


def test_the_samples_leave_no_event_and_no_command_out() -> None:
    assert {type(event) for event in EVENTS} == set(ev.Event.__args__)
    assert {type(command) for command in COMMANDS} == set(orders.Command.__args__)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_byte_for_byte(event) -> None:
    raw = encode_event(event)
    back = decode_event(raw)
    assert type(back) is type(event)
    assert encode_event(back) == raw
    assert repr(back) == repr(event)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_commands_come_back_byte_for_byte(command) -> None:
    raw = encode_commands([command, command])
    back = decode_commands(raw)
    assert encode_commands(back) == raw
    assert repr(back) == repr([command, command])


def test_a_decoded_column_is_int64_and_writable_and_owes_nothing_to_its_bytes() -> None:
    back = decode_event(encode_event(ev.CashMoved(*S, N, N)))
    assert back.rows.dtype == np.int64
    back.rows[0] = 9
    assert back.amounts[0] == 3


def test_a_column_is_the_same_bytes_however_it_lies_in_memory() -> None:
    scattered = np.arange(6, dtype=np.int64)[::2]
    assert encode_event(ev.CashMoved(*S, scattered, N)) == encode_event(ev.CashMoved(*S, ints([0, 2, 4]), N))


def _decodes_or_is_refused(raw: bytes) -> None:
    for decode in (decode_event, decode_commands):
        try:
            decode(raw)
        except EngineError:
            continue


@settings(max_examples=300)
@given(st.binary(max_size=64))
@example(b"\x91" * 3_000)
@example(b"")
def test_bytes_from_anywhere_are_refused_by_type(raw) -> None:
    _decodes_or_is_refused(raw)


@settings(max_examples=300)
@given(st.sampled_from(EVENTS), st.data())
def test_a_damaged_record_is_another_record_or_refused_by_type(event, data) -> None:
    raw = bytearray(encode_event(event))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    _decodes_or_is_refused(bytes(raw))
    _decodes_or_is_refused(bytes(raw[:cut]))


COLUMNS = [
    ["|b1", [2], b"\x00\x01"], ["<f8", [1], b"\x00" * 8], ["|O", [1], b"\x00" * 8], ["(1,", [1], b""],
    ["<i8", [2**63], b""], ["<i8", [-1, -1], b""], ["i4,i4", [1], b"\x00" * 8], [{}, [1], b""], [None, None, None],
    "abc", 7, None, b"\x00" * 7, [], {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("column", COLUMNS, ids=repr)
def test_a_column_that_is_not_int64_is_refused_by_type(column) -> None:
    raw = msgspec.msgpack.encode(["cash", *S, column, b""])
    with pytest.raises(EngineError):
        decode_event(raw)
