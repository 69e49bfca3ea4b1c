"""A chain on this machine: what is deployed on it, how it stands, and a run that settles on it."""
