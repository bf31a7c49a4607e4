"""Painting pictures of any size with a trained generator."""

from __future__ import annotations

from monet.inference.generator import load_generator
from monet.inference.painter import Painter

__all__ = ["Painter", "load_generator"]
