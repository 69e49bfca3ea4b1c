"""Chains on this machine: one in Python, and anvil."""
