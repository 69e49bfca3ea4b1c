"""Who has reached the line."""
