"""The keys of this process, by address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pilotfish.venues.keys.digests import digest_of
from pilotfish.venues.keys.key import Key, KeyRefused
from pilotfish.venues.keys.schemes import SignRequest


class Keyring:
    """Keys that sign here, and the addresses of keys that sign elsewhere (`remote`: a pool or an external signer)."""

    def __init__(self, keys: Iterable[Key] = (), remote: Iterable[str] = ()) -> None:
        self._keys = {key.address: key for key in keys}
        self._remote = frozenset(address.lower() for address in remote) - set(self._keys)

    @property
    def addresses(self) -> tuple[str, ...]:
        return (*self._keys, *sorted(self._remote))

    def sign(self, request: SignRequest) -> bytes | None:
        """65 bytes: r, s, v as 0 or 1; None where the key signs elsewhere. Raises KeyRefused for a key nobody has."""
        key = self._keys.get(request.key)
        if key is not None:
            return key.sign_digest(digest_of(request))
        if request.key in self._remote:
            return None
        raise KeyRefused(f"no key for {request.key[:42]}", "", "add it to the keystore, or mend the account's `key`")

    def sign_all(self, requests: Sequence[SignRequest]) -> list[bytes]:
        """Of keys that are all here. Raises KeyRefused."""
        signatures = [self.sign(request) for request in requests]
        if any(one is None for one in signatures):
            raise KeyRefused("a key signs elsewhere", "", "send the request to its signer")
        return [one for one in signatures if one is not None]

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} here, {len(self._remote)} elsewhere)"
