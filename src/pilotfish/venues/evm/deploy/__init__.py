"""From settings to a whole system that the timelock owns."""
