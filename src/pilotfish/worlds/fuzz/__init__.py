"""Whole systems from a seed, with every fault, and an auditor that was written apart from what it checks."""
