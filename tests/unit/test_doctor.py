"""The doctor: everything that would go wrong is said before it does, with the remedy, and only then a run starts."""

import asyncio

import msgspec
import numpy as np
import pytest
from rich.console import Console

from pilotfish.domain.mandate import OMNIBUS, Follows
from pilotfish.venues.gateway import AccountSurvey, Budget, LeadSurvey, Ours, Survey
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.worlds.live.doctor import Level, examine, passed, show
from pilotfish.worlds.live.settings import parse_settings
from pilotfish.worlds.live.start import look
from tests.unit.driver import perp

MS, USDC = 1_000_000, 10**6
LEAD, ACCOUNT, KEY = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
FILE = f"""
[run]
mode = "live"
[limits]
capital_usdc = 5000
order_usdc = 500
gross_usdc = 20000
loss_usdc = 500
leverage = 5
[[leads]]
address = "{LEAD}"
[[accounts]]
address = "{ACCOUNT}"
key = "{KEY}"
"""
SETTINGS = parse_settings(FILE, "p.toml")
FOLLOWS = Follows.of(np.arange(4), 0, 1_000 * USDC)
MINE = Ours(OMNIBUS, ACCOUNT, KEY)
WELL = Survey(
    "somewhere", [perp(0)], {0: 1_000}, [LeadSurvey(LEAD, 10**10, {0: 5})],
    [AccountSurvey(MINE, 5_000 * USDC, {}, 0, True, False)], 3 * MS, [40 * MS, 50 * MS, 60 * MS],
    [Budget("requests", 10, 1_000)],
)  # fmt: skip


def found(survey: Survey = WELL, settings=SETTINGS, follows: Follows = FOLLOWS, keys=(KEY,)):
    return examine(settings, survey, follows, list(keys))


def account(**fields) -> Survey:
    return msgspec.structs.replace(WELL, accounts=[msgspec.structs.replace(WELL.accounts[0], **fields)])


def test_a_run_that_is_well_passes_and_every_check_is_shown() -> None:
    checks = found()
    assert passed(checks)
    assert {one.level for one in checks} == {Level.OK}
    assert {one.what.split()[0] for one in checks} == {"clock", "latency", "budget:", "lead", "limits", "account"}


ILL = {
    "the clock is off": (msgspec.structs.replace(WELL, clock_offset_ns=-4_000 * MS), "synchronise"),
    "nothing answered": (msgspec.structs.replace(WELL, round_trips_ns=[]), "network"),
    "no lead": (msgspec.structs.replace(WELL, leads=[]), "--lead"),
    "a lead without money": (msgspec.structs.replace(WELL, leads=[LeadSurvey(LEAD, 0)]), "check the address"),
    "a key that could withdraw": (account(may_withdraw=True), "trades only"),
    "a key that may not trade": (account(may_trade=False), "approve"),
    "too little money": (account(equity=3_999 * USDC), "deposit"),
    "no account": (msgspec.structs.replace(WELL, accounts=[]), "[[accounts]]"),
}


@pytest.mark.parametrize("ill", ILL)
def test_what_would_go_wrong_is_an_error_with_its_remedy(ill) -> None:
    survey, remedy = ILL[ill]
    wrong = [one for one in found(survey) if one.level is Level.ERROR]
    assert len(wrong) == 1, wrong
    assert remedy in wrong[0].to_do
    assert not passed(found(survey))


def test_a_key_that_could_withdraw_is_only_a_warning_to_whoever_accepted_it() -> None:
    settings = parse_settings(FILE + "[keys]\nmay_withdraw = true\n", "p.toml")
    checks = found(account(may_withdraw=True), settings)
    assert passed(checks)
    assert any(one.level is Level.WARNING and "could withdraw" in one.why for one in checks)


@pytest.mark.parametrize("name", ["capital_usdc", "order_usdc", "gross_usdc", "loss_usdc", "leverage"])
def test_live_without_one_of_the_limits_does_not_start_and_paper_does(name) -> None:
    text = "\n".join(line for line in FILE.splitlines() if not line.startswith(name))
    wrong = [one for one in found(settings=parse_settings(text, "p.toml")) if one.level is Level.ERROR]
    assert [one.what for one in wrong] == [f"limit {name}"]
    assert "p.toml:4, [limits]" in wrong[0].to_do
    assert passed(found(settings=parse_settings(text.replace('"live"', '"paper"'), "p.toml")))


def test_followers_who_bring_more_than_the_limit_or_have_no_bounds_are_refused() -> None:
    assert not passed(found(account(equity=10**12), follows=Follows.of(np.arange(6), 0, 1_000 * USDC)))
    loose = Follows.of(np.arange(2), 0, USDC, exit_bps=[100, 0])
    assert [o.what for o in found(follows=loose) if o.level is Level.ERROR] == ["mandates"]


def test_a_key_that_is_not_here_is_named() -> None:
    (wrong,) = [one for one in found(keys=()) if one.level is Level.ERROR]
    assert KEY in wrong.why


def test_what_is_only_bad_is_a_warning() -> None:
    survey = msgspec.structs.replace(
        account(orders=3), clock_offset_ns=400 * MS, round_trips_ns=[900 * MS], budgets=[Budget("requests", 900, 1_000)]
    )
    checks = found(survey)
    assert passed(checks)
    assert sorted(one.what.split()[0] for one in checks if one.level is Level.WARNING) == [
        "account", "budget:", "clock", "latency",
    ]  # fmt: skip


def test_on_the_segregated_route_every_follower_has_an_account_with_its_own_money() -> None:
    settings = parse_settings(FILE.replace('mode = "live"', 'mode = "live"\nroute = "segregated"'), "p.toml")
    accounts = [AccountSurvey(Ours(k, ACCOUNT, KEY), 1_000 * USDC, {}, 0, True, False) for k in range(4)]
    assert passed(found(msgspec.structs.replace(WELL, accounts=accounts), settings))
    short = [*accounts[:3], msgspec.structs.replace(accounts[3], equity=999 * USDC)]
    assert not passed(found(msgspec.structs.replace(WELL, accounts=short), settings))
    assert not passed(found(msgspec.structs.replace(WELL, accounts=accounts[:3]), settings))


def test_the_page_has_a_line_for_every_finding() -> None:
    console = Console(record=True, width=200)
    show(found(account(may_withdraw=True, orders=2)), console)
    text = console.export_text()
    assert text.count("✗") == 1
    assert text.count("!") == 1
    assert "could withdraw" in text


class Somewhere:
    """A gateway that knows what a test says."""

    name, real_money = "somewhere", True

    def __init__(self) -> None:
        self.asked: list = []

    async def survey(self, leads, ours, known, keys=None, signer=None) -> Survey:
        self.asked.append((list(leads), list(ours), list(known)))
        return WELL


def test_live_asks_for_a_file_of_followers_and_for_a_key(tmp_path) -> None:
    for keys, what in ((None, "no key"), (Keyring(), "needs a file of followers")):
        with pytest.raises(Exception, match=what):
            asyncio.run(look(SETTINGS, Somewhere(), keys))


def test_paper_needs_no_key_and_names_no_account(tmp_path) -> None:
    place = Somewhere()
    run = msgspec.structs.replace(SETTINGS.run, mode="paper", out=str(tmp_path), followers="25")
    ready = asyncio.run(look(msgspec.structs.replace(SETTINGS, run=run), place))
    assert place.asked == [([LEAD], [], [])]
    assert passed(ready.findings)
    assert len(ready.population.names) == 25
