"""The same core against venues that exist: paper (public data, simulated fills) and live (our keys)."""
