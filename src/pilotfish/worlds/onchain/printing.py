"""What `verify --onchain` found, for people."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pilotfish.venues.evm.proof.anchoring import Proof
from pilotfish.venues.evm.proof.figures import LAG, NAV, SLIPPAGE, UNITS
from pilotfish.venues.evm.proof.reading import Told
from pilotfish.worlds.onchain.checking import Answer, Checked, OnchainVerdict, Recomputed

ROWS = 12  # of batches that hold; those that do not are all shown
SCALES = {NAV: 18, SLIPPAGE: 6, LAG: 6}
"""Decimals between a figure's own unit and what is shown: one, bps, ms."""
_COLOUR = {Answer.HOLDS: "green", Answer.DIFFERS: "bold red", Answer.UNCHECKED: "yellow"}


def print_verdict(anchor: str, publisher: str, told: Told, verdict: OnchainVerdict, console: Console) -> None:
    """Where it was looked, what the batches cost, and each of them against the journal."""
    facts = Table(show_header=False, box=None)
    final = [logged for logged in told.batches if told.final is not None and logged.block <= told.final]
    finality = "this chain knows no finality" if told.final is None else f"{len(final)} of {len(told.batches)}"
    for name, value in (
        ("chain", f"{told.chain}, as {told.node} tells it"),
        ("as of block", f"{told.block} {told.block_hash}"),
        ("anchor", anchor), ("publisher", publisher), ("head", "0x" + told.head.hex()),
        ("batches", str(len(told.batches))), ("batches in final blocks", finality),
        ("they cost", f"{told.gas:,} gas, {Decimal(told.cost_wei).scaleb(-18).normalize():f} of the chain's coin"),
        ("records anchored", f"{verdict.anchored:,} of {verdict.records:,}"),
    ):  # fmt: skip
        facts.add_row(name, value)
    console.print(facts, highlight=False, soft_wrap=True)
    console.print(_batches(verdict.batches, told.block), highlight=False)


def print_figures(told: Told, journal: Recomputed, verdict: OnchainVerdict, console: Console) -> None:
    """Those of the newest batch that holds, each as anchored and recomputed."""
    number = next((one.number for one in reversed(verdict.batches) if one.figures is Answer.HOLDS), None)
    figures = journal.figures.get(told.batches[number].batch.records) if number is not None else None
    if not figures:
        return
    values = {(figure.subject, figure.kind): figure.value for figure in figures}
    table = Table("lead", "NAV per share", "slippage, bps", "lag, ms", title=f"figures of batch {number}")
    subjects = list(dict.fromkeys(figure.subject for figure in figures))
    for subject in subjects[:ROWS]:
        scaled = (_scaled(values.get((subject, kind)), digits) for kind, digits in SCALES.items())
        table.add_row(escape(journal.names.get(subject, "0x" + subject.hex())), *scaled)
    if len(subjects) > ROWS:
        table.caption = f"{len(subjects) - ROWS} more leads are not shown; --proof names any"
    console.print(table, highlight=False)


def _scaled(value: int | None, digits: int) -> str:
    return "–" if value is None else f"{Decimal(value).scaleb(-digits).normalize():f}"


def print_outcome(verdict: OnchainVerdict, console: Console) -> None:
    """What does not hold; or that all of it does, and what no anchor vouches for."""
    for finding in verdict.findings:
        console.print(f"[bold red]DOES NOT HOLD[/] on chain: {escape(finding)}", highlight=False, soft_wrap=True)
    if verdict.unchecked and not verdict.findings:
        why = f"{verdict.unchecked} batches could not be looked at in whole, since the journal does not hold"
        console.print(f"[yellow]not checked[/] on chain: {why}", highlight=False, soft_wrap=True)
    if not verdict.ok:
        return
    if verdict.unanchored:
        console.print(f"[yellow]not anchored yet[/]: the last {verdict.unanchored:,} records", highlight=False)
    console.print("[green]holds on chain[/]: every root and figure that was anchored was recomputed", highlight=False)


def _batches(batches: list[Checked], block: int) -> Table:
    table = Table("batch", "records", "block", "confirmations", "root", "figures")
    good = [one for one in batches if Answer.DIFFERS not in (one.root, one.figures)]
    hidden = {one.number for one in good[: max(len(good) - ROWS, 0)]}
    for one in batches:
        if one.number in hidden:
            continue
        marks = [f"[{_COLOUR[answer]}]{answer.value}[/]" for answer in (one.root, one.figures)]
        logged = one.logged
        table.add_row(
            str(one.number), f"{logged.batch.records:,}", str(logged.block), str(block - logged.block), *marks
        )
    if hidden:
        table.caption = f"{len(hidden)} earlier batches that hold are not shown"
    return table


def print_proof(anchor: str, told: Told, proof: Proof, data: bytes, console: Console) -> None:
    """A call that anybody can make, at any node of the chain; nothing is wrapped, so that it can be copied."""
    figure = proof.figure
    call = f'{{"to":"{anchor}","data":"0x{data.hex()}"}}'
    asked = f'{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{call},"latest"]}}'
    for line in (
        f"proof: {figure.kind} = {figure.value} {UNITS[figure.kind]} of subject 0x{figure.subject.hex()}",
        f"       {len(proof.path)} hashes up to the batch's root, {len(proof.later)} batches after it",
        f"send this to any node of chain {told.chain}; the answer is 1 (true):",
        asked,
        f"It is good while the publisher's head is 0x{told.head.hex()}; after another batch print it again.",
    ):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
