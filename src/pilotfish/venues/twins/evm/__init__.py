"""A small chain with one market, to be tried on: blocks, logs, replaced blocks, faults from a seed."""
