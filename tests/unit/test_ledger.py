"""Double entry in two phases: an order reserves, a fill posts, a cancel voids, and every asset sums to zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.arith import ints
from pilotfish.domain.errors import LedgerError, NumericOverflow
from pilotfish.ledger.book import Account, Book
from pilotfish.ledger.ledger import Ledger, Reservation

NONE = ints([])


def _ledger(follows: int = 3) -> Ledger:
    ledger = Ledger.empty()
    ledger.list_instrument(0)
    ledger.grow(follows)
    ledger.list_instrument(1)
    return ledger


def _scattered(sublots, money) -> Reservation:
    return Reservation(1, False, 0, 0, ints([0, 2]), ints(sublots), ints(money))


def test_a_reservation_counts_until_it_is_void_and_leaves_nothing() -> None:
    ledger = _ledger()
    ledger.reserve(7, Reservation(0, True, 1, 3, NONE, ints([5, -6]), ints([50, 60])))
    ledger.reserve(8, _scattered([1, 2], [10, 20]))
    assert ledger.leaving[0].tolist() == [0, 5, -6]
    assert ledger.opening[1].tolist() == [1, 0, 2]
    assert ledger.reserved_money.tolist() == [10, 50, 80]
    ledger.void(7)
    ledger.void(8)
    assert not ledger.leaving[0].any()
    assert not ledger.opening[1].any()
    assert not ledger.reserved_money.any()


def test_an_order_reserves_once_and_ends_once() -> None:
    ledger = _ledger()
    ledger.reserve(8, _scattered([1, 2], [3, 4]))
    with pytest.raises(LedgerError, match="has a reservation already"):
        ledger.reserve(8, _scattered([1, 2], [3, 4]))
    ledger.void(8)
    with pytest.raises(LedgerError, match="has no reservation"):
        ledger.void(8)


def test_part_of_a_batch_is_void_once_however_often_it_is_told() -> None:
    ledger = _ledger()
    ledger.reserve(8, _scattered([1, 2], [3, 4]))
    ledger.void_part(8, ints([1]))
    ledger.void_part(8, ints([1]))
    assert ledger.opening[1].tolist() == [1, 0, 0]
    ledger.void_part(8, ints([0]))
    assert not ledger.opening[1].any()
    assert not ledger.reserved_money.any()


PARTS = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)


@given(PARTS, st.sampled_from([1, -1]), st.integers(0, 10**12), st.integers(-(10**6), 10**6))
def test_a_cleared_block_is_shared_out_to_the_last_unit(parts, side, cost, fee) -> None:
    ledger = _ledger()
    ledger.clear_fill(0, side, sum(parts), cost, fee)
    assert not any(ledger.sums().values())
    costs, fees = ledger.share_block(0, side, slice(0, 3), ints(parts), cost, fee)
    assert (int(costs.sum()), int(fees.sum())) == (cost, fee)
    assert ledger.lots[0].rows.tolist() == [side * part for part in parts]
    assert ledger.money.rows.tolist() == (-side * costs - fees).tolist()
    for book in (ledger.money, ledger.lots[0]):
        assert book.system[Account.CLEARING] == 0
    assert ledger.money.system[Account.FEES] == fee
    assert ledger.money.system[Account.VENUE] == side * cost
    assert not any(ledger.sums().values())


def test_everybody_in_a_block_pays_the_same_price() -> None:
    ledger = _ledger()
    ledger.clear_fill(0, 1, 10, 1_003, 10)
    costs, fees = ledger.share_block(0, 1, slice(0, 3), ints([5, 3, 2]), 1_003, 10)
    assert costs.tolist() == [501, 301, 201]  # the odd unit to the largest remainder: 501.5, 300.9, 200.6
    assert fees.tolist() == [5, 3, 2]


def test_trades_cash_and_funding_are_two_sided() -> None:
    ledger = _ledger()
    ledger.post_cash(slice(0, 3), ints([100, 200, 300]))
    ledger.post_trades(0, ints([0, 2]), ints([5, -5]), ints([50, -50]), ints([1, 2]))
    ledger.post_funding(slice(0, 3), ints([3, 0, -2]), total=4)
    assert ledger.money.rows.tolist() == [100 - 50 - 1 - 3, 200, 300 + 50 - 2 + 2]
    assert ledger.money.system[Account.EXTERNAL] == -600
    assert ledger.money.system[Account.FUNDING] == 4
    assert ledger.money.system[Account.ROUNDING] == -3
    assert not any(ledger.sums().values())


def test_a_one_sided_posting_is_found() -> None:
    book = Book.empty(2)
    book.check("USDC")
    book.rows[1] += 1
    with pytest.raises(LedgerError, match="USDC sums to 1"):
        book.check("USDC")


@pytest.mark.parametrize("amount", [2**63 - 1, -(2**63), 2**62 + 1])
def test_a_balance_that_would_leave_int64_moves_nothing(amount) -> None:
    book = Book.empty(2)
    with pytest.raises(NumericOverflow):
        book.to_rows(Account.EXTERNAL, slice(0, 2), ints([1, amount]))
    assert book.rows.tolist() == [0, 0]
    assert book.imbalance() == 0


def test_sums_of_many_large_balances_do_not_wrap() -> None:
    book = Book.empty(40)
    book.to_rows(Account.EXTERNAL, slice(0, 40), np.full(40, 2**61))
    assert book.system[Account.EXTERNAL] == -40 * 2**61
    assert book.imbalance() == 0
    book.rows[0] -= 1
    assert book.imbalance() == -1


def test_room_for_more_follows_changes_nothing_of_those_before() -> None:
    ledger = _ledger(2)
    ledger.post_cash(slice(0, 2), ints([1, 2]))
    ledger.reserve(8, Reservation(0, False, 0, 2, NONE, ints([5, 6]), ints([7, 8])))
    ledger.grow(4)
    assert ledger.money.rows.tolist() == [1, 2, 0, 0]
    assert ledger.opening[0].tolist() == [5, 6, 0, 0]
    ledger.void(8)
    assert not ledger.reserved_money.any()
    assert not any(ledger.sums().values())
