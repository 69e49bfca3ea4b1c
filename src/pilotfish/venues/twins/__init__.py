"""Local servers that speak the venues' own wire protocols: for tests, fault tables and demonstrations."""
