"""The ground everything stands on: the locks, the loopback guard."""

import re
import socket
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_the_locks_are_hashed_and_name_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = re.findall(r"^(?![\s#]).+(?:\n[ ]{4}--hash=.+)*", text, re.MULTILINE)
    assert pins
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []
    assert "://" not in text
    assert "--index" + "-url" not in text


def _bare(requirement: str) -> str:
    return re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_everything_declared_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, dev = (
        {_bare(line) for line in (ROOT / lock).read_text().splitlines() if line[:1].isalpha()}
        for lock in ("requirements.txt", "requirements-dev.txt")
    )
    assert {_bare(r) for r in project["project"]["dependencies"]} <= runtime
    assert {_bare(r) for r in project["project"]["optional-dependencies"]["dev"]} <= dev
    assert {_bare(r) for r in project["build-system"]["requires"]} <= dev, "make setup builds from the lock alone"
    assert runtime <= dev


def test_a_test_cannot_dial_out() -> None:
    with socket.socket() as sock, pytest.raises(pytest.fail.Exception, match="loopback only"):
        sock.connect(("192.0.2.1", 80))


def test_a_test_can_reach_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"ping")
        peer, _ = server.accept()
        with peer:
            assert peer.recv(4) == b"ping"
