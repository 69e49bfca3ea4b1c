"""The vocabulary: instruments, quantities, orders, events and commands. Frozen structs; no logic but rounding."""
