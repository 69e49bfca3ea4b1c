"""Lead position → target position per follow; allocation of a block fill. Pure functions on columns."""
