"""From the name of a figure to the proof of it that anybody can check by one call of the contract."""

from __future__ import annotations

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.proof.anchoring import Proof, digest
from pilotfish.venues.evm.proof.figures import Figure, ordered, tree_of
from pilotfish.venues.evm.proof.reading import Told
from pilotfish.worlds.onchain.checking import Recomputed
from pilotfish.worlds.onchain.figures import ALL_LEADS


def proof_of(name: str, publisher: str, told: Told, journal: Recomputed) -> Proof:
    """`kind`, `kind:lead` or `kind:lead@batch`; without a lead that of all, without a batch the newest that has it.

    Raises ConfigError, which lists the figures there are.
    """
    what, _, at = name.partition("@")
    kind, _, who = what.partition(":")
    numbers = range(len(told.batches) - 1, -1, -1)
    if at:
        if not at.isdecimal() or int(at) not in numbers:
            raise ConfigError(f"--proof {name}", f"there is no batch {at}", f"0 to {len(told.batches) - 1}")
        numbers = range(int(at), int(at) + 1)
    for number in numbers:
        batch = told.batches[number].batch
        figures = ordered(journal.figures.get(batch.records, []))
        for index, figure in enumerate(figures):
            if figure.kind == kind and journal.names.get(figure.subject) == (who or ALL_LEADS):
                later = [digest(after.batch) for after in told.batches[number + 1 :]]
                path = tree_of(figures).proof(index)
                return Proof(publisher, told.batches[number].before, batch, later, figure, path)
    there = sorted({_name(f, journal) for one in told.batches for f in journal.figures.get(one.batch.records, [])})
    raise ConfigError(f"--proof {name}", "there is no such figure", f"one of: {', '.join(there) or 'none'}")


def _name(figure: Figure, journal: Recomputed) -> str:
    who = journal.names.get(figure.subject, figure.subject.hex())
    return figure.kind if who == ALL_LEADS else f"{figure.kind}:{who}"
