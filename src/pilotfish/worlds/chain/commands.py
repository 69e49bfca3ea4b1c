"""`pilotfish chain up`, `deploy` and `status`, apart from how they are typed."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy import packages
from pilotfish.venues.evm.deploy.checks import cost_wei, findings
from pilotfish.venues.evm.deploy.local import deploy_locally
from pilotfish.venues.evm.deploy.record import Record, read_record
from pilotfish.venues.evm.deploy.settings import read_settings
from pilotfish.venues.evm.deploy.steps import Deployer
from pilotfish.venues.evm.deploy.system import deploy_system
from pilotfish.venues.evm.node.accounts import CHAIN_ID, local_keys
from pilotfish.venues.evm.node.nodes import best_kind, local_node
from pilotfish.venues.keys.key import Key
from pilotfish.venues.keys.keystore import Keystore
from pilotfish.worlds.chain.reach import DEPLOYMENT, URL, reached, record_of, url_of
from pilotfish.worlds.chain.standing import standing
from pilotfish.worlds.live.commands import read_password
from pilotfish.worlds.live.settings import Keys


class UpJob(msgspec.Struct, frozen=True):
    """What `pilotfish chain up` was asked for."""

    node: str
    port: int
    out: Path
    deploy: bool = True


def up(job: UpJob, console: Console) -> None:
    """Start a chain, deploy, say where everything is, and wait for Ctrl-C."""
    packages.install(lambda said: console.print(said, soft_wrap=True))
    forget_local(job.out)
    with local_node(best_kind() if job.node == "auto" else job.node, job.port) as node:
        job.out.mkdir(parents=True, exist_ok=True)
        (job.out / URL).write_text(node.url + "\n")
        console.print(f"{node.kind} chain at {node.url} (WebSocket: {node.socket_url})", highlight=False)
        try:
            if job.deploy:
                asyncio.run(deploy_local(node.url, job.out, console))
            console.print(
                "Ctrl-C stops it, and it is gone. In another terminal: pilotfish chain status", highlight=False
            )
            with suppress(KeyboardInterrupt):
                signal.pause()
        finally:
            (job.out / URL).unlink(missing_ok=True)


def forget_local(folder: Path) -> None:
    """A new local chain knows nothing of the last one. Raises ConfigError where the folder is a public chain's."""
    record = read_record(folder / DEPLOYMENT)
    if record is None:
        return
    if record.chain_id != CHAIN_ID:
        why = f"is the deployment on chain {record.chain_id}"
        raise ConfigError(f"{folder / DEPLOYMENT}", why, "name another folder with --out")
    (folder / DEPLOYMENT).unlink()


async def deploy_local(url: str, folder: Path, console: Console) -> Record:
    """The whole system with a market of its own, by the first of the accounts that everybody knows."""
    async with reached(url) as client:
        with console.status("deploying") as status:
            tell = lambda name: status.update(f"deploying: {name}")  # noqa: E731
            deployer = await Deployer.begin(client, local_keys()[0], folder / DEPLOYMENT, tell)
            await deploy_locally(deployer)
    console.print(addresses(deployer.record))
    return deployer.record


class DeployJob(msgspec.Struct, frozen=True):
    """What `pilotfish chain deploy` was asked for. `confirm`: the sentence that says which chain is meant."""

    settings: Path
    rpc: str
    key: str
    keys: Keys
    out: Path
    confirm: str = ""


def deploy(job: DeployJob, console: Console) -> bool:
    """Deploy by a settings file, or go on with it. False where it was only said what would be done."""
    settings = read_settings(job.settings)
    packages.install(lambda said: console.print(said, soft_wrap=True))
    sentence = f"deploy on chain {settings.chain_id}"

    async def ask() -> bool:
        async with reached(job.rpc) as client:
            if found := await findings(client, settings, job.key.lower()):
                raise ConfigError(str(job.settings), "; ".join(found), "mend that first: nothing was sent")
            if job.confirm != sentence:
                cost = await cost_wei(client) / 10**18
                console.print(f"It may cost {cost:.4f} of the chain's coin. To go on: --confirm {sentence!r}")
                return False
            key = unlocked(job)
            deployer = await Deployer.begin(client, key, job.out / DEPLOYMENT, lambda name: console.print(f"  {name}"))
            await deploy_system(deployer, settings)
        console.print(addresses(deployer.record))
        return True

    return asyncio.run(ask())


def unlocked(job: DeployJob) -> Key:
    """The deployer's key, in this process for as long as it deploys. Raises KeyRefused, ConfigError."""
    store = Keystore(Path(job.keys.folder).expanduser())
    if job.key.lower() not in store.addresses():
        raise ConfigError(f"key {job.key}", f"is not in {store.folder}", "pilotfish keys new makes one")
    return store.unlock(job.key, read_password(job.keys.password_file))


def addresses(record: Record) -> Table:
    """Every contract of a deployment, what it cost, and all of it together."""
    table = Table(title=f"{'deployed' if record.complete else 'begun'} on chain {record.chain_id}")
    for column in ("contract", "address", "gas"):
        table.add_column(column, justify="right" if column == "gas" else "left", no_wrap=True)
    for name, address in record.given.items():
        table.add_row(name, address, "")
    for name, step in record.steps.items():
        if step.address:
            table.add_row(name, step.address, f"{step.gas_used:,}")
    acts = sum(step.gas_used for step in record.steps.values() if not step.address)
    table.add_row("everything else", "", f"{acts:,}")
    return table


def status(rpc: str, folder: Path, console: Console) -> bool:
    """Say what stands. Whether all of it is as it should be."""
    record = record_of(folder)

    async def look() -> bool:
        async with reached(url_of(folder, rpc)) as client:
            found = await standing(client, record)
        console.print(*found.tables())
        for fault in found.faults:
            console.print(f"[red]{fault}[/]", highlight=False, soft_wrap=True)
        return not found.faults

    return asyncio.run(look())
