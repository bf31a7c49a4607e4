"""What tests of runs share: pictures to train on."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def data(tmp_path_factory, noise_pictures):
    """A dataset folder of three paintings and three photos."""
    return noise_pictures(tmp_path_factory.mktemp("data"), trainA=3, trainB=3, shape=(64, 64))
