"""The lead's resting orders, mirrored and kept in step."""
