"""`python -m monet.info` reports, and works most of all where something is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import monet
from monet._command_line.installation import collect
from monet._command_line.installation_text import render
from monet.ops.native import library

ROOT = Path(__file__).parents[1]


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "monet.info", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def bare(tmp_path) -> Path:
    """A copy of the package as it is before any build, with a TensorFlow that can't be imported."""
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "_build.json")
    shutil.copytree(Path(monet.__file__).parent, tmp_path / "monet", ignore=ignore)
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcublas.so.99 is missing')\n")
    return tmp_path


def test_report_of_this_installation():
    done = run("--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["versions"]["monet"] == monet.__version__
    assert {"python", "keras", "numpy", "pillow"} <= report["versions"].keys()
    assert report["ops"]["native"] == library.status().native
    assert report["ops"]["devices"]["CPU"]["native"] == library.status().native
    assert report["ops"]["devices"]["XLA_CPU"]["native"] == library.status().xla
    assert report["cpu"]["cores"] >= 1
    assert report["cpu"]["instruction_set"] == library.status().instruction_set


def test_text_has_a_line_for_everything():
    text = render(collect())
    for title in ("python", "Native parts", "on the CPU", "instruction set", "GPUs", "To do"):
        assert f"\n  {title}" in text or f"\n{title}" in text


def test_without_build_or_tensorflow(bare):
    done = run(cwd=bare)
    assert done.returncode == 0, done.stderr
    assert "TensorFlow can't be imported (ImportError: libcublas.so.99 is miss" in done.stdout
    assert "pip install 'tensorflow>=2.19,<2.22'" in done.stdout
    assert "monet was not built" in done.stdout


def test_ops_without_tensorflow_say_what_is_wrong(bare):
    script = "import monet.ops as o; print(o.status().native); o.instance_norm"
    done = subprocess.run([sys.executable, "-c", script], cwd=bare, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
    assert "ImportError: monet.ops.instance_norm needs TensorFlow" in done.stderr
    assert "python -m monet.info" in done.stderr


def test_broken_record_and_library(bare):
    (bare / "tensorflow.py").unlink()
    (bare / "monet/ops/_build.json").write_text("{")
    (bare / "monet/_kernels.so").write_bytes(b"not a library")
    done = run(cwd=bare)
    assert done.returncode == 0, done.stderr
    assert "_build.json can't be read" in done.stdout
    assert "rebuild monet" in done.stdout


def test_malformed_record(bare):
    (bare / "monet/ops/_build.json").write_text('{"parts": {"tensorflow_ops": 3}}')
    done = run(cwd=bare)
    assert done.returncode == 0, done.stderr
    assert "is damaged: tensorflow_ops is 3, expected an object; rebuild monet" in done.stdout


def test_reason_of_the_build_is_passed_on(bare):
    reason = {"reason": "no C++ compiler is on PATH", "remedy": "install one"}
    part = {"title": "The ops", "built": False, **reason}
    record = {"monet": monet.__version__, "parts": {"tensorflow_ops": part}}
    (bare / "monet/ops/_build.json").write_text(json.dumps(record))
    (bare / "tensorflow.py").unlink()
    report = json.loads(run("--json", cwd=bare).stdout)
    assert any("no C++ compiler is on PATH; install one" in line for line in report["remedies"])
    assert "  The ops               no: no C++ compiler is on PATH" in render(report)


def test_mode_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("MONET_OPS", "fast")
    report = collect()
    assert "MONET_OPS must be auto, native or reference, got 'fast'" in report["remedies"]
    assert "Ops (MONET_OPS=fast)" in render(report)


def test_reference_mode_is_named_as_the_reason(monkeypatch):
    monkeypatch.setenv("MONET_OPS", "reference")
    choice = collect()["ops"]["devices"]["CPU"]
    assert not choice["native"]
    if library.status().native:
        assert choice["reason"] == "MONET_OPS=reference"


def test_changed_sources_are_named(monkeypatch):
    monkeypatch.setattr(library, "changed_sources", lambda record: ["kernels", "python"])
    (remedy,) = [line for line in collect()["remedies"] if "csrc" in line]
    assert remedy.startswith(
        "csrc/kernels and csrc/python changed since the build; run: pip install"
    )


@pytest.mark.parametrize(
    ("module", "remedy"),
    [
        ("PIL", "Pillow is not installed; run: pip install pillow"),
        ("numpy", "NumPy is not installed; run: pip install numpy"),
        ("tensorflow", "TensorFlow is not installed; run: pip install 'tensorflow>=2.19,<2.22'"),
    ],
)
def test_missing_package_is_named(bare, module, remedy):
    (bare / "tensorflow.py").unlink()
    hide(bare, module)
    done = run(cwd=bare)
    assert done.returncode == 0, done.stderr
    assert f"  {remedy}\n" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("monet.train", "--out", "run"),
        ("monet.generate", "--model", "a.keras", "--input", "photos"),
        ("monet.explore", "--out", "report"),
        ("monet.export", "--model", "a.keras", "--format", "tflite"),
        ("monet.evaluate", "--input", "images.zip"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_without_pillow_say_so_in_one_sentence(bare, arguments):
    (bare / "tensorflow.py").unlink()
    hide(bare, "PIL")
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=bare, capture_output=True, text=True
    )
    assert done.returncode in (1, 2)
    assert done.stderr == "error: Pillow is not installed; run: pip install pillow\n"


def hide(folder: Path, module: str) -> None:
    """Makes `module` one that isn't installed, for Pythons started in `folder`."""
    (folder / f"{module}.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{module}'\", name='{module}')\n"
    )
