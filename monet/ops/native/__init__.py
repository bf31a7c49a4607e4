"""Which ops are native: whether their library can be used, and where."""
