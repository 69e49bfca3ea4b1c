"""Our own orders: sent, told of, asked about, until the venue has said how each ended."""
