"""The two programs of the crash tests: `venue`, which lives on, and `shard`, which is killed again and again.

They speak with the test by lines on pipes. The shard says what it does, so that the test can kill it there, and with
`hold` it stops for good at the moment named, so that the kill lands exactly there.
"""

import sys
import threading
from pathlib import Path

from pilotfish.journal.sqlite import SqliteJournal
from pilotfish.venues.sim.remote import RemoteVenue
from pilotfish.worlds.shard import Shard

SECOND = 1_000_000_000
TIMER_NS = SECOND // 4
SETTLED_NS, NEVER_SETTLES_NS = 20 * SECOND, 600 * SECOND
SLICES_PER_SNAPSHOT = 5


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Moments:
    """Counts the moments that pass; at the one the test asked for it says `here`, and stops there with `hold`."""

    def __init__(self, name: str, count: int, how: str) -> None:
        self.name, self.left, self.how = name, count, how

    def pass_by(self, name: str) -> None:
        if name != self.name:
            return
        self.left -= 1
        if self.left == 0:
            say("here")
            if self.how == "hold":
                sys.stdin.read()  # for ever: the test does not close this pipe


class WatchedJournal(SqliteJournal):
    moments: Moments

    def commit(self) -> None:
        self.moments.pass_by("buffered")
        super().commit()
        self.moments.pass_by("durable")


class WatchedVenue(RemoteVenue):
    moments: Moments

    def events(self, until_ns):
        told = super().events(until_ns)
        if told:
            self.moments.pass_by("told")
        return told

    def submit(self, commands, now_ns):
        super().submit(commands, now_ns)
        self.moments.pass_by("sent")


def shard(folder: Path, route: str, seed: int, moments: Moments) -> None:
    with WatchedVenue(folder / "venue.sock") as venue, WatchedJournal(folder / "journal.db") as journal:
        journal.moments = venue.moments = moments
        if journal.head.position:
            alive = Shard.open(journal, venue, venue.now_ns)
        else:
            from pilotfish.domain.mandate import Route
            from tests.conformance.crash_world import opening

            alive = Shard(journal, venue)
            alive.handle(opening(Route[route], seed), venue.now_ns)
            alive.commit()
        began, slices = alive.state.now_ns, 0
        while True:
            alive.run(max(alive.state.now_ns, venue.now_ns) + SECOND, TIMER_NS)
            slices += 1
            if moments.how == "finish":
                state, spent = alive.state, alive.state.now_ns - began
                settled = not state.blocks and not state.batches and state.query_ns < 0
                if (spent > SETTLED_NS and settled) or spent > NEVER_SETTLES_NS:
                    alive.checkpoint()
                    return say("settled" if settled else "never settled")
            if slices % SLICES_PER_SNAPSHOT == 0:
                alive.checkpoint()


def venue(folder: Path, route: str, seed: int) -> None:
    import msgspec

    from pilotfish.domain.mandate import Route
    from pilotfish.venues.sim.server import VenueServer
    from tests.conformance.crash_world import LivelyVenue

    lively = LivelyVenue(Route[route], seed)
    server = VenueServer(lively, folder / "venue.sock")
    serving = threading.Thread(target=server.serve)
    serving.start()
    say("serving")
    for line in sys.stdin:
        if line == "quiet\n":
            lively.quiet = True
            say("quiet")
    server.close()
    serving.join()
    (folder / "audit.json").write_bytes(msgspec.json.encode(lively.audit()))


if __name__ == "__main__":
    role, where, which, number, *rest = sys.argv[1:]
    if role == "venue":
        venue(Path(where), which, int(number))
    else:
        shard(Path(where), which, int(number), Moments(rest[0], int(rest[1]), rest[2]))
