"""From what follows lack to orders, and what the venue says of them."""
