"""Keys are kept encrypted, sign where they are, and are shown nowhere; a signer signs what the schemes know alone."""

import asyncio
import json
import os
import pickle
import socket
import stat
import threading
from pathlib import Path

import pytest
from coincurve import PublicKey

from pilotfish.venues.keys.digests import agent_digest, digest_of
from pilotfish.venues.keys.key import Key, KeyRefused, keccak
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.venues.keys.pool import SignerLink, SignerPool
from pilotfish.venues.keys.schemes import Scheme, SignRequest
from pilotfish.venues.keys.signer import SignerServer, answer

SECRET = bytes(range(1, 33))
KEY = Key(SECRET)
PASSWORD = "correct horse"
LIGHT = 2  # scrypt's work factor: what is tested is not how slow it is


def request(number: int = 0, key: Key = KEY, scheme: Scheme = Scheme.HYPERLIQUID_MAINNET) -> SignRequest:
    return SignRequest(key.address, scheme, keccak(number.to_bytes(4, "big")))


def signer_of(digest: bytes, signature: bytes) -> str:
    public = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return "0x" + keccak(public.format(compressed=False)[1:])[12:].hex()


def test_a_signature_is_of_the_scheme_s_own_digest_and_never_of_the_bytes_that_were_sent() -> None:
    for scheme in (Scheme.HYPERLIQUID_MAINNET, Scheme.HYPERLIQUID_TESTNET):
        asked = request(scheme=scheme)
        signature = Keyring([KEY]).sign(asked)
        digest = agent_digest(asked.hash, mainnet=scheme is Scheme.HYPERLIQUID_MAINNET)
        assert digest_of(asked) == digest != asked.hash
        assert signer_of(digest, signature) == KEY.address


def test_each_scheme_has_its_own_digest() -> None:
    shown_whole = {Scheme.EVM_TRANSACTION, Scheme.EVM_INSTRUCTION, Scheme.EVM_USER_OPERATION}
    of_hashes = set(Scheme) - shown_whole
    assert len({digest_of(request(scheme=scheme)) for scheme in of_hashes}) == len(of_hashes)
    for scheme in shown_whole:  # and a hash is none of these
        with pytest.raises(KeyRefused, match="to be signed"):
            digest_of(request(scheme=scheme))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_what_is_no_hash_is_not_signed(size) -> None:
    with pytest.raises(KeyRefused, match="32"):
        Keyring([KEY]).sign(SignRequest(KEY.address, Scheme.HYPERLIQUID_MAINNET, bytes(size)))


def test_a_key_that_nobody_has_is_refused_by_its_address_and_one_elsewhere_is_left_to_its_signer() -> None:
    other = Key(bytes(31) + b"\x07")
    with pytest.raises(KeyRefused, match=other.address):
        Keyring([KEY]).sign(request(key=other))
    ring = Keyring([KEY], remote=[other.address.upper().replace("0X", "0x")])
    assert ring.sign(request(key=other)) is None
    assert set(ring.addresses) == {KEY.address, other.address}
    with pytest.raises(KeyRefused, match="elsewhere"):
        ring.sign_all([request(), request(key=other)])


def test_agents_derived_from_one_key_are_the_same_every_time_and_differ_by_label() -> None:
    labels = [bytes([k]) for k in range(20)]
    agents = [KEY.derive(label).address for label in labels]
    assert agents == [Key(SECRET).derive(label).address for label in labels]
    assert len({*agents, KEY.address}) == 21


def test_a_key_is_in_no_repr_no_pickle_and_no_error() -> None:
    for shown in (repr(KEY), str(KEY), repr(Keyring([KEY])), f"{KEY!r} {[KEY]}"):
        assert SECRET.hex() not in shown
        assert repr(SECRET) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(KEY)


def test_a_keystore_gives_back_what_it_was_given(tmp_path: Path) -> None:
    store = Keystore(tmp_path / "keys", LIGHT)
    address = store.add(SECRET, PASSWORD)
    assert address == KEY.address
    assert store.addresses() == [address]
    assert store.unlock(address, PASSWORD).reveal() == SECRET
    made = store.create(PASSWORD)
    assert store.unlock(made, PASSWORD).address == made != address


def test_a_keystore_file_is_its_owner_s_alone_and_holds_no_key_in_the_clear(tmp_path: Path) -> None:
    store = Keystore(tmp_path / "keys", LIGHT)
    address = store.add(SECRET, PASSWORD)
    (path,) = store.folder.glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert SECRET.hex() not in path.read_text()
    assert PASSWORD not in path.read_text()
    path.chmod(0o644)
    with pytest.raises(KeyRefused, match="chmod 600"):
        store.unlock(address, PASSWORD)


def damage(path: Path, how: str) -> None:
    content = json.loads(path.read_text())
    if how == "mac":
        content["crypto"]["mac"] = "00" * 32
    elif how == "no crypto":
        del content["crypto"]
    elif how == "another's":
        content["address"] = "11" * 20
    path.write_text("{" if how == "cut" else json.dumps(content | ({"version": 9} if how == "version" else {})))


@pytest.mark.parametrize("how", ["mac", "no crypto", "cut", "version", "another's"])
def test_a_damaged_keystore_is_refused_in_a_sentence_without_the_key(tmp_path: Path, how) -> None:
    store = Keystore(tmp_path, LIGHT)
    store.add(SECRET, PASSWORD)
    damage(next(store.folder.glob("*.json")), how)
    with pytest.raises(KeyRefused) as caught:
        store.unlock("0x" + "11" * 20 if how == "another's" else KEY.address, PASSWORD)
    assert caught.value.to_do
    assert SECRET.hex() not in str(caught.value)


def test_wrong_passwords_short_ones_and_doubles_are_refused(tmp_path: Path) -> None:
    store = Keystore(tmp_path, LIGHT)
    store.add(SECRET, PASSWORD)
    with pytest.raises(KeyRefused, match="password"):
        store.unlock(KEY.address, "wrong horse")
    with pytest.raises(KeyRefused, match="8 characters"):
        store.add(bytes(31) + b"\x09", "short")
    with pytest.raises(KeyRefused, match="already"):
        store.add(SECRET, PASSWORD)
    with pytest.raises(KeyRefused, match="is not in"):
        store.unlock("0x" + "22" * 20, PASSWORD)
    assert not Keystore(tmp_path / "nowhere").addresses()


def test_a_pool_signs_as_the_key_itself_does_and_its_processes_end_with_it() -> None:
    asked = [request(k) for k in range(50)]

    async def signed() -> tuple[list[bytes], list[int]]:
        async with SignerPool([SECRET], 2) as pool:
            parts = await asyncio.gather(*(pool.sign(asked[k : k + 10]) for k in range(0, 50, 10)))
            with pytest.raises(KeyRefused, match="no key"):
                await pool.sign([request(key=Key(bytes(31) + b"\x05"))])
            again = await pool.sign(asked[:1])
            assert again == parts[0][:1], "a refusal leaves the signer as it was"
            return [one for part in parts for one in part], pool.processes

    signatures, processes = asyncio.run(signed())
    assert signatures == [Keyring([KEY]).sign(one) for one in asked]
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_the_keys_of_a_pool_are_in_no_command_line_and_no_environment() -> None:
    async def look() -> bytes:
        async with SignerPool([SECRET], 1) as pool:
            (process,) = pool.processes
            return b"".join(Path(f"/proc/{process}/{part}").read_bytes() for part in ("cmdline", "environ"))

    seen = asyncio.run(look())
    assert SECRET.hex().encode() not in seen
    assert SECRET not in seen


def test_an_external_signer_answers_its_own_user_over_a_socket_that_others_cannot_open(tmp_path: Path) -> None:
    server = SignerServer(tmp_path / "s", Keyring([KEY]))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert stat.S_IMODE(server.path.stat().st_mode) & 0o077 == 0

    async def use() -> None:
        link = await SignerLink.connect(server.path)
        assert await link.addresses() == [KEY.address]
        assert await link.sign([request(3)]) == [Keyring([KEY]).sign(request(3))]
        await link.close()

    asyncio.run(use())
    server.close()
    with pytest.raises(KeyRefused, match="start it"):
        asyncio.run(SignerLink.connect(server.path))


def test_a_signer_that_dies_is_an_error_and_not_a_wait() -> None:
    async def use() -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        link = SignerLink(*await asyncio.open_connection(sock=ours))
        theirs.close()
        with pytest.raises(KeyRefused, match="restart"):
            await link.sign([request()])
        await link.close()

    asyncio.run(use())


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x92\x01\x91\x93\xa1x\x09\xc4\x00", b"\xff" * 9])
def test_what_is_no_request_is_answered_with_a_refusal(raw) -> None:
    assert b"no request" in answer(Keyring([KEY]), raw)
