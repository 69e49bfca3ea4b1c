"""What anybody may see: books, marks, markets, and what leads do."""
