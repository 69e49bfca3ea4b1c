"""Files to text: which files, unpacked, decoded, with what is damaged reported and what is whole kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pilotfish.venues.recordings.rows import Issues, damaged

GZIP = b"\x1f\x8b"
UNPACKED_MAX = 1 << 29  # half a GiB of text is no account's history, but a bomb or a mistake
_CHUNK = 1 << 10  # what a damaged byte can cost


@dataclass(slots=True)
class Source:
    """One file's content. `raw` is the file as it lies on disk; `text` the unpacked text ("" for a database).

    Bytes that are not UTF-8 are lone surrogates in `text`, so that a reader can tell which row they damage.
    """

    path: Path
    raw: bytes
    text: str
    unpacked: bool

    @property
    def stem(self) -> str:
        """The file's name without its extensions: the account's name where the file states none."""
        return self.path.name.partition(".")[0] or self.path.name


def expand(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file, and whether a folder led to it. Folders are walked in name order; dot files in them are left out."""
    for path in paths:
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if p.is_file())
            yield from ((p, True) for p in inside if not any(x.startswith(".") for x in p.relative_to(path).parts))
        else:
            yield path, False


def load(path: Path, issues: Issues) -> Source | None:
    """Read and unpack a file; None (with an issue) when there is nothing to read."""
    try:
        if (size := path.stat().st_size) > UNPACKED_MAX:
            issues.add(0, "", f"has {size >> 20} MiB, more than {UNPACKED_MAX >> 20}", "split it")
            return None
        raw = path.read_bytes()
    except OSError as bad:
        issues.add(0, "", f"cannot be read ({bad.strerror or bad})", "check the path and its permissions")
        return None
    if not raw:
        issues.add(0, "", "the file is empty", "export it again")
        return None
    if is_database(raw):
        return Source(path, raw, "", False)
    unpacked = raw.startswith(GZIP)
    content = _gunzip(raw, issues) if unpacked else raw
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    decoded = content.decode("utf-8", "surrogateescape")
    if not decoded.strip():
        issues.add(0, "", "the file holds no text", "export it again")
        return None
    if decoded.count("\x00") > len(decoded) // 100:
        issues.add(0, "", "the content is binary, or text in UTF-16", "save it as UTF-8")
        return None
    return Source(path, raw, decoded, unpacked)


def is_database(raw: bytes) -> bool:
    """DuckDB's mark: https://duckdb.org/docs/stable/internals/storage."""
    return raw[8:12] == b"DUCK"


def damaged_lines(text: str) -> int:
    """How many lines hold bytes that are not UTF-8."""
    return sum(damaged(line) for line in text.split("\n")) if damaged(text) else 0


def _gunzip(raw: bytes, issues: Issues) -> bytes:
    """All members of a gzip file; where it is cut or damaged, what came before."""
    out, at = bytearray(), 0
    while raw.startswith(GZIP, at):
        member = zlib.decompressobj(wbits=31)
        try:
            while at < len(raw) and not member.eof:
                out += member.decompress(raw[at : at + _CHUNK], UNPACKED_MAX - len(out) + 1)
                at += _CHUNK
                if len(out) > UNPACKED_MAX:
                    why = f"unpacks to more than {UNPACKED_MAX >> 20} MiB"
                    issues.add(0, "", why, "split it: only the start is read")
                    return bytes(out[:UNPACKED_MAX])
        except zlib.error as bad:
            issues.add(_line(out), "", f"the gzip stream is damaged after {len(out)} bytes ({bad})", "copy it again")
            return bytes(out)
        if not member.eof:
            issues.add(_line(out), "", f"the gzip stream ends too soon, after {len(out)} bytes", "copy the file again")
            return bytes(out)
        at = min(at, len(raw)) - len(member.unused_data)
    if raw[at:].strip(b"\x00"):
        issues.add(_line(out), "", f"{len(raw) - at} bytes after the gzip stream are none", "they are left out")
    return bytes(out)


def _line(content: bytearray) -> int:
    return content.count(b"\n") + 1
