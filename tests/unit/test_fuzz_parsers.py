"""Whatever comes from outside besides the venues' streams: understood, or refused by type, by every other parser."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError, PilotfishError
from pilotfish.venues.keys.key import Key, KeyRefused
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.signer import Made, Wanted, answer
from pilotfish.worlds.live.settings import overrides, parse_settings
from pilotfish.worlds.live.template import TEMPLATE
from pilotfish.worlds.platform import parse_platform
from tests.fuzz.damage import damaged, torn

T = TypeVar("T")
SEEDS = st.integers(0, 2**32 - 1)
SECRET = bytes(range(1, 33))
KEY = Key(SECRET)
KEYS = Keyring([KEY])
PASSWORD = "correct horse"
MADE = msgspec.msgpack.Decoder(Made)
ASKED = msgspec.msgpack.encode(Wanted(1, [SignRequest(KEY.address, Scheme.HYPERLIQUID_MAINNET, bytes(32))]))


def tried(parse: Callable[[], T], refusal: type[PilotfishError]) -> tuple[T | None, PilotfishError | None]:
    """What was read, or why it was not."""
    try:
        return parse(), None
    except refusal as refused:
        return None, refused


# -- the signer's socket -----------------------------------------------------------------------------------------------


def wanted_of(seed: int) -> bytes:
    """A request to sign, damaged as MessagePack or as the values in it."""
    chance = Random(seed)
    if chance.random() < 0.5:
        return torn(ASKED, chance)
    return msgspec.msgpack.encode(json.loads(json.dumps([1, [[KEY.address, 1, "00" * 32]]]))) + chance.randbytes(3)


@given(st.binary(max_size=120) | SEEDS.map(wanted_of))
@example(b"\x93\x01\x90" + b"\x91" * 100_000)
@example(msgspec.msgpack.encode([1, [[KEY.address, 1, bytes(31)]]]))
@example(msgspec.msgpack.encode([2**64 - 1, []]))
@example(msgspec.msgpack.encode([1, [["0x", 0, b""]] * 9]))
def test_a_signer_answers_every_frame_and_shows_no_secret(raw: bytes) -> None:
    said = answer(KEYS, raw)
    made = MADE.decode(said)
    assert made.refused or made.signatures or made.addresses == list(KEYS.addresses)
    assert SECRET not in said
    assert SECRET.hex().encode() not in said


# -- the keystore ------------------------------------------------------------------------------------------------------


KEY_FILE = {
    "address": KEY.address[2:], "version": 3, "id": "68336772-e075-477f-a689-ddf5e6af3270",
    "crypto": {
        "cipher": "aes-128-ctr", "cipherparams": {"iv": "cb37a1b6112ce9e70b7420bd68f37a4a"},
        "ciphertext": "e81f32464b2715deb76418ed5a7ff0a776faa4cbdb8e9185994f527ea1fcb4a0", "kdf": "scrypt",
        "kdfparams": {"dklen": 32, "n": 2, "r": 8, "p": 1, "salt": "28171e21ee512f59887450cea9e1d388"},
        "mac": "89245b2c8c3832b18e5db634cde366030a8f5b03de7e820d8406c47fc90fc34e",
    },
}  # fmt: skip


def open_all(folder: Path, raw: bytes) -> list[str]:
    """The addresses of the keys that a folder with this file opens. Raises KeyRefused."""
    path = folder / "key.json"
    path.write_bytes(raw)
    path.chmod(0o600)
    store = Keystore(folder)
    return [store.unlock(address, PASSWORD).address for address in store.addresses()]


def test_the_key_file_that_is_damaged_below_opens_while_it_is_whole(tmp_path: Path) -> None:
    assert open_all(tmp_path, json.dumps(KEY_FILE).encode()) == [KEY.address]


@pytest.mark.parametrize("seed", range(250))
def test_a_damaged_key_file_opens_as_the_key_that_it_names_or_is_refused(seed: int, tmp_path: Path) -> None:
    """What says how much work a password is stays as it is: large figures there are slow, and no damage is meant."""
    whole = KEY_FILE | {"crypto": {**KEY_FILE["crypto"], "kdfparams": "HERE"}}
    raw = damaged(json.dumps(whole).encode(), Random(seed))
    raw = raw.replace(b'"HERE"', json.dumps(KEY_FILE["crypto"]["kdfparams"]).encode())
    opened, refused = tried(lambda: open_all(tmp_path, raw), KeyRefused)
    if refused is None:
        assert opened == [KEY.address]
    else:
        assert refused.to_do
        assert SECRET.hex() not in str(refused)


# -- what users write --------------------------------------------------------------------------------------------------

LINES = [line for line in TEMPLATE.splitlines() if line.strip()]
TOML = st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=15).map("\n".join)


def spoilt(seed: int) -> str:
    """The file that `init` writes, with its commented entries in use and a few of its lines damaged."""
    chance = Random(seed)
    lines = [line.removeprefix("# ") if "=" in line and chance.random() < 0.7 else line for line in LINES]
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(lines))
        lines[at] = torn(lines[at].encode(), chance).decode("utf-8", "replace")[:5_000]
    return "\n".join(lines)


@settings(max_examples=200)
@given(TOML | SEEDS.map(spoilt) | st.text(max_size=100))
@example("a = " + "[" * 5_000)
@example("a = 9" + "9" * 5_000)
@example("a = 1e999999999")
@example("venue = 1")
@example("[venue]\n[[venue.a]]")
@example("a = 0001-01-01")
@example("\x00")
def test_a_settings_file_is_understood_or_refused_with_the_remedy(text: str) -> None:
    for parse in (parse_settings, parse_platform):
        read, refused = tried(lambda parse=parse: parse(text, "pilotfish.toml"), ConfigError)
        assert read is not None or refused.why


@given(st.text(max_size=40).filter(lambda text: "\x00" not in text))
@example("9" * 5_000)
@example("[" * 5_000)
@example("1\nx = 2")
def test_a_value_of_the_environment_is_read_or_is_text(text: str) -> None:
    assert set(overrides({"PILOTFISH_VENUE__NAME": text})["venue"]) == {"name"}


@pytest.mark.parametrize("text", ["venue = 1", "[[venue]]\na = 1", 'venue = "x"'])
def test_what_is_no_table_is_refused_where_the_environment_says_a_key_of_it(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_settings(text, "pilotfish.toml", {"venue": {"name": "hyperliquid"}})
