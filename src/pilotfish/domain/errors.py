"""Every error Pilotfish raises on purpose. Each says what happened, why, and what to do.

PilotfishError
├── NumericOverflow     a quantity would leave int64
├── ConfigError         a file or an option a user wrote: where, and the remedy
├── RecordingError      one row of a recording cannot be trusted (file, line, column)
├── FollowersError      one row of a followers file cannot be used (file, line, column)
├── EngineError
│   ├── IllegalTransition   an order update that its state does not allow
│   └── InvariantBroken     the core contradicts itself: the shard halts
├── AnchorRefused       what is anchored and what the journal holds do not go together
├── LedgerError         a posting that would create or destroy an asset
├── JournalError
│   ├── JournalCorrupt      the hash chain does not hold; the first bad record is named
│   └── JournalUnavailable  the disk is full or the file is in use
└── VenueError          a venue cannot be reached or answers what it may not
    ├── MessageRefused      what it said cannot be used; it is set aside (each venue's codec)
    ├── ActionRefused, OrderRefused, OrderUnsignable    it would refuse this; it was not sent
    ├── KeyRefused, CredentialsRefused    a key, a keystore or a request to sign that cannot be used
    ├── WalletRefused, WalletUnknown      nothing was done on the chain; or nobody knows yet
    ├── NoAnswer, CallRefused    a chain's node is silent; a contract says no, with its own error
    ├── TransactionRefused, NodeFailed, PackagesMissing    it would revert, or did; no chain here; nothing to deploy
    └── AbiRefused, InstructionRefused, OperationRefused, SignaturesRefused, PlacementRefused, FillsRefused, TagRefused,
        SwapRefused    this cannot be said to a contract, or was not said by one; nothing was signed
"""

from __future__ import annotations


class PilotfishError(Exception):
    """Base of all. `what` happened, `why` (as far as is known), and what `to_do` about it."""

    def __init__(self, what: str, why: str = "", to_do: str = "") -> None:
        self.what, self.why, self.to_do = what, why, to_do
        super().__init__(what + (f": {why}" if why else "") + (f". {to_do}" if to_do else ""))


class NumericOverflow(PilotfishError):
    """An integer operation would leave int64; nothing was computed."""


class ConfigError(PilotfishError):
    """Something a user wrote cannot be used."""


class FileRowError(PilotfishError):
    """One row of an input file cannot be used; `where` is `file:line:column`."""

    def __init__(self, file: str, line: int, column: str, why: str, to_do: str = "") -> None:
        self.file, self.line, self.column = file, line, column
        super().__init__(f"{file}:{line}:{column}", why, to_do)


class RecordingError(FileRowError):
    """A row of a recording that cannot be trusted; the good rows around it still count."""


class FollowersError(FileRowError):
    """A row of a followers file that cannot be used."""


class EngineError(PilotfishError):
    """The core refuses to go on with this event."""


class IllegalTransition(EngineError):
    """An order update that the order's state does not allow."""


class InvariantBroken(EngineError):
    """The core contradicts itself; the shard halts with orders cancelled."""


class LedgerError(PilotfishError):
    """A posting that would create or destroy an asset, or use a reservation that is not there."""


class JournalError(PilotfishError):
    """The journal cannot be written or read."""


class JournalCorrupt(JournalError):
    """The hash chain does not hold. `position` is the first record that cannot be trusted."""

    def __init__(self, position: int, why: str, to_do: str = "") -> None:
        self.position = position
        super().__init__(f"journal record {position}", why, to_do)


class JournalUnavailable(JournalError):
    """The disk is full, the file is locked, or the path cannot be written."""


class VenueError(PilotfishError):
    """A venue cannot be reached, or answers what it may not."""
