"""Is the journal what was anchored? Pure: what the chain told and what was recomputed in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec

from pilotfish.venues.evm.proof.anchoring import NO_LINK, Batch, Logged, link_after
from pilotfish.venues.evm.proof.figures import UNITS, Figure, tree_of
from pilotfish.venues.evm.proof.reading import Told


class Answer(Enum):
    """What became of one claim of a batch."""

    HOLDS = "holds"
    DIFFERS = "DIFFERS"
    UNCHECKED = "not checked"


class Checked(msgspec.Struct, frozen=True):
    """One batch against the journal. `number` counts the publisher's batches from 0."""

    number: int
    logged: Logged
    root: Answer
    figures: Answer


class OnchainVerdict(msgspec.Struct, frozen=True):
    """What held, and in `findings` one sentence for each thing that did not."""

    batches: list[Checked]
    findings: list[str]
    anchored: int
    """Records up to the last batch whose root is the journal's."""
    records: int

    @property
    def unchecked(self) -> int:
        """Batches that could not be looked at in whole, since the journal does not hold in itself."""
        return sum(Answer.UNCHECKED in (one.root, one.figures) for one in self.batches)

    @property
    def ok(self) -> bool:
        return not self.findings and not self.unchecked

    @property
    def unanchored(self) -> int:
        """Records that no anchor vouches for yet."""
        return self.records - self.anchored


class Recomputed(msgspec.Struct, frozen=True):
    """What the journal gives. `records` of it hold; `roots` and `figures` after as many records as were anchored."""

    records: int
    roots: Mapping[int, bytes]
    figures: Mapping[int, Sequence[Figure]]
    names: Mapping[bytes, str]
    damaged: bool = False
    """The journal does not hold in itself: nothing after `records` could be looked at."""


def check(told: Told, journal: Recomputed, published: Mapping[int, Sequence[Figure]]) -> OnchainVerdict:
    """`published`: figures as their publisher kept them, by records, to name the one that differs; it may be empty."""
    findings = chain_findings(told)
    checked: list[Checked] = []
    before, anchored = -1, 0
    broken = False
    for number, logged in enumerate(told.batches):
        batch = logged.batch
        rising = batch.records > before
        if not rising:
            findings.append(
                f"batch {number} is of {batch.records:,} records and follows one of {before:,}: "
                "this publisher anchored another journal too, or another past of this one"
            )
        root, why = _root(number, batch, journal, before, first=not broken)
        figures, more = _figures(number, batch, journal, published.get(batch.records), root)
        findings += [*why, *more]
        broken = broken or root is Answer.DIFFERS
        if root is Answer.HOLDS and rising and not broken:
            anchored = batch.records
        before = max(before, batch.records)
        checked.append(Checked(number, logged, root, figures))
    if not told.batches and not findings:
        findings.append("this publisher has anchored nothing at this contract: there is nothing to hold the journal to")
    return OnchainVerdict(checked, findings, anchored, journal.records)


def chain_findings(told: Told) -> list[str]:
    """Does the log give the head that the contract keeps? A node that leaves a log out or changes one is found here."""
    findings = []
    if not told.genuine:
        findings.append("the code at the anchor's address is not that of Anchor: what it tells proves nothing")
    link = NO_LINK
    for number, logged in enumerate(told.batches):
        if logged.before != link:
            findings.append(
                f"the log has a gap before batch {number}: it follows {_short(logged.before)}, and what was told until "
                f"then leads to {_short(link)}. The node left something out, changed it, or was asked too late a block"
            )
        link = link_after(logged.before, logged.batch)
    if link != told.head:
        findings.append(
            f"the log leads to {_short(link)}, but the contract keeps {_short(told.head)}: "
            "the node left out or changed what came last. Ask another node"
        )
    return findings


def _root(number: int, batch: Batch, journal: Recomputed, before: int, *, first: bool) -> tuple[Answer, list[str]]:
    """The batch's root against the journal's; told only of the first batch that differs, since all after it must."""
    at = batch.records
    if at > journal.records:
        if journal.damaged:
            return Answer.UNCHECKED, []
        lacks = f"batch {number} is of {at:,} records, but the journal has {journal.records:,}"
        return Answer.DIFFERS, [f"{lacks}: its end was cut off after it was anchored"] if first else []
    if journal.roots[at] == batch.journal_root:
        return Answer.HOLDS, []
    if not first:
        return Answer.DIFFERS, []
    where = f"among records {max(before, 0):,} to {at - 1:,}" if at > before else "in the records before"
    return Answer.DIFFERS, [
        f"batch {number}: after {at:,} records the root anchored is {batch.journal_root.hex()}, and the journal's is "
        f"{journal.roots[at].hex()}. Something {where} is not what it was when it was anchored"
    ]


def _figures(
    number: int, batch: Batch, journal: Recomputed, published: Sequence[Figure] | None, root: Answer
) -> tuple[Answer, list[str]]:
    """The batch's figures against those recomputed; they can only be those of a journal whose root holds."""
    ours = journal.figures.get(batch.records)
    if root is not Answer.HOLDS or ours is None:
        return Answer.UNCHECKED, []
    if tree_of(ours).root == batch.figures_root:
        return Answer.HOLDS, []
    known = published is not None and tree_of(published).root == batch.figures_root
    if not known or published is None:
        which = "which of them differs only its publisher can say: the file of its figures is not beside the journal"
    else:
        which = "; ".join(_differences(published, ours, journal.names))
    return Answer.DIFFERS, [f"batch {number}: the figures anchored are not those of the journal; {which}"]


def _differences(published: Sequence[Figure], ours: Sequence[Figure], names: Mapping[bytes, str]) -> list[str]:
    theirs, own = ({(f.kind, f.subject): f.value for f in figures} for figures in (published, ours))
    sentences = []
    for kind, subject in sorted(theirs.keys() | own.keys()):
        told, found = theirs.get((kind, subject)), own.get((kind, subject))
        if told != found:
            who, unit = names.get(subject, "0x" + subject.hex()), UNITS.get(kind, "")
            sentences.append(f"{kind} of {who}: anchored {_shown(told)}, recomputed {_shown(found)} {unit}".rstrip())
    return sentences


def _shown(value: int | None) -> str:
    return "nothing" if value is None else f"{value:,}"


def _short(link: bytes) -> str:
    return "0x" + link.hex()[:16] + "…"
