"""Private keys: kept encrypted, used where they are, shown nowhere."""
