"""Double entry in two phases, integers: an order reserves, a fill posts, a cancel voids. Every asset sums to zero."""
