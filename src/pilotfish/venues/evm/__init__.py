"""Chains that speak the Ethereum Virtual Machine."""
