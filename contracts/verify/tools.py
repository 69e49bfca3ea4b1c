"""The programs that verify: forge by npm's lock, slither and halmos each in a venv of hashed pins, our own compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from contracts.build import HERE as CONTRACTS
from contracts.build import NODE, NPM, install

HERE = Path(__file__).resolve().parent
ROOT = CONTRACTS.parent
OUT = ROOT / "out/verify"
FORGE = OUT / "forge/node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
COMPILER = OUT / "solc"
VENVS = ("slither", "halmos")


def program(tool: str) -> Path:
    return OUT / tool / "bin" / tool


def environment(project: Path = CONTRACTS) -> dict[str, str]:
    """For forge, and for those that call it: our compiler, and nothing written into the sources' folder."""
    below = project.relative_to(ROOT)
    return {
        **os.environ,
        "PATH": f"{FORGE.parent}{os.pathsep}{os.environ['PATH']}",
        "FOUNDRY_SOLC": str(COMPILER),
        "FOUNDRY_OUT": str(OUT / "built" / below),
        "FOUNDRY_CACHE_PATH": str(OUT / "cache" / below),
        "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
        "NO_COLOR": "1",
    }


def proofs(project: Path = CONTRACTS) -> dict[str, str]:
    """The same for halmos, which builds the proofs alone, and without forge's links between tests and sources."""
    below = project.relative_to(ROOT)
    built = {"FOUNDRY_OUT": str(OUT / "proofs" / below), "FOUNDRY_CACHE_PATH": str(OUT / "proofs-cache" / below)}
    return environment(project) | {"FOUNDRY_PROFILE": "proofs"} | built


def install_all() -> None:
    """Whatever is not there or not as the locks say. Raises SystemExit with what to do where it cannot."""
    OUT.mkdir(parents=True, exist_ok=True)
    install()
    _compiler()
    try:
        _forge()
        for tool in VENVS:
            _venv(tool)
    except subprocess.CalledProcessError as failed:
        raise SystemExit(
            f"verify: {' '.join(map(str, failed.cmd[:4]))} … ended with {failed.returncode}. The tools are on PyPI and "
            "npm: check that both can be reached, and that there is a C compiler (halmos may have to build a library)."
        ) from None


def _compiler() -> None:
    COMPILER.write_text(f'#!/bin/sh\nexec "{NODE}" "{CONTRACTS / "solc.cjs"}" "$@"\n')
    COMPILER.chmod(0o755)


def _forge() -> None:
    folder, lock = OUT / "forge", HERE / "package-lock.json"
    if FORGE.exists() and (folder / lock.name).read_bytes() == lock.read_bytes():
        return
    print("verify: installing forge", file=sys.stderr, flush=True)
    folder.mkdir(exist_ok=True)
    for name in ("package.json", ".npmrc"):
        shutil.copy(HERE / name, folder)
    shutil.copy(lock, folder)
    subprocess.run([NODE, NPM, "ci", "--loglevel=error"], cwd=folder, check=True, stdout=sys.stderr)


def _venv(tool: str) -> None:
    folder, pins = OUT / tool, HERE / f"requirements-{tool}.txt"
    stamp = folder / pins.name
    if stamp.exists() and stamp.read_bytes() == pins.read_bytes():
        return
    print(f"verify: installing {tool}", file=sys.stderr, flush=True)
    venv.create(folder, clear=True, with_pip=True)
    pip = [folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", pins]
    subprocess.run(pip, check=True, stdout=sys.stderr)
    shutil.copy(pins, stamp)
