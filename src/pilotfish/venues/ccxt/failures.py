"""What an exchange's refusal, or its silence, says of an order. What is not surely a refusal is unknown.

ccxt's classes say it for most codes; a few codes need the exchange's own pages, because ccxt chooses its table by the
host name or has none for them: https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code,
https://bybit-exchange.github.io/docs/v5/error, https://www.okx.com/docs-v5/en/#error-code
"""

from __future__ import annotations

import re
from enum import IntEnum

import ccxt  # type: ignore[import-untyped]
import msgspec

from pilotfish.domain.errors import VenueError
from pilotfish.domain.reasons import Reason


class Outcome(IntEnum):
    REFUSED = 0  # surely not done
    UNKNOWN = 1  # done or not: to be asked
    MISSING = 2  # the exchange does not find the order
    DUPLICATE = 3  # it has an order with this id already


class Failure(msgspec.Struct, frozen=True):
    outcome: Outcome
    reason: Reason = Reason.REJECTED
    clock: bool = False  # the exchange's clock and ours differ


_CODE = re.compile(r'"(?:s?[cC]ode|retCode)"\s*:\s*"?(-?\d+)')
_REFUSED, _UNKNOWN = Outcome.REFUSED, Outcome.UNKNOWN
_CODES: dict[str, Failure] = {
    **dict.fromkeys(("-1000", "-1001", "-1006", "-1007"), Failure(_UNKNOWN, Reason.UNKNOWN)),
    **dict.fromkeys(("-1003", "-1008", "-1015", "-4400"), Failure(_REFUSED, Reason.RATE_LIMIT)),
    "-1021": Failure(_REFUSED, Reason.REJECTED, clock=True),
    **dict.fromkeys(("-1002", "-1022", "-2014", "-2015", "-2017"), Failure(_REFUSED, Reason.AUTHENTICATION)),
    **dict.fromkeys(("-2018", "-2019", "-2027", "-2028"), Failure(_REFUSED, Reason.BALANCE)),
    **dict.fromkeys(("-4003", "-4005", "-4164"), Failure(_REFUSED, Reason.BELOW_MINIMUM)),
    "-4005": Failure(_REFUSED, Reason.REJECTED),
    **dict.fromkeys(("-2011", "-2013"), Failure(Outcome.MISSING)),
    **dict.fromkeys(("-4111", "-4116"), Failure(Outcome.DUPLICATE)),
    **dict.fromkeys(("10000", "10016", "10019"), Failure(_UNKNOWN, Reason.UNKNOWN)),
    "10002": Failure(_REFUSED, Reason.REJECTED, clock=True),
    **dict.fromkeys(("10003", "10004", "10005", "10007", "33004"), Failure(_REFUSED, Reason.AUTHENTICATION)),
    **dict.fromkeys(("10006", "10018", "10429"), Failure(_REFUSED, Reason.RATE_LIMIT)),
    **dict.fromkeys(
        ("110004", "110006", "110007", "110012", "110044", "110045", "110052", "110053"),
        Failure(_REFUSED, Reason.BALANCE),
    ),
    "110094": Failure(_REFUSED, Reason.BELOW_MINIMUM),
    **dict.fromkeys(("20001", "110001", "110008", "110010", "170213"), Failure(Outcome.MISSING)),
    **dict.fromkeys(("110072", "170141"), Failure(Outcome.DUPLICATE)),
    **dict.fromkeys(("50001", "50004", "50013", "50026", "51149"), Failure(_UNKNOWN, Reason.UNKNOWN)),
    "50102": Failure(_REFUSED, Reason.REJECTED, clock=True),
    **dict.fromkeys(
        ("50100", "50101", "50103", "50104", "50105", "50111", "50113", "50114"),
        Failure(_REFUSED, Reason.AUTHENTICATION),
    ),
    **dict.fromkeys(("50011", "50040", "50061"), Failure(_REFUSED, Reason.RATE_LIMIT)),
    **dict.fromkeys(("51008", "51119", "51131", "51127"), Failure(_REFUSED, Reason.BALANCE)),
    "51020": Failure(_REFUSED, Reason.BELOW_MINIMUM),
    **dict.fromkeys(("51400", "51401", "51402", "51503", "51509", "51603"), Failure(Outcome.MISSING)),
    "51016": Failure(Outcome.DUPLICATE),
}
_CLASSES: tuple[tuple[type[Exception], Failure], ...] = (
    (ccxt.OrderNotFound, Failure(Outcome.MISSING)),
    (ccxt.DuplicateOrderId, Failure(Outcome.DUPLICATE)),
    (ccxt.InsufficientFunds, Failure(_REFUSED, Reason.BALANCE)),
    (ccxt.AuthenticationError, Failure(_REFUSED, Reason.AUTHENTICATION)),
    (ccxt.AccountNotEnabled, Failure(_REFUSED, Reason.AUTHENTICATION)),
    (ccxt.RateLimitExceeded, Failure(_REFUSED, Reason.RATE_LIMIT)),
    (ccxt.DDoSProtection, Failure(_REFUSED, Reason.RATE_LIMIT)),
    (ccxt.InvalidNonce, Failure(_REFUSED, Reason.REJECTED, clock=True)),
    (ccxt.OperationFailed, Failure(_UNKNOWN, Reason.UNKNOWN)),
    (ccxt.ExchangeClosedByUser, Failure(_UNKNOWN, Reason.UNKNOWN)),
    (ccxt.ExchangeError, Failure(_REFUSED)),
)


def judge(error: BaseException) -> Failure:
    """What an error says of what was asked. An error that is not ccxt's may have come after the answer: unknown."""
    if not isinstance(error, ccxt.BaseError):
        return Failure(_UNKNOWN, Reason.UNKNOWN)
    if not isinstance(error, ccxt.RequestTimeout):
        for code in reversed(_CODE.findall(str(error))):  # OKX names the order's own code inside
            if code in _CODES:
                return _CODES[code]
    for kind, failure in _CLASSES:
        if isinstance(error, kind):
            return failure
    return Failure(_UNKNOWN, Reason.UNKNOWN)


def judge_code(code: str) -> Failure:
    """Of one order in a batch, by its own code."""
    return _CODES.get(code, Failure(_REFUSED))


def unusable(exchange: str, error: BaseException) -> VenueError:
    """What to tell a person. ccxt's own text is left out: it holds the whole address, signature included."""
    reason = judge(error).reason
    why = reason.text if reason in (Reason.AUTHENTICATION, Reason.RATE_LIMIT) else type(error).__name__
    return VenueError(f"{exchange} cannot be used", why, "check the network, the address and the keys")
