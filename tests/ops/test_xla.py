"""The native ops under jit_compile=True: custom calls that give the bits of the graph's kernels."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from convolution_cases import Block, Conv2D, ReflectConv2D, Trunk, is_tensorflows, make_dy
from norm_cases import Case, Inputs, error, make_inputs, monet_norm, plain_norm

import monet.layers
import monet.ops
from monet.ops.native import dispatch, gpu, library

NORM = Case((2, 7, 5, 6), activation="leaky_relu", residual=True, pad=2)


@pytest.fixture
def xla(native):
    """Runs the test with the native ops, where the build has custom calls of them."""
    unusable = library.xla_unusable()
    if unusable is not None:
        pytest.skip(unusable.reason)


class Norm:
    """A normalization in the form of `convolution_cases`."""

    def __init__(self, case: Case):
        self.case = case

    def __str__(self) -> str:
        return str(self.case)

    def make_inputs(self, dtype: str):
        inputs = make_inputs(self.case, dtype)
        names = ["x", "gamma", "beta", "residual"]
        return {name: getattr(inputs, name) for name in names if getattr(inputs, name) is not None}

    def make_dy(self, dtype: str):
        return make_inputs(self.case, dtype).dy

    def monet(self, x, gamma, beta, residual=None):
        return monet_norm(self.case, Inputs(x, gamma, beta, residual, None))

    def plain(self, x, gamma, beta, residual=None):
        return plain_norm(self.case, Inputs(x, gamma, beta, residual, None))


class Pad:
    """Reflection padding in the form of `convolution_cases`."""

    def __init__(self, shape, pad):
        self.shape = shape
        self.pad = pad

    def __str__(self) -> str:
        return "x".join(map(str, self.shape)) + f"-pad{self.pad}"

    @property
    def result_shape(self):
        batch, height, width, channels = self.shape
        return batch, height + 2 * self.pad, width + 2 * self.pad, channels

    def make_inputs(self, dtype: str):
        return {"x": make_inputs(Case(self.shape), dtype).x}

    def monet(self, x):
        return monet.ops.reflection_pad(x, self.pad)

    def plain(self, x):
        pad = [self.pad, self.pad]
        return tf.pad(x, [[0, 0], pad, pad, [0, 0]], mode="REFLECT")


def output_and_gradients(function, inputs, dy):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = function(**inputs)
    return {"y": y, **tape.gradient(y, inputs, output_gradients=dy)}


@pytest.mark.parametrize(
    ("call", "dtype", "target"),
    [
        (Norm(NORM), "float32", "MonetNorm"),
        (Norm(NORM), "bfloat16", "MonetNorm"),
        (Norm(Case((1, 11, 6, 96), groups=32, activation="relu", pad=1)), "float32", "MonetNorm"),
        (Norm(Case((2, 9, 7, 12), groups=4, residual=True)), "float16", "MonetNorm"),
        (Norm(Case((2, 6, 7, 9), activation="silu", residual=True)), "float32", "MonetNorm"),
        (Norm(Case((2, 7, 5, 18), groups=3, activation="silu", pad=2)), "bfloat16", "MonetNorm"),
        (Norm(Case((3, 17, 13, 15), epsilon=1e-3)), "float32", "MonetNorm"),
        (Pad((2, 7, 5, 6), 3), "float32", "MonetReflectionPad"),
        (Pad((1, 2, 9, 5), 1), "float16", "MonetReflectionPad"),
        (ReflectConv2D((2, 7, 9, 5), 6), "float32", "MonetReflectConv2D"),
        (ReflectConv2D((1, 8, 9, 3), 16, size=7, bias=False), "bfloat16", "MonetReflectConv2D"),
        (Block((2, 9, 6, 10)), "float32", "MonetResidualBlock"),
        (Block((1, 6, 8, 4)), "float16", "MonetResidualBlock"),
        (Trunk((1, 5, 6, 3), 2), "float32", "MonetResidualBlock"),
        (Conv2D((2, 9, 7, 5), 6), "float32", "MonetConv2D"),
        (Conv2D((1, 8, 6, 3), 4, padding="valid"), "bfloat16", "MonetConv2D"),
        (Conv2D((2, 4, 5, 6), 3, transposed=True), "float32", "MonetConv2D"),
        (Conv2D((1, 4, 3, 5), 2, size=(3, 3), transposed=True), "float16", "MonetConv2D"),
    ],
    ids=str,
)
def test_custom_calls_give_the_bits_of_the_graph(request, xla, call, dtype, target):
    if not isinstance(call, Norm | Pad):
        request.getfixturevalue("fused_convolutions")
    inputs = call.make_inputs(dtype)
    dy = call.make_dy(dtype) if isinstance(call, Norm) else make_dy(call, dtype)

    def run(inputs, dy):
        return output_and_gradients(call.monet, inputs, dy)

    compiled = tf.function(run, jit_compile=True)
    hlo = compiled.experimental_get_compiler_ir(inputs, dy)(stage="hlo")
    # What a convolution and its transpose have as gradients is one another.
    suffixes = ("", "InputGrad", "KernelGrad") if isinstance(call, Conv2D) else ("", "Grad")
    for suffix in suffixes:
        assert f'custom_call_target="{target}{suffix}"' in hlo

    got, expected = compiled(inputs, dy), tf.function(run)(inputs, dy)
    in_float64 = {name: tf.cast(tensor, tf.float64) for name, tensor in inputs.items()}
    exact = output_and_gradients(call.plain, in_float64, tf.cast(dy, tf.float64))
    budget = {"float32": 1e-5, "float16": 5e-3, "bfloat16": 4e-2}[dtype]
    for name in exact:
        if not is_tensorflows(call, dtype):  # in the graph, while the custom call is native
            np.testing.assert_array_equal(bits(got[name]), bits(expected[name]), err_msg=name)
        assert error(tf.cast(got[name], tf.float64).numpy(), exact[name].numpy()) < budget, name


def bits(tensor: tf.Tensor) -> np.ndarray:
    return tf.bitcast(tensor, {2: tf.uint16, 4: tf.uint32}[tensor.dtype.size]).numpy()


def test_denormals_and_non_finite_values_are_those_of_the_graph(xla):
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 20)).astype(np.float32)
    x[..., :5] *= 1e-38
    x[0, 0, 0, 7], x[1, 2, 3, 8] = np.nan, np.inf

    def run(x):
        return monet.ops.instance_norm(x, 1e-40 * tf.ones([20]), tf.zeros([20]), epsilon=0.0)

    expected = tf.function(run)(tf.constant(x))
    got = tf.function(run, jit_compile=True)(tf.constant(x))
    np.testing.assert_array_equal(bits(got), bits(expected))


@pytest.mark.parametrize(
    "call",
    [
        Norm(Case((0, 7, 5, 6), residual=True, pad=1)),
        Pad((0, 7, 5, 6), 2),
        Block((0, 7, 5, 6)),
        Conv2D((0, 7, 5, 6), 4),
        Conv2D((0, 7, 5, 6), 4, transposed=True),
    ],
    ids=str,
)
def test_empty_batch(xla, call):
    inputs = call.make_inputs("float32")

    @tf.function(jit_compile=True)
    def run(inputs):
        y = call.monet(**inputs)
        return output_and_gradients(call.monet, inputs, tf.ones_like(y))

    results = run(inputs)
    for name, tensor in inputs.items():
        assert results[name].shape == tensor.shape
        np.testing.assert_array_equal(results[name], tf.zeros_like(tensor))


def test_every_size_is_compiled_anew(xla):
    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([None, None, None, 3])])
    def run(x):
        return monet.ops.instance_norm(x, tf.ones([3]), tf.zeros([3]), pad=1)

    for shape in [(1, 2, 2, 3), (2, 5, 9, 3)]:
        x = tf.random.stateless_normal(shape, seed=shape[:2])
        with monet.ops.use("reference"):
            expected = monet.ops.instance_norm(x, tf.ones([3]), tf.zeros([3]), pad=1)
        np.testing.assert_allclose(run(x), expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="pad=1 needs H > 1 and W > 1, got 1x4"
    ):
        run(tf.ones([1, 1, 4, 3]))


def test_shapes_that_depend_on_values_are_refused(xla):
    @tf.function(jit_compile=True)
    def run(x, keep):
        kept = tf.boolean_mask(x, keep)
        return tf.reduce_sum(monet.ops.instance_norm(kept, tf.ones([2]), tf.zeros([2])))

    with pytest.raises(tf.errors.UnimplementedError, match=r'monet.ops.use\("reference"\)'):
        run(tf.ones([3, 4, 4, 2]), tf.constant([True, False, True]))


def test_the_function_that_xla_compiles_may_call_one_traced_before(xla):
    @tf.function
    def inner(x):
        return monet.ops.instance_norm(x, tf.ones([2]), tf.zeros([2]))

    x = tf.random.stateless_normal([1, 3, 3, 2], seed=[0, 1])
    expected = inner(x)
    outer = tf.function(lambda x: inner(x), jit_compile=True)
    np.testing.assert_array_equal(outer(x), expected)


def test_gradient_taken_outside_of_the_compiled_function(xla):
    call = Norm(NORM)
    inputs, dy = call.make_inputs("float32"), call.make_dy("float32")
    got = output_and_gradients(tf.function(call.monet, jit_compile=True), inputs, dy)
    expected = output_and_gradients(call.monet, inputs, dy)
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name])


@pytest.mark.parametrize(
    "call",
    [
        Norm(Case((1, 5, 4, 3), activation="leaky_relu")),
        Norm(Case((1, 4, 5, 3), activation="silu")),
        ReflectConv2D((1, 5, 6, 2), 3),
        Conv2D((1, 5, 6, 2), 3),
        Conv2D((1, 5, 6, 2), 3, transposed=True),
    ],
    ids=str,
)
def test_second_order_gradients(xla, call):
    inputs = call.make_inputs("float32")
    x = inputs.pop("x")
    dy = call.make_dy("float32") if isinstance(call, Norm) else make_dy(call, "float32")

    def penalty(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = call.monet(x=x, **inputs) ** 2
            slope = inner.gradient(y, x, output_gradients=dy)
            loss = tf.reduce_sum(slope**2)
        return outer.gradient(loss, x)

    expected = penalty(x)
    got = tf.function(penalty, jit_compile=True)(x)
    assert error(got.numpy(), expected.numpy()) < 1e-5


def build_model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((12, 10, 3)),
            keras.layers.Conv2D(8, 3, padding="same"),
            monet.layers.InstanceNormalization(activation="relu"),
            monet.layers.ResidualBlock(8),
            keras.layers.Conv2D(3, 3, padding="same"),
        ]
    )


def test_keras_fits_with_jit_compile_as_without(xla):
    x = np.random.default_rng(0).normal(size=(8, 12, 10, 3)).astype(np.float32)
    fitted = []
    for jit_compile in (False, True):
        model = build_model()
        model.compile("sgd", "mse", jit_compile=jit_compile)
        assert model.jit_compile is jit_compile
        model.fit(x, -x, epochs=2, batch_size=4, shuffle=False, verbose=0)
        fitted.append(model.get_weights())
    for graph, jit in zip(*fitted, strict=True):
        np.testing.assert_allclose(jit, graph, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")
def test_custom_calls_run_on_several_threads(xla):
    shape = [2, 256, 256, 64]

    @tf.function(jit_compile=True)
    def run(x):
        for _ in range(8):
            x = monet.ops.instance_norm(x, tf.ones([64]), tf.zeros([64]))
        return x

    x = tf.random.stateless_normal(shape, seed=[0, 1])
    run(x)
    before = processor_time_of_threads()
    for _ in range(4):
        run(x)
    after = processor_time_of_threads()
    spent = sorted((after[thread] - before.get(thread, 0) for thread in after), reverse=True)
    assert spent[1] > 0.2 * spent[0]


def processor_time_of_threads() -> dict[str, int]:
    """Nanoseconds by thread."""
    return {
        task.name: int((task / "schedstat").read_text().split()[0])
        for task in Path("/proc/self/task").iterdir()
    }


def test_library_opened_after_xla_has_compiled_something(xla):
    """What XLA's own registry learns after the first compilation never reaches its compiler."""
    script = """
        import tensorflow as tf
        tf.function(lambda x: x + 1.0, jit_compile=True)(tf.ones([2]))
        import monet.ops
        run = tf.function(
            lambda x: monet.ops.instance_norm(x, tf.ones([2]), tf.zeros([2])), jit_compile=True
        )
        with monet.ops.use("native"):
            print(run(tf.ones([1, 3, 3, 2])).shape)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=Path(monet.__file__).parents[1],
    )
    assert done.stdout.strip() == "(1, 3, 3, 2)", done.stderr


@pytest.fixture
def without_custom_calls(native, monkeypatch):
    reason = library.Unusable("the custom calls were not built", library.WITHOUT_XLA)
    monkeypatch.setattr(library, "xla_unusable", lambda: reason)
    monkeypatch.setattr(dispatch, "_warned", set())


def test_without_custom_calls_the_twin_is_compiled(without_custom_calls):
    run = tf.function(
        lambda x: monet.ops.instance_norm(x, tf.ones([2]), tf.zeros([2])), jit_compile=True
    )
    x = tf.random.stateless_normal([1, 3, 3, 2], seed=[0, 1])
    with monet.ops.use("auto"):
        with pytest.warns(RuntimeWarning, match="for the [CG]PU: the custom calls were not"):
            got = run(x)
        assert "MonetNorm" not in run.experimental_get_compiler_ir(x)(stage="hlo")
        np.testing.assert_allclose(
            got, monet.ops.instance_norm(x, tf.ones([2]), tf.zeros([2])), rtol=1e-5, atol=1e-6
        )
    with pytest.raises(RuntimeError, match="were not built; pass jit_compile=False"):
        tf.function(run.python_function, jit_compile=True)(x)


def test_without_custom_calls_keras_goes_on_without_xla(without_custom_calls):
    model = build_model()
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        model.compile("sgd", "mse", jit_compile=True)
    assert not model.jit_compile
    x = np.ones([2, 12, 10, 3], np.float32)
    model.fit(x, x, verbose=0)


@pytest.mark.parametrize("built", [True, False])
def test_a_function_compiled_for_a_gpu_has_what_the_build_has(native, monkeypatch, built):
    devices = [tf.config.LogicalDevice(f"/{name}:0", name) for name in ("CPU", "GPU")]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: devices)
    monkeypatch.setattr(dispatch, "_warned", set())
    without = library.Unusable("there are no custom calls", library.WITHOUT_XLA)
    monkeypatch.setattr(gpu, "xla_unusable", lambda: None if built else without)
    run = tf.function(
        lambda x: monet.ops.instance_norm(x, tf.ones([2]), tf.zeros([2])), jit_compile=True
    )
    with monet.ops.use("auto"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graph = run.get_concrete_function(tf.TensorSpec([1, 3, 3, 2])).graph
    assert ("MonetNorm" in {operation.type for operation in graph.get_operations()}) == built
    assert any("for the GPU: there are no custom" in str(w.message) for w in caught) == (not built)
