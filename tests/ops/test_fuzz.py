"""A fixed stretch of the random calls of fuzz_ops.py."""

from __future__ import annotations

import fuzz_ops
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("native")


@pytest.mark.parametrize("seed", range(8))
def test_native_agrees_with_the_twin(seed):
    rng = np.random.default_rng(seed)
    for _ in range(5):
        call = fuzz_ops.random_call(rng)
        if fuzz_ops.is_decided(call):
            fuzz_ops.check(call)
