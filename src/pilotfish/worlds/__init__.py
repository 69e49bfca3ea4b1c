"""Whole worlds: the loop that joins journal, engine and venue, in its replayed, seeded and fuzzed settings."""
