"""What another package can bring to Pilotfish: a sizing mode, and a gate check."""
