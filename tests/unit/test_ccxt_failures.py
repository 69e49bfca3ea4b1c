"""What an exchange's error says of an order: refused only when that is sure."""

import ccxt
import pytest

from pilotfish.domain.reasons import Reason
from pilotfish.venues.ccxt.failures import Outcome, judge, judge_code


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (ccxt.InsufficientFunds("x"), Outcome.REFUSED, Reason.BALANCE),
        (ccxt.PermissionDenied("x"), Outcome.REFUSED, Reason.AUTHENTICATION),
        (ccxt.RateLimitExceeded("x"), Outcome.REFUSED, Reason.RATE_LIMIT),
        (ccxt.DDoSProtection("x"), Outcome.REFUSED, Reason.RATE_LIMIT),
        (ccxt.InvalidOrder("x"), Outcome.REFUSED, Reason.REJECTED),
        (ccxt.RequestTimeout("x"), Outcome.UNKNOWN, Reason.UNKNOWN),
        (ccxt.NetworkError("x"), Outcome.UNKNOWN, Reason.UNKNOWN),
        (ccxt.ExchangeNotAvailable("x"), Outcome.UNKNOWN, Reason.UNKNOWN),
        (ccxt.BadResponse("x"), Outcome.UNKNOWN, Reason.UNKNOWN),
        (KeyError("ccxt failed at reading the answer"), Outcome.UNKNOWN, Reason.UNKNOWN),
        (ccxt.OrderNotFound("x"), Outcome.MISSING, Reason.REJECTED),
        (ccxt.DuplicateOrderId("x"), Outcome.DUPLICATE, Reason.REJECTED),
        (ccxt.ExchangeError('binance {"code":-2019,"msg":"Margin is insufficient."}'), Outcome.REFUSED, Reason.BALANCE),
        (ccxt.DDoSProtection('binance {"code":-2015,"msg":"x"}'), Outcome.REFUSED, Reason.AUTHENTICATION),
        (ccxt.ExchangeError('binance {"code": -1007, "msg": "Timeout"}'), Outcome.UNKNOWN, Reason.UNKNOWN),
        (ccxt.InvalidOrder('binance {"code":-4116,"msg":"x"}'), Outcome.DUPLICATE, Reason.REJECTED),
        (ccxt.ExchangeError('bybit {"retCode":10016,"retMsg":"x"}'), Outcome.UNKNOWN, Reason.UNKNOWN),
        (ccxt.InvalidOrder('bybit {"retCode":110072,"retMsg":"x"}'), Outcome.DUPLICATE, Reason.REJECTED),
        (ccxt.ExchangeError('okx {"code":"1","data":[{"sCode":"51008"}]}'), Outcome.REFUSED, Reason.BALANCE),
        (ccxt.InvalidOrder('okx {"code":"1","data":[{"sCode":"51016"}]}'), Outcome.DUPLICATE, Reason.REJECTED),
    ],
)
def test_what_an_error_says(error, outcome, reason):
    failure = judge(error)
    assert (failure.outcome, failure.reason) == (outcome, reason)


@pytest.mark.parametrize("text", ['{"code":-1021}', '{"retCode":10002}', '{"code":"50102"}'])
def test_a_clock_that_is_off_is_measured_again(text):
    failure = judge(ccxt.InvalidNonce(f"x {text}"))
    assert failure.clock
    assert failure.outcome is Outcome.REFUSED


def test_a_timeout_stays_unknown_whatever_its_text_quotes():
    assert judge(ccxt.RequestTimeout('POST … {"code":-2019}')).outcome is Outcome.UNKNOWN


def test_every_class_of_ccxt_is_judged():
    classes = [one for one in vars(ccxt).values() if isinstance(one, type) and issubclass(one, ccxt.BaseError)]
    assert len(classes) > 30
    for one in classes:
        failure = judge(one("x"))
        if issubclass(one, ccxt.OperationFailed) and failure.outcome is Outcome.REFUSED:
            assert issubclass(one, (ccxt.RateLimitExceeded, ccxt.DDoSProtection, ccxt.InvalidNonce))


def test_an_order_of_a_batch_is_judged_by_its_own_code():
    assert judge_code("-4116").outcome is Outcome.DUPLICATE
    assert judge_code("51008").reason is Reason.BALANCE
    assert judge_code("something new").outcome is Outcome.REFUSED
