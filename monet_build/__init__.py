"""Builds what is in csrc: for setup.py, and for the tests and benchmarks of the bare kernels.

Part of the source tree and of source distributions; never installed.
"""
