"""The painter of the sample set: landscapes computed from random numbers, and a brush for them."""
