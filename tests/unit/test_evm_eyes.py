"""A node is asked over HTTP; what is sent can go by a way of its own."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import msgspec
import pytest

from pilotfish.venues.evm.eyes import HttpNode, NoAnswer


@dataclass
class Wire:
    """Takes every request and answers its own number; or says what it is told to say."""

    says: object = None
    urls: list[str] = field(default_factory=list)

    async def ask(self, asked):
        self.urls.append(asked.url)
        if self.says is not None:
            return self.says
        number = msgspec.json.decode(asked.body)["id"]
        return SimpleNamespace(status=200, body=msgspec.json.encode({"id": number, "result": "0x1"}))


def ask(node, method):
    return asyncio.run(node.ask(method, []))


def test_only_transactions_go_to_the_private_node():
    wire = Wire()
    node = HttpNode("http://public.example", wire, "https://private.example")
    for method in ("eth_call", "eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt"):
        assert ask(node, method) == "0x1"
    public = "http://public.example"
    assert wire.urls == [public, public, "https://private.example", public]


def test_without_a_private_node_everything_goes_to_one():
    wire = Wire()
    ask(HttpNode("http://public.example", wire), "eth_sendRawTransaction")
    assert wire.urls == ["http://public.example"]


@pytest.mark.parametrize(
    ("method", "host"), [("eth_call", "public.example"), ("eth_sendRawTransaction", "private.example")]
)
def test_a_silent_node_is_named(method, host):
    node = HttpNode("http://public.example", Wire(says="it hung up"), "http://private.example")
    with pytest.raises(NoAnswer, match=rf"node {host}.*hung up"):
        ask(node, method)


@pytest.mark.parametrize("url", ["", "ftp://node.example", "http://", "http://[", "node.example"])
def test_what_is_no_url_is_refused_before_anything_is_asked(url):
    with pytest.raises(NoAnswer):
        HttpNode(url, Wire())
    if url:
        with pytest.raises(NoAnswer):
            HttpNode("http://public.example", Wire(), url)
