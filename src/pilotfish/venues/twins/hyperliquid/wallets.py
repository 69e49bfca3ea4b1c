"""Keys and what they may do: agents, and the nonces each key has used.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/nonces-and-api-wallets
"""

from __future__ import annotations

from bisect import insort

import msgspec

NONCES = 100
DAY_MS = 86_400_000
NAMED_MAX = 3
_UNTIL = " valid_until "


class Agent(msgspec.Struct):
    address: str
    owner: str
    name: str  # the empty name is a slot too
    until_ms: int


class Wallets:
    """All keys are lower-case addresses."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self._spent: dict[str, list[int]] = {}
        self._retired: set[str] = set()  # an agent's address is never used twice: its nonces are forgotten

    def owner(self, signer: str, ms: int) -> str:
        """Whose account this key acts for: that of the agent's owner, otherwise its own."""
        agent = self.agents.get(signer)
        return agent.owner if agent and ms < agent.until_ms else signer

    def of(self, owner: str, ms: int) -> list[Agent]:
        return [agent for agent in self.agents.values() if agent.owner == owner and ms < agent.until_ms]

    def approve(self, owner: str, address: str, name: str, ms: int) -> str:
        """Let a key act for `owner`; an agent of the same name is replaced. What the venue says against it, or ""."""
        name, _, until = name.partition(_UNTIL)
        if address in self.agents or address in self._retired:
            return "Extra agent already used."
        others = [agent for agent in self.of(owner, ms) if agent.name != name]
        if name and sum(bool(agent.name) for agent in others) >= NAMED_MAX:
            return "Too many extra agents."
        for agent in [agent for agent in self.agents.values() if agent.owner == owner and agent.name == name]:
            self.retire(agent.address)
        self.agents[address] = Agent(address, owner, name, int(until) if until.isdigit() else ms + 180 * DAY_MS)
        return ""

    def retire(self, address: str) -> None:
        """The agent is no more: what its key signs from here on is a stranger's."""
        self.agents.pop(address, None)
        self._spent.pop(address, None)
        self._retired.add(address)

    def spend(self, signer: str, nonce: int, ms: int) -> str:
        """Use a nonce up. What the venue says against it, or ""."""
        spent = self._spent.setdefault(signer, [])
        if nonce in spent:
            return f"Invalid nonce: duplicate nonce {nonce}"
        if len(spent) >= NONCES and nonce < spent[0]:
            return f"Invalid nonce: nonce too low {nonce} < {spent[0]}"
        if not ms - 2 * DAY_MS < nonce < ms + DAY_MS:
            return f"Invalid nonce: {nonce} is not within two days before and one day after {ms}"
        insort(spent, nonce)
        if len(spent) > NONCES:
            spent.pop(0)
        return ""
