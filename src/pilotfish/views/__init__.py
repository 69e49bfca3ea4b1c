"""Read models: what the journal means to people. Rebuilt from events and facts at any time; nothing depends on them."""
