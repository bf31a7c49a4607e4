"""Exported generators paint as the Keras model does, where this package is not installed."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from monet.inference import export
from monet.inference.exporting import FORMATS, ExportError, onnx, savedmodel, tflite
from monet.inference.outputs import OutputError
from monet.inference.painter import size_multiple
from monet.layers import SelfAttention
from monet.models import GENERATORS, NOISE_GENERATORS, painter_generator

MODULES = {"savedmodel": savedmodel, "onnx": onnx, "tflite": tflite}

# Run each file on its inputs, without this package; ONNX and LiteRT without TensorFlow too.
PROGRAMS = {
    "savedmodel": """
import tensorflow as tf
def load(path):
    serve = tf.saved_model.load(path).signatures["serving_default"]
    return lambda x: serve(tf.constant(x))["output_0"].numpy()
""",
    "onnx": """
import onnxruntime
def load(path):
    session = onnxruntime.InferenceSession(path)
    return lambda x: session.run(None, {session.get_inputs()[0].name: x})[0]
""",
    "tflite": """
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tensorflow.lite.python.interpreter import Interpreter
def load(path):
    interpreter = Interpreter(model_path=path)
    taken, given = (f()[0]["index"] for f in (
        interpreter.get_input_details, interpreter.get_output_details))
    def paint(x):
        interpreter.resize_tensor_input(taken, x.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken, x)
        interpreter.invoke()
        return interpreter.get_tensor(given)
    return paint
""",
}
PROGRAM = """
import sys
sys.modules["monet"] = None  # which can't be imported from now on
import numpy as np
{load}
inputs = np.load("inputs.npz")
painters = {{name: load(name) for name in {{key.split(":")[0] for key in inputs}}}}
np.savez("outputs.npz", **{{key: painters[key.split(":")[0]](inputs[key]) for key in inputs}})
"""


def needs(format):
    """Skips the test where a format can't be written or run."""
    if format == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")


def lively(model):
    """With weights that leave nothing at 0 or 1, as training does."""
    random = np.random.default_rng(1)
    for weight in model.trainable_variables:
        weight.assign(weight + 0.1 * random.normal(size=weight.shape))
    return model


def small(name):
    keras.utils.set_random_seed(0)
    if name.startswith("dcgan"):
        return dataclasses.replace(NOISE_GENERATORS[name], filters=16, latent_dim=8).build(32)
    fewer = {"levels": 4} if name.startswith("unet") else {"blocks": 1}
    return dataclasses.replace(GENERATORS[name], filters=8, **fewer).build(32)


def inputs(model):
    """Several numbers and sizes of what a generator takes."""
    random = np.random.default_rng(2)
    if len(model.input_shape) == 2:
        return [random.normal(size=(n, model.input_shape[1])).astype("float32") for n in (1, 3)]
    side = max(size_multiple(model), 32)
    shapes = [(1, side, side, 3), (2, side, 2 * side, 3), (1, 3 * side, 2 * side, 3)]
    return [random.uniform(-1, 1, shape).astype("float32") for shape in shapes]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The file of a small generator of that name, and the generator."""
    folder, made = tmp_path_factory.mktemp("generators"), {}

    def of(name):
        if name not in made:
            made[name] = folder / f"{name}.keras", lively(small(name))
            made[name][1].save(made[name][0])
        return made[name]

    return of


def without_this_package(format, folder, given):
    """What the files in `folder` make of their inputs, computed by a new process."""
    np.savez(folder / "inputs.npz", **given)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(load=PROGRAMS[format])],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "MONET_OPS"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(folder / "outputs.npz")


@pytest.mark.parametrize("format", FORMATS)
def test_every_generator_paints_the_same_in_all_sizes(saved, tmp_path, format):
    needs(format)
    given, wanted = {}, {}
    for name in (*GENERATORS, *NOISE_GENERATORS):
        file, model = saved(name)
        size = 32 if format == "tflite" and name == "unet-attention" else None
        assert export(file, format, tmp_path / name, size=size).difference < 1e-3
        for index, x in enumerate(inputs(model)[: 1 if size else None]):
            given[f"{name}:{index}"], wanted[f"{name}:{index}"] = x, model(x).numpy()
    got = without_this_package(format, tmp_path, given)
    assert len(wanted) > 25
    differences = {key: np.abs(got[key] - want) for key, want in wanted.items()}
    others = {key for key, values in differences.items() if np.quantile(values, 0.999) >= 1e-3}
    # Where a line is halfway between two angles, rounding may turn a stroke; norms after it tell
    # all pixels, a little.
    assert len(others) <= 1 and all(key.startswith("painter") for key in others), others
    assert all(
        np.mean(values) < (0.02 if key in others else 5e-5) for key, values in differences.items()
    )


def test_attention_as_tflite_needs_a_size(saved, tmp_path):
    file, _ = saved("unet-attention")
    with pytest.raises(ExportError, match="SelfAttention needs to know the size .* give `size`"):
        export(file, "tflite", tmp_path / "any")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", FORMATS)
def test_for_one_size_files_are_small_and_take_one_picture(saved, tmp_path, format):
    needs(format)
    file, model = saved("painter")
    exported = export(file, format, tmp_path / "one", size=40)
    assert exported.takes == "images [1, 40, 40, 3], float32 in [-1, 1]"
    if format != "savedmodel":  # where pictures may have any size, 8 MB of noise are stored
        assert exported.output.stat().st_size < 2_000_000
    x = np.random.default_rng(3).uniform(-1, 1, (1, 40, 40, 3)).astype("float32")
    np.testing.assert_allclose(MODULES[format].run(exported.output, x), model(x), atol=1e-4)


@pytest.mark.parametrize("options", [{"brush_length": 2}, {"stroke_noise": 0}])
@pytest.mark.parametrize("format", FORMATS)
def test_strokes_of_all_kinds_are_exported(tmp_path, format, options):
    needs(format)
    model = lively(painter_generator(filters=4, blocks=1, head_filters=4, **options))
    model.save(tmp_path / "generator.keras")
    exported = export(tmp_path / "generator.keras", format, tmp_path / "exported")
    x = np.random.default_rng(3).uniform(-1, 1, (1, 24, 32, 3)).astype("float32")
    painted = MODULES[format].run(exported.output, x)
    assert np.mean(np.abs(painted - model(x)) > 1e-3) < 0.02  # strokes that a rounding turned


def test_a_generator_of_mixed_precision_is_exported_in_float32(tmp_path):
    model = painter_generator(filters=4, blocks=1, head_filters=4, dtype="mixed_bfloat16")
    model.save(tmp_path / "generator.keras")
    exported = export(tmp_path / "generator.keras", "tflite")
    assert exported.output == tmp_path / "generator.tflite"  # where no other is given
    twin = painter_generator(filters=4, blocks=1, head_filters=4, dtype="float32")
    twin.set_weights(model.get_weights())
    x = np.random.default_rng(3).uniform(-1, 1, (1, 16, 20, 3)).astype("float32")
    np.testing.assert_allclose(tflite.run(exported.output, x), twin(x), atol=1e-4)


def test_names_of_what_goes_in_and_its_open_dimensions(saved, tmp_path):
    needs("onnx")
    import onnxruntime

    shapes = {}
    for name in ("resnet", "dcgan"):
        export(saved(name)[0], "onnx", tmp_path / name)
        session = onnxruntime.InferenceSession(tmp_path / name)
        shapes[name] = [(v.name, v.shape) for v in session.get_inputs()]
        shapes[name].append(session.get_outputs()[0].shape)
    assert shapes == {
        "resnet": [("images", ["N", "H", "W", 3]), ["N", "H", "W", 3]],
        "dcgan": [("latents", ["N", 8]), ["N", 32, 32, 3]],
    }


@keras.saving.register_keras_serializable(package="monet_tests")
class Sparkle(keras.layers.Layer):
    """What neither ONNX nor TFLite has an operation for."""

    def call(self, x):
        return x + 0.1 * tf.random.stateless_uniform(tf.shape(x), [1, 2])


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_what_a_format_does_not_have_is_a_sentence_and_leaves_nothing(tmp_path, format):
    needs(format)
    images = keras.Input((None, None, 3))
    file, output = tmp_path / "generator.keras", tmp_path / "exported"
    keras.Model(images, Sparkle()(images)).save(file)
    output.write_bytes(b"an older one")
    with pytest.raises(ExportError, match=r"no StatelessRandomUniformV2.* another format\.$") as e:
        export(file, format, output, overwrite=True)
    assert "\n" not in str(e.value) and len(str(e.value)) < 300
    assert sorted(tmp_path.iterdir()) == [output, file]
    assert output.read_bytes() == b"an older one"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("fault", ["wrong", "not a number", "of another shape", "damaged"])
def test_a_file_that_paints_otherwise_is_not_kept(saved, tmp_path, monkeypatch, format, fault):
    needs(format)

    def run(path, x):
        assert path.exists()
        if fault == "damaged":
            raise RuntimeError("no `op()`\nat line 3")
        got = saved("resnet")[1](x).numpy()
        if fault == "of another shape":
            return got[:, 1:]
        if fault == "wrong":
            return got + 0.02
        got[0, 0, 0, 0] = np.nan
        return got

    monkeypatch.setattr(MODULES[format], "run", run)
    match = r"can't be run.*: no 'op\(\)'; take" if fault == "damaged" else "gives other pictures"
    with pytest.raises(ExportError, match=match):
        export(saved("resnet")[0], format, tmp_path / "exported")
    assert not list(tmp_path.iterdir())


def test_without_its_converter_onnx_is_a_sentence(saved, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ExportError, match="not installed; run: pip install tf2onnx$"):
        export(saved("resnet")[0], "onnx", tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_without_a_runtime_onnx_is_written_and_said_to_be_unchecked(saved, tmp_path, monkeypatch):
    needs("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    exported = export(saved("resnet")[0], "onnx", tmp_path / "resnet")
    assert exported.difference is None and "pip install onnxruntime" in exported.unchecked
    monkeypatch.undo()
    x = inputs(saved("resnet")[1])[1]
    np.testing.assert_allclose(onnx.run(exported.output, x), saved("resnet")[1](x), atol=1e-3)


def test_outputs_are_not_replaced_unless_asked_and_only_by_their_like(saved, tmp_path):
    file = saved("resnet")[0]
    folder = export(file, "savedmodel", tmp_path / "a").output
    (folder / "mark").touch()
    with pytest.raises(OutputError, match="a exists; pass `overwrite=True`"):
        export(file, "savedmodel", folder)
    with pytest.raises(OutputError, match="a exists and is no file"):
        export(file, "tflite", folder, overwrite=True)
    assert (folder / "mark").exists()
    export(file, "savedmodel", folder, overwrite=True)
    assert not (folder / "mark").exists() and (folder / "saved_model.pb").exists()

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"mine")
    for path in (tmp_path / "photos", tmp_path / "photos" / "mine.jpg"):
        with pytest.raises(OutputError, match="exists and is no SavedModel"):
            export(file, "savedmodel", path, overwrite=True)
    assert (tmp_path / "photos" / "mine.jpg").read_bytes() == b"mine"
    with pytest.raises(OutputError, match="is the generator itself"):
        export(file, "tflite", file, overwrite=True)
    with pytest.raises(OutputError, match="gs://bucket/a is an address"):
        export(file, "tflite", "gs://bucket/a")
    with pytest.raises(OutputError, match="can't write .*mine.jpg: File exists"):
        export(file, "tflite", tmp_path / "photos" / "mine.jpg" / "a")


def test_a_full_disk_is_told_of_the_output(saved, tmp_path, monkeypatch):
    def full(module, path, **options):
        raise tf.errors.ResourceExhaustedError(
            None, None, f"{path}/part-0; No space left on device"
        )

    monkeypatch.setattr(tf.saved_model, "save", full)
    output = tmp_path / "a"
    with pytest.raises(OutputError) as error:
        export(saved("resnet")[0], "savedmodel", output)
    assert str(error.value) == f"can't write {output}: No space left on device."
    assert not any(tmp_path.glob(".*")) and not output.exists()


def test_an_empty_folder_may_be_the_one_to_fill(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export(saved("resnet")[0], "savedmodel", ".")
    assert (tmp_path / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    "name, size, message",
    [
        ("painter", 42, "multiples of 4 from 20 on, and 1,536 is the most"),
        ("painter", 8, "multiples of 4 from 20 on"),
        ("painter", 10**6, "1,536 is the most"),
        ("dcgan", 64, "paints pictures of 32×32 pixels from noise and no others; leave it out"),
    ],
)
def test_sizes_that_can_t_be_had_are_told(saved, tmp_path, name, size, message):
    with pytest.raises(ExportError, match=f"`size={size}`: this generator .*{message}"):
        export(saved(name)[0], "tflite", tmp_path / "a", size=size)
    assert not list(tmp_path.iterdir())


def test_a_generator_of_one_size_keeps_it(tmp_path):
    images = keras.Input((16, 24, 3))
    keras.Model(images, keras.layers.Rescaling(0.5)(images)).save(tmp_path / "a.keras")
    exported = export(tmp_path / "a.keras", "tflite")
    assert exported.takes == "images [N, 16, 24, 3], float32 in [-1, 1]"
    with pytest.raises(ExportError, match="takes pictures of 16×24 pixels and no others"):
        export(tmp_path / "a.keras", "tflite", tmp_path / "b", size=16)


def test_a_format_that_there_is_not_is_told(saved):
    with pytest.raises(ExportError, match="format 'pickle': choose from savedmodel, onnx, tflite"):
        export(saved("resnet")[0], "pickle")


def test_attention_in_parts_that_don_t_divide_the_picture(tmp_path):
    needs("onnx")
    images = keras.Input((None, None, 3))
    x = SelfAttention()(keras.layers.Conv2D(8, 1)(images))
    model = keras.Model(images, keras.layers.Conv2D(3, 1)(x))
    model.save(tmp_path / "a.keras")
    output = export(tmp_path / "a.keras", "onnx").output
    x = np.random.default_rng(3).uniform(-1, 1, (1, 65, 66, 3)).astype("float32")
    np.testing.assert_allclose(onnx.run(output, x), model(x), atol=1e-4)


def test_attention_is_found_inside_of_other_layers():
    inner = keras.Sequential([keras.Input((8, 8, 8)), SelfAttention()])
    outer = keras.Sequential([keras.Input((8, 8, 8)), inner])
    assert tflite._has(outer, SelfAttention)
