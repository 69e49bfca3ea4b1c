"""Bytes over real sockets: the only part of a live venue that knows the network."""
