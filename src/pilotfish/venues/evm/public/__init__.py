"""What everybody may read of a chain: blocks, pools, leads."""
