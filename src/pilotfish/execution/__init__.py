"""Approved intents against open orders: the order life cycle, and plans of place, amend and cancel. Pure."""
