"""Cash, funding, fees, insurance; equity and margin."""
