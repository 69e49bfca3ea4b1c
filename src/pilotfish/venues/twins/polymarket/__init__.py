"""Polymarket's CLOB V2, data API and gamma, over simulated matching."""
