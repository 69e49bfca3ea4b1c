"""What is proven on chain: roots, figures, seats, badges."""
