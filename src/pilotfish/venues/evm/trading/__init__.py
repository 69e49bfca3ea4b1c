"""Our orders on a chain: from a command to a transaction, and from its block to what became of it."""
