"""Every test of a contract runs on both chains, each test on the state that its module laid out."""

from collections.abc import Iterator

import pytest
from web3 import Web3

from pilotfish.venues.evm.deploy.packages import anvil_path
from tests.contracts.deployment_scene import System, whole_system
from tests.contracts.nodes import anvil, embedded


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def web3(request: pytest.FixtureRequest) -> Iterator[Web3]:
    if request.param == "embedded":
        yield embedded()
    elif anvil_path() is None:
        pytest.skip("anvil has no package for this machine: the chain in the process alone is tried")
    else:
        with anvil() as node:
            yield node


@pytest.fixture(autouse=True)
def as_the_module_left_it(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take back what the test did, where it used a chain."""
    if "web3" not in request.fixturenames:
        yield
        return
    web3: Web3 = request.getfixturevalue("web3")
    for name in request.fixturenames:  # what the module lays out must be there before the picture is taken
        if name not in ("as_the_module_left_it", "request"):
            request.getfixturevalue(name)
    taken = web3.provider.make_request("evm_snapshot", [])["result"]
    yield
    web3.provider.make_request("evm_revert", [taken])


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> System:
    """Deployed once; who changes it has it taken back."""
    return whole_system(tmp_path_factory.mktemp("chain"))


@pytest.fixture(autouse=True)
def as_deployed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take back what the test did to the deployed system, where it used one."""
    if "system" not in request.fixturenames:
        yield
        return
    chain = request.getfixturevalue("system").node.chain
    taken = chain.snapshot()
    yield
    chain.revert(taken)
