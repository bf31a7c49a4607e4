"""Extractors: Keras files, and a small graph of the shape of Inception's."""

from __future__ import annotations

import tarfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.metrics import ExtractorError, InceptionGraph, KerasExtractor
from monet.metrics.inception_graph import FILE_NAME, find_weights

SIDE = 9  # what the small graph resizes to, as Inception's does to 299


def save_model(path, *layers, shape=(None, None, 3)):
    keras.Sequential([keras.Input(shape), *layers]).save(path)
    return path


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), dtype=np.uint8)


def test_a_keras_model_gets_pixels_and_gives_vectors(tmp_path, pictures):
    path = save_model(tmp_path / "mean.keras", keras.layers.GlobalAveragePooling2D())
    extractor = KerasExtractor(path)
    assert (extractor.name, extractor.dimensions) == ("mean.keras", 3)
    features = extractor(pictures)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, pictures.mean((1, 2)), rtol=1e-5)


def test_other_weights_have_another_digest(tmp_path):
    layers = [keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    first = KerasExtractor(save_model(tmp_path / "a.keras", *layers))
    layers[0].set_weights([2 * weight for weight in layers[0].get_weights()])
    assert KerasExtractor(save_model(tmp_path / "b.keras", *layers)).digest != first.digest


def test_a_fixed_size_is_minded(tmp_path, pictures):
    path = save_model(tmp_path / "f.keras", keras.layers.GlobalMaxPooling2D(), shape=(16, 16, 3))
    with pytest.raises(ExtractorError, match="16×16, not of 12×12"):
        KerasExtractor(path)(pictures)


def test_code_in_a_file_is_refused(tmp_path):
    path = save_model(
        tmp_path / "l.keras", keras.layers.Lambda(lambda x: x[:, 0, 0], output_shape=(3,))
    )
    with pytest.raises(ExtractorError, match="Lambda"):
        KerasExtractor(path)


def test_what_is_no_extractor_is_named(tmp_path):
    pictures_out = save_model(tmp_path / "conv.keras", keras.layers.Conv2D(4, 3))
    vectors_in = save_model(tmp_path / "dense.keras", keras.layers.Dense(4), shape=(8,))
    (tmp_path / "damaged.keras").write_bytes(b"no archive")
    (tmp_path / "model.h5").touch()
    for name, message in (
        (pictures_out, "GlobalAveragePooling2D"),
        (vectors_in, "expected pictures"),
        (tmp_path / "damaged.keras", "can't load"),
        (tmp_path / "model.h5", "no .keras file"),
        (tmp_path / "none.keras", "there is no extractor"),
    ):
        with pytest.raises(ExtractorError, match=message):
            KerasExtractor(name)


def small_graph(kernel, *, is_old):
    """A frozen graph with Inception's ends and a 1×1 convolution to four channels between them.

    Like the graph of 2015 it decodes a JPEG, adds the dimension of a batch of 1 and records the
    shapes that follow from that. An old one normalises with an operation that TensorFlow has since
    removed; one that was saved anew has its equivalent, and its recorded shapes are believed.
    """
    graph = tf.Graph()
    with graph.as_default():
        contents = tf.constant(b"", name="DecodeJpeg/contents")
        decoded = tf.raw_ops.DecodeJpeg(contents=contents, channels=3, name="DecodeJpeg")
        batch = tf.expand_dims(tf.cast(decoded, tf.float32, name="Cast"), 0, name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(batch, (SIDE, SIDE), name="ResizeBilinear")
        scaled = tf.multiply(tf.subtract(resized, 128.0, name="Sub"), 1 / 128, name="Mul")
        convolved = tf.nn.conv2d(scaled, kernel, 1, "VALID", name="conv/Conv2D")
        normalised = (convolved - 0.25) / 2 - 0.125
        rectified = tf.nn.relu(convolved if is_old else normalised, name="conv")
        pooled = tf.nn.avg_pool2d(rectified, SIDE, 1, "VALID", name="pool_3")
        tf.reshape(pooled, (1, 4), name="pool_3/_reshape")
    graph_def = graph.as_graph_def(add_shapes=True)
    if is_old:
        _normalise_as_in_2015(graph_def)
    return graph_def


def _normalise_as_in_2015(graph_def):
    graph_def.versions.producer = 8
    for name, value in (("mean", 0.25), ("variance", 4.0), ("beta", -0.125), ("gamma", 1.0)):
        node = graph_def.node.add(name=f"conv/{name}", op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto([value] * 4, tf.float32))
    norm = graph_def.node.add(name="conv/norm", op="BatchNormWithGlobalNormalization")
    norm.input.extend(
        ["conv/Conv2D", *(f"conv/{n}" for n in ("mean", "variance", "beta", "gamma"))]
    )
    norm.attr["T"].type = tf.float32.as_datatype_enum
    norm.attr["variance_epsilon"].f = 0.0
    norm.attr["scale_after_normalization"].b = False
    (rectified,) = (node for node in graph_def.node if node.name == "conv")
    rectified.input[0] = "conv/norm"


@pytest.fixture(scope="module", params=[True, False], ids=["of 2015", "saved anew"])
def graph_file(request, tmp_path_factory):
    kernel = np.random.default_rng(1).standard_normal((1, 1, 3, 4)).astype(np.float32)
    path = tmp_path_factory.mktemp("graph") / FILE_NAME
    path.write_bytes(small_graph(kernel, is_old=request.param).SerializeToString())
    return path, kernel


def expected_features(pictures, kernel):
    """Bilinear in TensorFlow 1's way (corners at the origin), scaled, convolved, normalised."""
    place = np.arange(SIDE) * pictures.shape[1] / SIDE
    below = np.floor(place).astype(int)
    above, weight = np.minimum(below + 1, pictures.shape[1] - 1), place - below
    images = pictures.astype(np.float64)
    for axis in 1, 2:
        shape = [1, 1, 1, 1]
        shape[axis] = SIDE
        w = weight.reshape(shape)
        images = np.take(images, below, axis) * (1 - w) + np.take(images, above, axis) * w
    values = ((images - 128) / 128) @ kernel[0, 0].astype(np.float64)
    return np.maximum((values - 0.25) / 2 - 0.125, 0).mean((1, 2))


def test_the_graph_takes_any_batch_and_size(graph_file, pictures):
    path, kernel = graph_file
    extractor = InceptionGraph(path)
    assert extractor.dimensions == 4
    for batch in (pictures, pictures[:1], pictures[:, :10, :10]):
        features = extractor(batch)
        assert features.dtype == np.float32
        np.testing.assert_allclose(features, expected_features(batch, kernel), rtol=1e-4)


def test_the_published_archive_will_do(graph_file, pictures, tmp_path):
    path, _ = graph_file
    with tarfile.open(tmp_path / "inception.tgz", "w:gz") as archive:
        archive.add(path, arcname=f"./{FILE_NAME}")
    extractor = InceptionGraph(tmp_path / "inception.tgz")
    np.testing.assert_array_equal(extractor(pictures), InceptionGraph(path)(pictures))


def test_another_graph_is_named(tmp_path):
    (tmp_path / "text.pb").write_text("not a graph at all")
    (tmp_path / "empty.pb").write_bytes(tf.Graph().as_graph_def().SerializeToString())
    (tmp_path / "text.tgz").write_text("not an archive")
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    for name, message in (
        ("text.pb", "is not"),
        ("empty.pb", "no node ExpandDims, pool_3"),
        ("text.tgz", "is not"),
        ("empty.tgz", "has no classify"),
        ("none.pb", "no file"),
    ):
        with pytest.raises(ExtractorError, match=message):
            InceptionGraph(tmp_path / name)


def test_the_graph_is_looked_for_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_weights() is None
    (tmp_path / "monet").mkdir()
    (tmp_path / "monet" / FILE_NAME).touch()
    assert find_weights() == tmp_path / "monet" / FILE_NAME
    assert find_weights(tmp_path / "other.pb") == tmp_path / "other.pb"
