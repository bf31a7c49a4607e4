"""Landscapes computed from random numbers, and the brush that paints them."""
