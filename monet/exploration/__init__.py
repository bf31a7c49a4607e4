"""What is in a dataset: counts, sizes, colours, duplicates, damage, as a report on disk."""

from __future__ import annotations

from monet.exploration.exploring import explore

__all__ = ["explore"]
