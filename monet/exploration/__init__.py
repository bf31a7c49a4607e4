"""What is in a dataset: counts, sizes, colours, duplicates, damage, as a report on disk."""
