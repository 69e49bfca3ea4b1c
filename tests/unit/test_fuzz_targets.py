"""The fuzzers themselves: they reach what they are for, find a defect that is planted, and find none in the codecs."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from pilotfish.domain.events import BookTop, Fill, Mark
from tests.fuzz import hyperliquid_target, polymarket_target
from tests.fuzz.damage import damaged, torn
from tests.fuzz.run import Worn, mutator
from tests.fuzz.sound import Unsound, check

ROOT = Path(__file__).parents[2]
RUNS = 6_000
TOP = BookTop(1, 2, 0, 100, 5, 101, 5)
TARGETS = (hyperliquid_target, polymarket_target)
atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: it is for Linux and Python below 3.14",
)


def fuzz(tmp_path: Path, *python: str) -> tuple[int, str]:
    """A fuzzer in a process of its own; its exit code and what it said."""
    said = [f"-runs={RUNS}", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, *python, *said]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True, timeout=240)
    return done.returncode, done.stdout + done.stderr


@atheris
@pytest.mark.parametrize("venue", ["hyperliquid", "polymarket"])
def test_thousands_of_damaged_frames_reach_much_of_the_code_and_break_none_of_it(venue: str, tmp_path: Path) -> None:
    code, said = fuzz(tmp_path, f"tests/fuzz/atheris_{venue}.py")
    assert code == 0, said[-3_000:]
    assert f"Done {RUNS} runs" in said
    started, ended = (int(re.findall(pattern, said)[-1]) for pattern in (r"INITED cov: (\d+)", r"DONE   cov: (\d+)"))
    assert ended > 4 * started


@atheris
def test_a_defect_that_is_planted_is_found_with_the_frames_that_it_takes(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests/fuzz')!r}]\n"
        "import atheris_polymarket\n"
        "from pilotfish.venues.polymarket.public import books\n"
        "books.Book.apply = lambda book, change: [][change.price]\n"
        "atheris_polymarket.main()\n"
    )
    code, said = fuzz(tmp_path, str(tmp_path / "planted.py"))
    assert code != 0
    assert "IndexError" in said
    assert list(tmp_path.glob("crash-*"))


# -- what they are made of ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed_is_understood_and_breaks_nothing(target) -> None:
    seeds = target.seeds()
    session = target.session()
    for k, raw in enumerate(seeds):
        target.codec(raw)
        target.feed(session, raw, k)
    assert sum(bool(target.codec(raw)) for raw in seeds) >= len(seeds) // 2


def test_recorded_frames_are_seeds_where_there_are_any(shared_data: Path) -> None:
    for target in TARGETS:
        assert len(target.seeds(shared_data)) > len(target.seeds()) + 5


@pytest.mark.parametrize("target", TARGETS)
def test_the_same_seed_does_the_same_damage_of_every_kind(target) -> None:
    seeds = target.seeds()
    damage = mutator(seeds)
    made = [damage(b"", 10_000, seed) for seed in range(2_000)]
    assert made == [damage(b"", 10_000, seed) for seed in range(2_000)]
    assert len(set(made)) > 1_500
    assert any(b"NaN" in one for one in made)
    assert any(b"[[[[" in one for one in made)
    assert max(map(len, made)) <= 10_000
    read = sum(bool(target.codec(raw)) for raw in made)
    assert len(made) // 12 < read < len(made) // 2, "some of it must be readable, and some must not"


def test_bytes_that_are_no_json_are_torn_too() -> None:
    assert {damaged(b"PONG", Random(seed)) for seed in range(20)} <= {torn(b"PONG", Random(seed)) for seed in range(20)}


def test_a_session_is_worn_out_and_replaced_and_a_defect_names_the_frames_before_it() -> None:
    made: list[list[bytes]] = []

    def begin() -> list[bytes]:
        made.append([])
        return made[-1]

    def feed(heard: list[bytes], raw: bytes, count: int) -> None:
        heard.append(raw)
        if heard[-2:] == [b"a", b"b"]:
            raise KeyError("b after a")

    worn = Worn(begin, feed)
    for _ in range(300):
        worn.hear(b"x")
    assert len(made) == 3
    worn.hear(b"a")
    with pytest.raises(KeyError, match="b after a"):
        worn.hear(b"b")
    assert made[-1] == [b"a", b"b"], "the frames are tried again, ever more of them, until it happens"


@pytest.mark.parametrize(
    "event",
    [
        replace(TOP, bid=101), replace(TOP, bid=-1), replace(TOP, ask_lots=0), replace(TOP, bid=0),
        replace(TOP, venue_ns=2**63), Mark(1, 2, 0, 0), Fill(1, 2, 3, 4, 0, 6, 7, 8), Fill(1, 2, 3, 4, 5, 6, 7, 2**70),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_is_unsound(event) -> None:
    with pytest.raises(Unsound):
        check([TOP, event])


def test_events_that_can_be_are_sound() -> None:
    check([TOP, replace(TOP, bid=0, bid_lots=0), Mark(1, 2, 0, 5), Fill(1, 2, 3, 4, 5, 6, 7, -8)])
