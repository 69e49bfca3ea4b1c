"""Why an instrument's market data is not trusted. None of them: every part of the staleness proof holds."""

from __future__ import annotations

from enum import IntFlag


class Doubt(IntFlag):
    """What the proof lacks. Silence alone is no fault, and a live connection alone is no proof."""

    NONE = 0
    DISCONNECTED = 1  # the stream is down
    UNSUBSCRIBED = 2  # the venue has not confirmed the subscription
    NO_SNAPSHOT = 4  # nothing whole was seen since the last gap
    SILENT = 8  # the venue's stamp is old, and no liveness probe was answered since
    CROSSED = 16  # bid at or above ask
    DISAGREES = 32  # the book's hash, or the same book asked for by another way, says otherwise
    SKEWED = 64  # the venue's clock and ours differ too much to judge any age

    @property
    def text(self) -> str:
        """All of them, for people."""
        return "; ".join(_TEXT[one] for one in Doubt if one and one in self) or "trusted"


_TEXT = {
    Doubt.DISCONNECTED: "the stream is down",
    Doubt.UNSUBSCRIBED: "the venue has not confirmed the subscription",
    Doubt.NO_SNAPSHOT: "no whole book since the last gap",
    Doubt.SILENT: "nothing new from the venue, and it answers no probe",
    Doubt.CROSSED: "the book is crossed",
    Doubt.DISAGREES: "the book disagrees with a second source",
    Doubt.SKEWED: "the venue's clock and ours differ too much",
}
