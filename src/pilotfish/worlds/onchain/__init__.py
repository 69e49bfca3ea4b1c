"""Journals and chains: roots and figures anchored, and held against what the chain says."""
