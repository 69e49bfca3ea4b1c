"""What protects the whole platform: breaker, liquidator, outages, rules."""
