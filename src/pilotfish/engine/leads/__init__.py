"""What leads do: fills, positions and notices become moves, moves become targets."""
