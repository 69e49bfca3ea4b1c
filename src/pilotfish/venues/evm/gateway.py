"""A chain as a run needs it: asked over HTTP how things stand, then opened as a session over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from pilotfish.domain.errors import ConfigError, VenueError
from pilotfish.domain.instrument import Instrument
from pilotfish.venues.evm import bootstrap
from pilotfish.venues.evm.bootstrap import Found, Holding, Wanted
from pilotfish.venues.evm.session import EvmSession
from pilotfish.venues.evm.settings import SECOND, Account, Settings
from pilotfish.venues.evm.wire.rpc import Call, Head, encode, read_head, read_height, read_replies
from pilotfish.venues.evm.wire.swaps import Pool, Token
from pilotfish.venues.gateway import AccountSurvey, LeadSurvey, LiveVenue, Ours, Signer, Survey, drive
from pilotfish.venues.keys.keyring import Keyring
from pilotfish.venues.net.http import Answered, Http
from pilotfish.venues.net.terms import WireTerms
from pilotfish.venues.session import Ask

PROBES = 4
_NOTHING = b'"0x"'
COIN_WEI_MIN = 10**15  # less than this pays for hardly a swap


class EvmGateway:
    """`wanted`: the pools that are traded. A key that the venue uses can move everything of its account: give it no
    more than is to be traded.
    """

    name = bootstrap.VENUE

    def __init__(
        self, settings: Settings, wanted: Sequence[Wanted], *, real_money: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        settings.check()
        if not wanted:
            raise ConfigError("a chain", "without pools has nothing to trade", "name at least one")
        self.settings, self.real_money, self._wanted, self._clock = settings, real_money, list(wanted), clock
        self.shown_after_ns = (settings.depth + 2) * 15 * SECOND
        self._found: list[Found] = []

    async def survey(
        self, leads: Sequence[str], ours: Sequence[Ours], known: Sequence[Instrument], keys: Keyring | None = None,
        signer: Signer | None = None,
    ) -> Survey:  # fmt: skip
        """Raises VenueError: out of reach, or an answer that cannot be used; ConfigError: another chain or pool."""
        asker = _Asker(self.settings, self._clock)
        try:
            head, trips_ns, offset_ns = await self._probe(asker)
            found = self._found = await self._pools(asker, known)
            tokens = _tokens(found)
            held = [await self._holding(asker, lead, tokens) for lead in leads]
            own = [await self._holding(asker, one.address, tokens) for one in ours]
        finally:
            await asker.close()
        instruments = {one.id: one for one in known} | {one.pool.instrument.id: one.pool.instrument for one in found}
        symbols = {one.pool.instrument.symbol for one in found}
        return Survey(
            self.name,
            [instruments[number] for number in sorted(instruments)],
            {one.pool.instrument.id: one.pool.price_floor(one.root) for one in found},
            [_lead(lead, one, found) for lead, one in zip(leads, held, strict=True)],
            [_account(one, holding, found) for one, holding in zip(ours, own, strict=True)],
            offset_ns, trips_ns, [],
            [f"block {head.number}, base fee {head.base_fee_wei / 10**9:g} gwei"]
            + [f"{one.symbol} is not traded any more" for one in known if one.symbol not in symbols],
        )  # fmt: skip

    async def positions(self, ours: Sequence[Ours]) -> dict[int, dict[int, int]]:
        """What our accounts hold now of the pools' base tokens, whole lots. Raises VenueError."""
        found, asker = self._surveyed(), _Asker(self.settings, self._clock)
        try:
            held = {one.account: await self._holding(asker, one.address, _tokens(found)) for one in ours}
        finally:
            await asker.close()
        return {account: bootstrap.lots_of(one, found) for account, one in held.items()}

    def open(
        self, survey: Survey, keys: Keyring | None, journal: int, on_ready: Callable[[], None],
        signer: Signer | None = None, cancel_on_stop: bool = True,
    ) -> LiveVenue:  # fmt: skip
        settings = msgspec.structs.replace(self.settings, journal=journal, cancel_on_stop=cancel_on_stop)
        accounts = [Account(one.ours.account, one.ours.address.lower()) for one in survey.accounts] if keys else []
        leads = [lead.address for lead in survey.leads]
        session = EvmSession(settings, [one.pool for one in self._surveyed()], leads, accounts, keys)
        return drive(session, self._clock, keys, signer, on_ready)

    def _surveyed(self) -> list[Found]:
        if not self._found:
            raise ConfigError("the venue", "was not looked at before it is used", "survey it first")
        return self._found

    async def _probe(self, asker: _Asker) -> tuple[Head, list[int], int]:
        """The newest block, how long questions take, and the chain's clock less ours where that can be said."""
        chain = read_height((await asker.ask([Call("eth_chainId")]))[0])
        if chain != self.settings.chain:
            raise ConfigError(f"the node is of chain {chain}", f"not {self.settings.chain}", "mend one of them")
        head: Head | None = None
        for _ in range(PROBES):
            head = read_head((await asker.ask([Call("eth_getBlockByNumber", ["latest", False])]))[0])
        if head is None:
            raise VenueError("the node", "has no block", "wait until it has caught up, or use another")
        ahead_ns = head.stamp_ns - self._clock()
        return head, asker.trips_ns[1:], max(ahead_ns, 0)  # a block may be old; it cannot be young

    async def _pools(self, asker: _Asker, known: Sequence[Instrument]) -> list[Found]:
        factory = bootstrap.tokens_of((await asker.ask(bootstrap.factory_questions(self.settings.router))) * 2)[0]
        symbols, tokens, found = {one.symbol: one for one in known}, dict[str, Token](), list[Found]()
        number = max((one.id for one in known), default=-1)
        for wanted in self._wanted:
            answers = await asker.ask(bootstrap.pool_questions(wanted))
            pair = bootstrap.tokens_of(answers)
            for address in pair:
                if address not in tokens:
                    tokens[address] = bootstrap.token_of(address, await asker.ask(bootstrap.token_questions(address)))
            both = tokens[pair[0]], tokens[pair[1]]
            first = bootstrap.pool_of(wanted, answers, both, number + 1, None)
            one = bootstrap.pool_of(wanted, answers, both, number + 1, symbols.get(first.pool.instrument.symbol))
            number += one.pool.instrument.id > number
            await self._at_home(asker, factory, one.pool)
            found.append(one)
        return found

    async def _at_home(self, asker: _Asker, factory: str, pool: Pool) -> None:
        """The router finds pools by its factory. Raises ConfigError for one that is not there."""
        answer = bootstrap.tokens_of((await asker.ask([bootstrap.home_question(factory, pool)])) * 2)[0]
        if answer != pool.address:
            why = f"is not the one of {pool.instrument.symbol} that the router {self.settings.router} trades in"
            raise ConfigError(f"pool {pool.address}", why, f"use {answer}, or another router")

    async def _holding(self, asker: _Asker, address: str, tokens: list[str]) -> Holding:
        questions = bootstrap.holding_questions(address.lower(), tokens, self.settings.router)
        return bootstrap.holding_of(await asker.ask(questions), tokens)


def _tokens(found: Sequence[Found]) -> list[str]:
    return list(dict.fromkeys(t.address for one in found for t in (one.pool.base, one.pool.quote)))


def _lead(address: str, holding: Holding, found: Sequence[Found]) -> LeadSurvey:
    return LeadSurvey(address.lower(), bootstrap.worth(holding, found), bootstrap.lots_of(holding, found))


def _account(ours: Ours, holding: Holding, found: Sequence[Found]) -> AccountSurvey:
    notes = [] if holding.allowed else ["the router may not take its tokens: approve it with a wallet"]
    if holding.coin_wei < COIN_WEI_MIN:
        notes.append("hardly any coin for gas")
    if ours.key.lower() != ours.address.lower():
        notes.append("its key is another address's: swaps are signed by the holder itself")
    return AccountSurvey(
        ours, bootstrap.worth(holding, found), bootstrap.lots_of(holding, found), 0, not notes, True, "; ".join(notes)
    )


class _Asker:
    """One request at a time, timed. The node's address may hold a key: no error shows it."""

    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._settings, self._clock = settings, clock
        self._http = Http(WireTerms())
        self.trips_ns: list[int] = []

    async def ask(self, calls: Sequence[Call]) -> list[msgspec.Raw]:
        """Every result. Raises VenueError: no answer, a refusal, or a call that reverts."""
        began = self._clock()
        body = encode([call.request(number) for number, call in enumerate(calls)])
        headers = {"content-type": "application/json"}
        answer = await self._http.ask(
            Ask(0, "POST", self._settings.http_url, body, headers, self._settings.ask_timeout_ns)
        )
        self.trips_ns.append(self._clock() - began)
        if not isinstance(answer, Answered) or answer.status != 200:
            why = f"answered {answer.status}" if isinstance(answer, Answered) else answer
            raise VenueError("the node", why, "check rpc_url, the network, and whether the node is up")
        said = read_replies(answer.body)
        for number, call in enumerate(calls):
            if call.method == "eth_call" and number in said and bytes(said[number].result) == _NOTHING:
                to_do = "see whether it is the address of the contract it should be, on this chain"
                raise VenueError(f"address {dict(call.params[0])['to']}", "nothing stands there", to_do)
            if number not in said or said[number].error is not None:
                error = said.get(number, said.get(-1))
                why = error.error.message[:200] if error is not None and error.error is not None else "no answer"
                what = f"{call.method} of {dict(call.params[0])['to']}" if call.method == "eth_call" else call.method
                raise VenueError(what, why, "see whether the address is that of the contract it should be")
        return [said[number].result for number in range(len(calls))]

    async def close(self) -> None:
        await self._http.close()
