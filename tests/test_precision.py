from __future__ import annotations

import keras
import pytest

from monet import precision


@pytest.fixture
def machine(monkeypatch):
    def set_machine(features=(), capabilities=()):
        monkeypatch.setattr(precision, "cpu_features", lambda: set(features))
        monkeypatch.setattr(precision, "gpu_capabilities", lambda: list(capabilities))

    return set_machine


@pytest.mark.parametrize(
    ("features", "capabilities", "policy", "reason"),
    [
        ({"avx2"}, [], "float32", "the CPU has no amx_bf16"),
        (set(), [], "float32", "the CPU has no"),
        ({"amx_bf16", "avx512_bf16"}, [], "mixed_bfloat16", "the CPU has amx_bf16"),
        ({"avx512_bf16"}, [], "float32", "the CPU has no amx_bf16"),
        ({"amx_bf16"}, [(7, 5), (7, 5)], "mixed_float16", "tensor cores"),
        (set(), [(6, 1)], "float32", "6.1"),
        (set(), [(8, 0), (6, 1)], "float32", "6.1"),
        ({"amx_bf16"}, [(0, 0)], "float32", "unknown"),
    ],
)
def test_auto(machine, features, capabilities, policy, reason):
    machine(features, capabilities)
    chosen = precision.resolve("auto")
    assert chosen.policy == policy
    assert reason in chosen.reason


@pytest.mark.parametrize(
    ("choice", "policy"),
    [("off", "float32"), ("float16", "mixed_float16"), ("bfloat16", "mixed_bfloat16")],
)
def test_what_is_asked_for_is_what_one_gets(machine, choice, policy):
    machine()
    assert precision.resolve(choice).policy == policy
    assert keras.dtype_policies.get(policy).variable_dtype == "float32"


def test_unknown_choice():
    with pytest.raises(ValueError, match="'fp16': expected one of auto, off, float16, bfloat16"):
        precision.resolve("fp16")


def test_this_machine_has_an_answer():
    chosen = precision.resolve()
    assert chosen.policy in ("float32", "mixed_float16", "mixed_bfloat16")
    assert chosen.reason


def test_features_from_proc(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: sse2 amx_bf16\n\nprocessor\t: 1\nflags: sse2\n")
    assert precision._features_from_proc(cpuinfo) == {"sse2", "amx_bf16"}
    assert precision._features_from_proc(tmp_path / "missing") == set()


def test_the_kernels_know_the_features_asked_for():
    kernels = pytest.importorskip("monet._kernels", reason="the kernels were not built")
    assert precision._BFLOAT16_FEATURE in kernels.cpu_features()
