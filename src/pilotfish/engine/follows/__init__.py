"""Follows: how they come, stand, are controlled, stopped, hedged, and leave."""
