"""Which implementation runs, and what the user is told about it."""

from __future__ import annotations

import sys
import threading
import warnings

import numpy as np
import pytest
import tensorflow as tf

import monet.ops
from monet.ops.native import dispatch, gpu, library

X = tf.ones([1, 3, 3, 2])
UNUSABLE = library.Unusable("the op library was eaten", "cook another")


@pytest.fixture
def without_library(monkeypatch):
    monkeypatch.setattr(library, "unusable", lambda: UNUSABLE)
    monkeypatch.setattr(dispatch, "_warned", set())


def call() -> tf.Tensor:
    return monet.ops.instance_norm(X, tf.ones([2]), tf.zeros([2]))


def ops_traced(mode: str) -> set[str]:
    with monet.ops.use(mode):
        graph = tf.function(call).get_concrete_function().graph
    return {operation.type for operation in graph.get_operations()}


def test_native_mode_traces_the_fused_op(native):
    assert "MonetNorm" in ops_traced("native")
    assert "MonetNorm" in ops_traced("auto")


def test_reference_mode_traces_plain_tensorflow():
    assert "MonetNorm" not in ops_traced("reference")


def test_auto_falls_back_with_one_warning(without_library):
    with monet.ops.use("auto"):
        with pytest.warns(RuntimeWarning, match="the op library was eaten; cook another") as caught:
            call()
        assert len(caught) == 1
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call()
            monet.ops.group_norm(X, tf.ones([2]), tf.zeros([2]), groups=1)


def test_a_tensorflow_that_does_not_tell_when_it_saves_is_named_once(native, monkeypatch):
    monkeypatch.setattr(dispatch, "_warned", set())
    monkeypatch.setitem(sys.modules, "tensorflow.python.saved_model.save_context", None)
    with pytest.warns(RuntimeWarning, match=r"use\('reference'\), or run: pip install") as caught:
        call()
        call()
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_native_raises_with_reason_and_remedy(without_library):
    with monet.ops.use("native"):
        with pytest.raises(
            RuntimeError, match="on the [CG]PU: the op library was eaten; cook another"
        ):
            call()


def test_reference_neither_warns_nor_needs_the_library(without_library):
    with monet.ops.use("reference"), warnings.catch_warnings():
        warnings.simplefilter("error")
        call()


def test_use_nests_and_ends():
    with monet.ops.use("native"):
        with monet.ops.use("reference"):
            assert dispatch.mode() == "reference"
        assert dispatch.mode() == "native"
        with pytest.raises(KeyError):
            with monet.ops.use("auto"):
                raise KeyError
        assert dispatch.mode() == "native"


def test_use_is_of_this_thread_alone(monkeypatch):
    monkeypatch.delenv("MONET_OPS", raising=False)
    seen = []
    with monet.ops.use("reference"):
        thread = threading.Thread(target=lambda: seen.append(dispatch.mode()))
        thread.start()
        thread.join()
    assert seen == ["auto"]


def test_environment_chooses_unless_use_does(monkeypatch):
    monkeypatch.setenv("MONET_OPS", "reference")
    assert dispatch.mode() == "reference"
    with monet.ops.use("auto"):
        assert dispatch.mode() == "auto"


def test_unknown_modes_are_named(monkeypatch):
    with pytest.raises(ValueError, match="auto, native or reference, got 'fast'"):
        with monet.ops.use("fast"):
            pass
    monkeypatch.setenv("MONET_OPS", "quick")
    with pytest.raises(
        ValueError, match="MONET_OPS must be auto, native or reference, got 'quick'"
    ):
        dispatch.mode()


def test_a_wrong_precision_is_found_early(monkeypatch):
    monkeypatch.setenv("MONET_PRECISE", "1")
    dispatch.check_mode()
    monkeypatch.setenv("MONET_PRECISE", "high")
    with pytest.raises(ValueError, match="MONET_PRECISE must be 0 or 1, got 'high'"):
        dispatch.check_mode()


@pytest.fixture
def with_gpu(monkeypatch):
    """As if TensorFlow saw a GPU, with a library that `gpu.unusable` has no objection to."""
    monkeypatch.setattr(dispatch, "_gpu_is_visible", lambda: True)
    monkeypatch.setattr(dispatch, "_warned", set())
    monkeypatch.setattr(gpu, "unusable", lambda: None)
    monkeypatch.setattr(gpu, "xla_unusable", lambda: None)


def traced_on_the_gpu(function, *shapes) -> set[str]:
    specifications = [tf.TensorSpec(shape) for shape in shapes]
    graph = tf.function(function).get_concrete_function(*specifications).graph
    return {operation.type for operation in graph.get_operations()}


def norm_of(x):
    return monet.ops.instance_norm(x, [1.0, 1.0], [0.0, 0.0])


@pytest.mark.parametrize("mode", ["auto", "native"])
def test_a_gpu_gets_the_native_norms_and_padding(native, with_gpu, mode):
    with monet.ops.use(mode), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "MonetNorm" in traced_on_the_gpu(norm_of, [1, 3, 3, 2])
        pad = traced_on_the_gpu(lambda x: monet.ops.reflection_pad(x, 1), [1, 3, 3, 2])
    assert "MonetReflectionPad" in pad


def test_a_gpu_without_cuda_kernels_gets_plain_tensorflow(native, with_gpu, monkeypatch):
    monkeypatch.setattr(gpu, "unusable", lambda: UNUSABLE)
    with monet.ops.use("auto"), pytest.warns(RuntimeWarning, match="on the GPU: .*eaten; cook"):
        assert "MonetNorm" not in traced_on_the_gpu(norm_of, [1, 3, 3, 2])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            traced_on_the_gpu(lambda x: monet.ops.reflection_pad(x, 1), [1, 3, 3, 2])
    with monet.ops.use("native"), pytest.raises(RuntimeError, match="on the GPU: .*eaten; cook"):
        traced_on_the_gpu(norm_of, [1, 3, 3, 2])


def test_eagerly_a_gpu_is_taken_wherever_the_tensor_lies(with_gpu):
    assert dispatch.device_of(X) == "GPU"
    with tf.device("CPU"):
        assert dispatch.device_of(X) == "CPU"


def test_the_cpu_of_a_machine_with_a_gpu_runs_native(native, monkeypatch):
    monkeypatch.setattr(dispatch, "_gpu_is_visible", lambda: True)
    with tf.device("CPU"):
        call()

    @tf.function
    def run(x):
        with tf.device("CPU"):
            return monet.ops.instance_norm(x, [1.0, 1.0], [0.0, 0.0])

    operations = run.get_concrete_function(tf.TensorSpec([1, 3, 3, 2])).graph.get_operations()
    assert "MonetNorm" in {operation.type for operation in operations}


@pytest.mark.parametrize(
    "op",
    [
        "instance_norm",
        "group_norm",
        "reflection_pad",
        "reflect_conv2d",
        "conv2d",
        "conv2d_transpose",
        "residual_block",
        "residual_trunk",
    ],
)
@pytest.mark.parametrize("device", ["CPU", "GPU", "TPU", "XLA_CPU", "XLA_GPU", "XLA_TPU"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_table_decides_every_case_and_gives_a_reason(op, device, dtype, monkeypatch):
    monkeypatch.setattr(library, "instruction_set", lambda: "avx512")
    row = dispatch.look_up(op, device, dtype)
    is_composed = "conv2d" in op or op in ("residual_block", "residual_trunk")
    assert (
        row.implementation
        == {
            "CPU": dispatch.NATIVE,
            "GPU": dispatch.COMPOSED if is_composed else dispatch.NATIVE,
            "TPU": dispatch.REFERENCE,
        }[device.removeprefix("XLA_")]
    )
    assert row.reason
    assert row.remedy or row.implementation != dispatch.REFERENCE


@pytest.mark.parametrize("op", ["conv2d", "conv2d_transpose", "reflect_conv2d"])
def test_with_amx_tensorflow_convolves_bfloat16(native, op, monkeypatch):
    monkeypatch.setattr(library, "instruction_set", lambda: "amx")
    composed = {
        (device, dtype)
        for device in ("CPU", "XLA_CPU")
        for dtype in ("float32", "bfloat16", "float16")
        if dispatch.look_up(op, device, dtype).implementation == dispatch.COMPOSED
    }
    assert composed == {("CPU", "bfloat16")}
    x, kernel = tf.ones([1, 4, 4, 2], tf.bfloat16), tf.ones([3, 3, 2, 2], tf.bfloat16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function = tf.function(lambda: getattr(monet.ops, op)(x, kernel))
        types = [node.type for node in function.get_concrete_function().graph.get_operations()]
    fused = ["MonetReflectionPad"] if op == "reflect_conv2d" else []
    assert [kind for kind in types if kind.startswith("Monet")] == fused


def test_with_amx_a_bfloat16_kernel_of_unknown_size_is_convolved_natively(native, monkeypatch):
    monkeypatch.setattr(library, "instruction_set", lambda: "amx")
    x, kernel = tf.ones([1, 4, 4, 2], tf.bfloat16), tf.ones([3, 3, 2, 2], tf.bfloat16)
    run = tf.function(
        monet.ops.reflect_conv2d,
        input_signature=[
            tf.TensorSpec([None, None, None, 2], x.dtype),
            tf.TensorSpec(None, x.dtype),
        ],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = run(x, kernel)
    types = {node.type for node in run.get_concrete_function().graph.get_operations()}
    assert "MonetReflectConv2D" in types
    np.testing.assert_array_equal(tf.cast(y, tf.float32), np.full([1, 4, 4, 2], 18))


@pytest.fixture
def norms_on_a_gpu(native, with_gpu, monkeypatch):
    """Fused norms and padding on a GPU that is only talked about."""
    monkeypatch.setattr(dispatch, "device_of", lambda x: "GPU")


def test_a_composed_op_is_native_where_its_parts_are(norms_on_a_gpu):
    kernel, vector = tf.ones([3, 3, 2, 2]), tf.ones([2])
    block = (kernel, vector, vector, kernel, vector, vector)
    calls = {
        "trunk": lambda: monet.ops.residual_trunk(X, [block, block]),
        "block": lambda: monet.ops.residual_block(X, *block),
        "reflect_conv2d": lambda: monet.ops.reflect_conv2d(X, kernel),
    }
    traced = {}
    for name, function in calls.items():
        graph = tf.function(function).get_concrete_function().graph
        types = [operation.type for operation in graph.get_operations()]
        traced[name] = {kind: types.count(kind) for kind in types if "Const" not in kind}
    assert traced["trunk"]["MonetReflectionPad"] == 1
    assert traced["trunk"]["MonetNorm"] == traced["trunk"]["Conv2D"] == 4
    assert traced["block"]["MonetNorm"] == traced["block"]["Conv2D"] == 2
    assert traced["reflect_conv2d"]["MonetReflectionPad"] == traced["reflect_conv2d"]["Conv2D"] == 1
    assert not any("MirrorPad" in kinds for kinds in traced.values())


@pytest.mark.parametrize("mode", ["auto", "native"])
def test_a_gpu_keeps_tensorflows_conv2d(with_gpu, monkeypatch, mode):
    monkeypatch.setattr(dispatch, "device_of", lambda x: "GPU")
    monkeypatch.setattr(gpu, "unusable", lambda: UNUSABLE)  # there is nothing to miss
    kernel = tf.ones([4, 4, 2, 2])
    with monet.ops.use(mode), warnings.catch_warnings():
        warnings.simplefilter("error")
        down = traced_on_the_gpu(lambda x: monet.ops.conv2d(x, kernel, strides=2), [1, 8, 8, 2])
        up = traced_on_the_gpu(lambda x: monet.ops.conv2d_transpose(x, kernel), [1, 8, 8, 2])
    assert "Conv2D" in down and "Conv2DBackpropInput" in up
    assert not any("Monet" in kind for kind in down | up)


def test_a_composed_convolution_has_the_twins_values_and_gradients(norms_on_a_gpu):
    x, kernel = (
        tf.random.stateless_normal(shape, seed=(1, 2)) for shape in ([2, 5, 6, 3], [5, 5, 3, 4])
    )
    results = []
    for function in (monet.ops.reflect_conv2d, monet.ops.reflect_conv2d_ref):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = function(x, kernel, tf.ones([4]))
            loss = tf.reduce_sum(y**2)
        results.append([y, *tape.gradient(loss, [x, kernel])])
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_without_native_parts_a_composed_op_is_the_twin(norms_on_a_gpu, monkeypatch):
    monkeypatch.setattr(gpu, "unusable", lambda: UNUSABLE)
    with pytest.raises(RuntimeError, match="reflect_conv2d can't run natively on the GPU: .*eaten"):
        monet.ops.reflect_conv2d(X, tf.ones([3, 3, 2, 2]))
    with monet.ops.use("auto"), pytest.warns(RuntimeWarning, match="on the GPU: .*eaten; cook"):
        monet.ops.reflect_conv2d(X, tf.ones([3, 3, 2, 2]))


def test_a_composed_op_that_lacks_a_size_says_so(norms_on_a_gpu):
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def run(kernel):
        return monet.ops.reflect_conv2d(X, kernel)

    kernel = tf.ones([3, 3, 2, 2])
    with pytest.raises(RuntimeError, match="size of the kernel is unknown.*; pass tf.ensure_shape"):
        run(kernel)
    with monet.ops.use("auto"), pytest.warns(RuntimeWarning, match="size of the kernel is unknown"):
        np.testing.assert_allclose(run(kernel), monet.ops.reflect_conv2d_ref(X, kernel), rtol=1e-5)


def test_layers_may_be_compiled_by_xla_unless_that_means_the_twin(native, monkeypatch):
    monkeypatch.setattr(library, "xla_unusable", lambda: None)
    assert monet.ops.supports_jit()
    monkeypatch.setattr(library, "xla_unusable", lambda: UNUSABLE)
    assert not monet.ops.supports_jit()
    with monet.ops.use("auto"):
        assert not monet.ops.supports_jit()
    with monet.ops.use("reference"):
        assert monet.ops.supports_jit()
    monkeypatch.setattr(library, "unusable", lambda: UNUSABLE)
    assert monet.ops.supports_jit()


@pytest.mark.parametrize(
    ("unusable", "xla_unusable", "expected"),
    [
        (None, None, True),
        (None, UNUSABLE, False),
        # Then XLA compiles what would run without it, too: the twin.
        (UNUSABLE, UNUSABLE, True),
    ],
)
def test_layers_may_be_compiled_for_a_gpu(
    native, with_gpu, monkeypatch, unusable, xla_unusable, expected
):
    monkeypatch.setattr(library, "xla_unusable", lambda: UNUSABLE)  # of the CPU: no matter
    monkeypatch.setattr(gpu, "unusable", lambda: unusable)
    monkeypatch.setattr(gpu, "xla_unusable", lambda: xla_unusable)
    assert monet.ops.supports_jit() is expected
