"""What every test shares: repeatable properties, the recorded data, and no way out to the network."""

import ipaddress
import socket
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# The same examples on every machine; `pytest --hypothesis-profile deep` looks for new ones.
settings.register_profile("house", derandomize=True, deadline=None, max_examples=60, print_blob=True)
settings.register_profile("deep", derandomize=False, deadline=None, max_examples=3000, print_blob=True)
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded venue data; it lies beside the repository because recordings are not ours to publish."""
    data = (ROOT / "../shared/data").resolve()
    if not data.is_dir():
        pytest.skip("no recorded data: ../shared/data is not beside this repository")
    return data


def is_loopback(address: object) -> bool:
    """Whether a socket address stays on this machine; a unix socket's path always does."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that dials out would pass on one machine and fail on the next."""
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)

        def guarded(sock: socket.socket, address: object, real=real) -> object:
            if not is_loopback(address):
                pytest.fail(f"a test tried to reach {address}: tests speak to loopback only")
            return real(sock, address)

        monkeypatch.setattr(socket.socket, name, guarded)
