"""What a record can prove: returns of the money that was in, intervals, luck, clones, capacity. Pure functions."""
