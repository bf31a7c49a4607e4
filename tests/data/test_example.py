"""Our reading of `tf.train.Example` against TensorFlow's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from monet.data.example import parse_features


def feature(values):
    if isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def serialised(features):
    features = {name: feature(values) for name, values in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_every_kind_of_feature():
    features = {
        "image": [bytes(range(256)) * 900],  # a length of three bytes
        "names": [b"a", b"", b"c" * 128],
        "größe": [1.5, 2.0],
        "number": [-1, 2**40],
    }
    found = parse_features(serialised(features))
    assert found == {**features, "größe": [], "number": []}


def test_fields_of_later_versions_are_passed_over():
    data = serialised({"image": [b"x"]})
    added = b"\x10\x96\x01" + b"\x1d\x00\x00\x00\x00" + b"\x21" + bytes(8) + b"\x2a\x02ab"
    assert parse_features(added + data + added) == {"image": [b"x"]}
    assert parse_features(b"") == {}


@pytest.mark.parametrize("length", [1, 3, 10, 40, 66])
def test_a_cut_example_is_refused(length):
    data = serialised({"image": [b"x" * 50], "image_name": [b"y"]})
    with pytest.raises(ValueError):
        parse_features(data[:length])


def test_noise_is_refused_or_gives_the_image_that_tensorflow_reads():
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        data = bytearray(serialised({"image": [b"abc"], "n": [1]}))
        data[random.integers(len(data))] = random.integers(256)
        try:
            found = parse_features(bytes(data))
        except ValueError:
            refused += 1
            continue
        try:
            expected = tf.train.Example.FromString(bytes(data)).features.feature
        except Exception:
            continue  # stricter than ours about what we don't look at
        image = list(expected["image"].bytes_list.value) if "image" in expected else []
        assert found.get("image", []) == image
    assert 200 < refused < 1800
