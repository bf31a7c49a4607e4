"""Every test here needs the compiled module of bare kernels."""

from __future__ import annotations

import importlib.util

import pytest

BUILT = importlib.util.find_spec("monet._kernels") is not None


def pytest_collection_modifyitems(items):
    if BUILT:
        return
    skip = pytest.mark.skip(reason="monet._kernels is not built: pip install . with a C++ compiler")
    for item in items:
        if item.path.parent.name == "kernels":
            item.add_marker(skip)


@pytest.fixture
def kernels():
    import monet._kernels

    return monet._kernels
