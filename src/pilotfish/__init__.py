"""Pilotfish: copy lead traders, make markets, and prove every decision from one journal."""

__version__ = "0.1.0"
