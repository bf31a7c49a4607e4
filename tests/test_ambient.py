"""What a user's environment sets for all programs doesn't matter, or is named in a sentence."""

from __future__ import annotations

import importlib
import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from same_run import assert_same_run, losses
from tiny_recipe import TINY

from monet import layers, runs
from monet._ambient import check_keras, variables
from monet.inference import load_generator
from monet.ops.native import dispatch
from monet.runs.run_folder import RunError

ROOT = Path(__file__).parents[1]
UNWRITABLE = "/proc"  # even for root
ONE_THREAD = {name: "1" for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
ONE_THREAD["OMP_NUM_THREADS"] = "1"
SMALL = ["--recipe", "cyclegan", "--epochs", "1", "--steps-per-epoch", "2", "--image-size", "32"]
SMALL += ["--set", "generator.filters=4", "--set", "generator.blocks=1"]
SMALL += ["--set", "discriminator.filters=4"]


def call(module, *options, cwd=ROOT, umask=-1, **environment):
    command = [sys.executable, "-m", f"monet.{module}", *map(str, options)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        umask=umask,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory, noise_pictures):
    return noise_pictures(tmp_path_factory.mktemp("data"), trainA=5, trainB=7)


@pytest.fixture
def hostile(tmp_path):
    """An environment in which about everything is otherwise."""
    home = tmp_path / "keras"
    home.mkdir()
    settings = {
        "backend": "torch",
        "floatx": "float16",
        "epsilon": 0.1,
        "image_data_format": "channels_first",
        "dtype_policy": "mixed_float16",
    }
    (home / "keras.json").write_text(json.dumps(settings))
    return {
        "KERAS_HOME": str(home),
        "KERAS_BACKEND": "jax",
        "KERAS_MAX_EPOCHS": "0",
        "KERAS_MAX_STEPS_PER_EPOCH": "1",
        "AUTOGRAPH_STRICT_CONVERSION": "x",
        "AUTOGRAPH_VERBOSITY": "x",
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "x",
        "MPLBACKEND": "x",
        "MATPLOTLIBRC": "nowhere",
        "SOURCE_DATE_EPOCH": "x",
        "COLUMNS": "x",
        "LINES": "-1",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "TF_CPP_MIN_LOG_LEVEL": "x",
        "TF_CPP_MAX_VLOG_LEVEL": "x",
        "TF_ENABLE_ONEDNN_OPTS": "x",
        "CUDA_VISIBLE_DEVICES": "x",
        "HDF5_USE_FILE_LOCKING": "x",
        "TF_USE_LEGACY_KERAS": "1",
        "TF_DETERMINISTIC_OPS": "1",
        "TF_FUNCTION_JIT_COMPILE_DEFAULT": "1",
        **ONE_THREAD,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONWARNINGS": "error",
        "PYTHONCOERCECLOCALE": "0",
        "HOME": f"{UNWRITABLE}/home",
        "TMPDIR": f"{UNWRITABLE}/tmp",
        "XDG_CACHE_HOME": f"{UNWRITABLE}/cache",
        "MPLCONFIGDIR": f"{UNWRITABLE}/matplotlib",
    }


@pytest.mark.skipif(not Path(UNWRITABLE).is_dir(), reason="needs a folder nobody can write to")
def test_a_run_comes_out_the_same_in_any_environment(data, tmp_path, hostile):
    strict = {**hostile, "umask": 0o027}
    plain, other = tmp_path / "plain", tmp_path / "otherwise"
    # The sums of some of TensorFlow's own ops are rounded otherwise by another number of threads.
    done = call("train", "--data", data, *SMALL, "--out", plain, **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    done = call("train", "--data", data, *SMALL, "--out", other, cwd=UNWRITABLE, **strict)
    assert done.returncode == 0, done.stderr
    assert_same_run(other, plain)
    paint = ["--run", other, "--input", data / "trainB", "--output", tmp_path / "painted"]
    done = call("generate", *paint, cwd=UNWRITABLE, **strict)
    assert done.returncode == 0, done.stderr
    options = ["--run", other, "--format", "tflite", "--output", tmp_path / "exported"]
    done = call("export", *options, cwd=UNWRITABLE, **strict)
    assert done.returncode == 0, done.stderr
    done = call("explore", "--data", data, "--out", tmp_path / "report", cwd=UNWRITABLE, **strict)
    assert done.returncode == 0, done.stderr
    for name in ("otherwise", "painted", "exported", "report"):
        made = tmp_path / name
        for path in (made, *made.rglob("*")):
            expected = 0o750 if path.is_dir() else 0o640
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


@pytest.mark.skipif(not Path(UNWRITABLE).is_dir(), reason="needs a folder nobody can write to")
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("train", SMALL),
        ("explore", ["--out", "report"]),
        ("generate", ["--input", "@/trainB", "--output", "out.zip"]),
        ("generate", ["--input", "@/trainB", "--output", "painted"]),
        ("export", ["--format", "tflite", "--output", "exported"]),
        ("export", ["--format", "savedmodel", "--output", "exported"]),
        ("evaluate", ["--data", "@", "--input", "@/trainA", "--output", "r.json", "--size", "32"]),
    ],
)
def test_an_output_that_can_t_be_made_is_one_sentence(data, tmp_path, module, options):
    if module in ("generate", "export"):
        images = keras.Input((None, None, 3))
        path = tmp_path / "model.keras"
        keras.Model(images, keras.layers.Rescaling(1.0)(images)).save(path)
        options = ["--model", path, *options]
    options = [str(option).replace("@", str(data)) for option in options]
    done = call(module, *options, cwd=UNWRITABLE)
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "No such file" in last, done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_to_work_in_that_is_gone_is_named(data, tmp_path):
    removed = tmp_path / "removed"
    command = shlex.join([sys.executable, "-m", "monet.train", "--data", str(data), *SMALL])
    done = subprocess.run(
        ["sh", "-c", f"mkdir {removed} && cd {removed} && rmdir {removed} && {command}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last == "error: the current folder is gone; change to another."


def test_settings_of_keras_are_told_by_info(tmp_path):
    report = json.loads(call("info", "--json", KERAS_BACKEND="torch").stdout)
    assert report["variables"]["KERAS_BACKEND"] == "torch (not for the commands of monet)"
    assert (
        "programs of your own need KERAS_BACKEND=tensorflow, not torch; the commands of monet "
        "don't heed it"
    ) in report["remedies"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("XLA_FLAGS", "--bogus", "with 'Unknown flag in XLA_FLAGS: --bogus'"),
        ("TF_XLA_FLAGS", "--bogus", "with 'Unknown flag in TF_XLA_FLAGS: --bogus'"),
        ("TF_NUM_INTRAOP_THREADS", "-3", "over a negative number"),
    ],
)
def test_variables_that_end_every_process_are_named(data, tmp_path, name, value, said):
    said = f"{name}: TensorFlow ends the process {said}"
    done = call("info", **{name: value})
    assert said in done.stdout and done.returncode == 0, done.stderr
    done = call("train", "--data", data, *SMALL, "--out", tmp_path / "run", **{name: value})
    assert done.returncode == 2 and said in done.stderr
    assert not (tmp_path / "run").exists()


def test_an_instruction_set_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("MONET_ISA", "sse9")
    expected = "MONET_ISA must be portable, avx2, avx512 or amx, got 'sse9'"
    with pytest.raises(ValueError, match=expected):
        dispatch.check_mode()
    with pytest.raises(RunError, match=expected):
        runs.start(TINY)
    for name in ("portable", "avx2", "avx512", "amx"):
        monkeypatch.setenv("MONET_ISA", name)
        dispatch.check_mode()


def test_another_backend_in_a_program_is_one_sentence(monkeypatch):
    from monet.layers import fused_op

    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    sentence = "Keras's backend is torch, but monet needs tensorflow.*set KERAS_BACKEND=tensorflow"
    with pytest.raises(RuntimeError, match=sentence):
        importlib.reload(fused_op)


@pytest.fixture
def restored():
    """Keras as it was."""
    before = keras.config.floatx(), keras.config.image_data_format(), keras.config.dtype_policy()
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_image_data_format(before[1])
    keras.config.set_dtype_policy(before[2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: keras.config.set_floatx("float16"), "floatx is float16, but monet needs float32"),
        (
            lambda: keras.config.set_image_data_format("channels_first"),
            "image_data_format is channels_first, but monet needs channels_last",
        ),
    ],
)
def test_what_a_program_has_set_is_told_before_a_run(data, tmp_path, restored, change, message):
    change()
    with pytest.raises(RuntimeError, match=message):
        check_keras()
    with pytest.raises(RunError, match=message):
        runs.start(TINY, data=data, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "make",
    [
        layers.InstanceNormalization,
        lambda: layers.GroupNormalization(2),
        lambda: layers.Conv2D(4, 3),
        lambda: layers.Conv2DTranspose(4, 3),
        layers.ReflectionPadding2D,
        layers.BilinearUpsampling2D,
        layers.Brushwork,
    ],
)
def test_a_layer_never_takes_another_axis_for_channels(restored, make):
    make()
    keras.config.set_image_data_format("channels_first")
    with pytest.raises(ValueError, match=r"takes \[N, H, W, C\], but Keras's image_data_format"):
        make()


def test_the_default_dtype_policy_of_a_program_does_not_matter(data, tmp_path, restored):
    plain = runs.start(TINY, data=data, out=tmp_path / "plain", mixed_precision="off")
    keras.config.set_dtype_policy("mixed_float16")
    other = runs.start(TINY, data=data, out=tmp_path / "other", mixed_precision="off")
    for row, expected in zip(losses(other.path), losses(plain.path), strict=True):
        assert row == pytest.approx(expected, rel=1e-6)  # sums, as in same_run.py
    first, second = (load_generator(run.path, precision="off") for run in (plain, other))
    image = np.full((1, 32, 32, 3), 0.5, np.float32)
    np.testing.assert_array_equal(first(image), second(image))


def test_variables_of_other_programs_are_not_told(monkeypatch):
    monkeypatch.setenv("TF_VAR_region", "of terraform")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    assert "TF_VAR_region" not in variables()
    assert variables()["TF_NUM_INTRAOP_THREADS"] == "3"
