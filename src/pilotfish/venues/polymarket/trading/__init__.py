"""Our own orders: sent, told of, asked about, settled or taken back."""
