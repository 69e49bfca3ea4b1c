"""What anybody may see: books, marks, and what leads do."""
