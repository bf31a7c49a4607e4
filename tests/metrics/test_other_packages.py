"""The distances against other people's implementations, where these are installed."""

from __future__ import annotations

import numpy as np
import pytest

from monet.metrics import (
    frechet_distance,
    kernel_distance,
    memorization_distance,
    mifid,
)


@pytest.fixture
def sets():
    """More samples than features, which all of them can do; near enough to count as copies."""
    random = np.random.default_rng(0)
    return random.random((200, 32)) + 0.2, random.random((200, 32)) + 0.3


def test_torchmetrics_kid(sets):
    torch = pytest.importorskip("torch")
    kid = pytest.importorskip("torchmetrics.image.kid")
    expected = kid.poly_mmd(*map(torch.from_numpy, sets))
    assert kernel_distance(*sets).value == pytest.approx(float(expected), rel=1e-8)


def test_torchmetrics_mifid(sets):
    """Its distance is that of its first argument's pictures: given ours, the scorer's."""
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torchmetrics.image.mifid")
    generated, paintings = sets
    statistics = [
        [torch.from_numpy(x) for x in (features.mean(0), np.cov(features, rowvar=False), features)]
        for features in (generated, paintings)
    ]
    expected = theirs._mifid_compute(*statistics[0], *statistics[1])
    assert memorization_distance(generated, paintings).mean < 0.1
    assert mifid(generated, paintings) == pytest.approx(float(expected), rel=1e-6)


def test_torch_fidelity_fid(sets):
    theirs = pytest.importorskip("torch_fidelity.metric_fid")
    statistics = [{"mu": f.mean(0), "sigma": np.cov(f, rowvar=False)} for f in sets]
    found = theirs.fid_statistics_to_metric(*statistics, False)
    assert frechet_distance(*sets) == pytest.approx(found["frechet_inception_distance"], rel=1e-6)


def test_torch_fidelity_kid(sets):
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch_fidelity.metric_kid")
    found = theirs.kid_features_to_metric(
        *map(torch.from_numpy, sets), kid_subsets=1, kid_subset_size=200, verbose=False
    )
    expected = found["kernel_inception_distance_mean"]
    assert kernel_distance(*sets).value == pytest.approx(expected, rel=1e-6)
