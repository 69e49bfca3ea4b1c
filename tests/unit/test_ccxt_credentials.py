"""An exchange's API key: where it is read from, and that nothing shows it."""

import pytest

from pilotfish.domain.errors import ConfigError, PilotfishError
from pilotfish.venues.ccxt.credentials import read_credentials
from pilotfish.worlds.live.exchanges import exchange_of
from pilotfish.worlds.live.settings import parse_settings

KEY, SECRET = "an-api-key", "a-very-secret-secret"


def test_an_api_key_comes_from_the_environment_or_from_a_file_that_nobody_else_can_read(tmp_path) -> None:
    said = {"PILOTFISH_BINANCE_KEY": "k", "PILOTFISH_BINANCE_SECRET": "s"}
    found = read_credentials("binance", "", said)
    assert (found.key, found.secret, found.password) == ("k", "s", "")
    assert read_credentials("bybit", "", said) is None
    file = tmp_path / "okx.toml"
    file.write_text('key = "k2"\nsecret = "s2"\npassword = "p2"\n')
    file.chmod(0o600)
    found = read_credentials("okx", str(file), said)
    assert (found.key, found.secret, found.password) == ("k2", "s2", "p2")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_credentials("okx", str(file), said)


ILL = {
    "no secret": ('key = "hidden"', "lacks its secret and password"),
    "no TOML": ("hidden", "no TOML"),
    "other entries": ('key = "hidden"\nhidden = "x"', "none of its three"),
    "a number": ('key = "hidden"\nsecret = 5', "no text"),
}


@pytest.mark.parametrize("ill", ILL)
def test_a_file_that_is_wrong_is_refused_and_not_repeated(ill, tmp_path) -> None:
    text, why = ILL[ill]
    file = tmp_path / "key.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=why) as bad:
        read_credentials("okx", str(file), {})
    assert "hidden" not in str(bad.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_credentials("okx", str(tmp_path / "nothing"), {})


def test_the_account_of_a_run_is_its_api_key_by_a_fingerprint(monkeypatch) -> None:
    settings = parse_settings('[run]\nmode = "live"\n[venue]\nname = "binance"\ninstruments = ["X"]', "p.toml")
    with pytest.raises(ConfigError, match="PILOTFISH_BINANCE_KEY"):
        exchange_of(settings)
    monkeypatch.setenv("PILOTFISH_BINANCE_KEY", KEY)
    monkeypatch.setenv("PILOTFISH_BINANCE_SECRET", SECRET)
    found = exchange_of(settings)
    (account,) = found.settings.accounts
    assert [key.address for key in found.keys] == [account.key]
    assert SECRET not in f"{found}"
    assert exchange_of(found.settings.__class__(venue=settings.venue)).settings.accounts == (account,)
    with pytest.raises(ConfigError, match="the API key is the account"):
        exchange_of(found.settings)


@pytest.mark.parametrize("wrong", ["instruments = []\n", 'instruments = ["X"]\n[run]\nroute = "segregated"\n'])
def test_an_exchange_needs_its_instruments_named_and_has_one_account(wrong) -> None:
    with pytest.raises(PilotfishError):
        exchange_of(parse_settings('[venue]\nname = "okx"\n' + wrong, "p.toml"))
