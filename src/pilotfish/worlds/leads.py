"""`pilotfish leads` and `pilotfish recommend`: judge, print, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from pilotfish.domain.errors import ConfigError
from pilotfish.evidence.page import render_page
from pilotfish.evidence.recommend import recommend
from pilotfish.evidence.schema import LeadsReport
from pilotfish.evidence.table import leads_tables, recommendation_text
from pilotfish.worlds.leads_judge import LeadsJob, judge

DEFAULT = Path("out/leads/leads.json")
_decoder = msgspec.json.Decoder(LeadsReport)


def leads_command(job: LeadsJob, console: Console) -> LeadsReport:
    """Rank, print, and write leads.json and leads.html where a folder is named."""
    report = judge(job, console)
    for table in leads_tables(report):
        console.print(table, highlight=False, markup=False, soft_wrap=isinstance(table, str))
    if job.out is not None:
        path = write(report, job.out)
        console.print(f"all of it: {path}", highlight=False, soft_wrap=True)
    return report


def recommend_command(files: Sequence[Path], capital: float, job: LeadsJob, console: Console) -> None:
    """From a leads.json, or from recordings that are judged first."""
    if not 1 <= capital <= 1e9:
        raise ConfigError(f"--capital {capital:g}", "is not between 1 and a billion USDC", "for example --capital 500")
    if not files:
        files = [DEFAULT]
        if not DEFAULT.exists():
            raise ConfigError(str(DEFAULT), "is not there", "run pilotfish leads FILE... first, or name a leads.json")
    known = [report for file in files if (report := read_report(file)) is not None]
    if known and len(files) > 1:
        raise ConfigError("a leads.json among other files", "each holds its own comparison", "give one, or recordings")
    report = known[0] if known else judge(msgspec.structs.replace(job, files=files), console)
    console.print(
        recommendation_text(recommend(report, capital), report), highlight=False, markup=False, soft_wrap=True
    )


def read_report(path: Path) -> LeadsReport | None:
    """The report in a leads.json; None where the file is something else. Raises ConfigError for a damaged one."""
    try:
        raw = path.read_bytes() if path.is_file() else b""
    except OSError as bad:
        raise ConfigError(str(path), f"cannot be read ({bad.strerror})", "check the path") from bad
    if not raw.startswith(b'{"kind":"pilotfish leads"'):
        return None
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError as bad:
        raise ConfigError(str(path), f"is a damaged leads.json ({bad})", "run pilotfish leads again") from bad


def write(report: LeadsReport, out: Path) -> Path:
    path = out / "leads.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(report))
        (out / "leads.html").write_text(render_page(report), encoding="utf-8")
    except OSError as bad:
        raise ConfigError(f"--out {out}", f"cannot be written ({bad.strerror})", "name another folder") from bad
    return path
