"""What is told of painted pictures."""

from __future__ import annotations

import numpy as np
import pytest

from monet.inference.pipeline import results_of


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (40, 50)])
@pytest.mark.parametrize("levels", [0, 2, 3])
def test_a_single_colour_is_that_of_every_pixel(shape, levels):
    image = np.full((*shape, 3), 100, np.uint8)
    image[-1, -1, 2] += levels
    [result] = results_of([image], ["a.png"])
    is_flat = levels < 3 or shape == (1, 1)
    assert result.problem == ("came out in a single colour" if is_flat else "")
    assert result.image is image
