"""Our contracts as Python calls and reads them."""
