"""When setup.py builds for GPUs, for which, and what it says where it doesn't."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from monet_build import cuda_toolkit

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there is no native build on Windows"),
]

KNOWN = (75, 80, 86, 89, 90)

# Makes whatever file it is asked to.
COMPILER = """#!/bin/sh
if [ "$1" = --version ]; then echo "make-believe c++ 1.0"; fi
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then echo made > "$2"; fi; shift; done
"""
NVCC = """#!/bin/sh
case "$1" in
  --version) echo "Cuda compilation tools, release 12.4, V12.4.131"; exit;;
  --list-gpu-arch) echo "{known}"; exit;;
esac
{then}
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then echo made > "$2"; fi; shift; done
"""


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def make_toolkit(folder: Path, known=KNOWN, then: str = "") -> Path:
    """A CUDA toolkit whose nvcc does nothing, or `then`."""
    listed = "\\n".join(f"compute_{number}" for number in known)
    program(folder / "bin" / "nvcc", NVCC.format(known=listed, then=then))
    (folder / "lib64").mkdir()
    (folder / "lib64" / "libcudart_static.a").touch()
    return folder


@pytest.fixture(autouse=True)
def no_cuda_home(monkeypatch):
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        monkeypatch.delenv(variable, raising=False)


def test_nvcc_is_found_on_the_path_and_in_cuda_home(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cuda_toolkit.find_nvcc() is None
    home = make_toolkit(tmp_path / "cuda")
    monkeypatch.setenv("CUDA_HOME", str(home))
    assert cuda_toolkit.find_nvcc().command == [str(home / "bin" / "nvcc")]
    program(tmp_path / "nvcc", "#!/bin/sh\necho release 13.0\n")
    monkeypatch.delenv("CUDA_HOME")
    assert cuda_toolkit.find_nvcc().version == "nvcc 13.0"


@pytest.mark.parametrize(
    ("text", "architectures"),
    [("75", (75,)), ("75;86", (75, 86)), ("90, 80", (80, 90)), ("80;80", (80,)), ("120", (120,))],
)
def test_lists_of_architectures(text, architectures):
    assert cuda_toolkit.parse_architectures(text) == architectures


@pytest.mark.parametrize("text", ["7.5", "sm_75", "75 86", "75;", "native", "0", "-75", "75;x"])
def test_what_is_no_list_of_architectures(text):
    with pytest.raises(ValueError, match="such as 75;86 .*, got " + re.escape(repr(text))):
        cuda_toolkit.parse_architectures(text)


def test_flags_ask_for_machine_code_of_each_and_ptx_of_the_newest(tmp_path):
    nvcc = cuda_toolkit.Compiler([str(make_toolkit(tmp_path / "cuda") / "bin" / "nvcc")], "nvcc")
    flags = cuda_toolkit.choose_architectures(nvcc, "75;90").compile_flags()
    generated = [after for flag, after in zip(flags, flags[1:], strict=False) if flag == "-gencode"]
    assert generated == [
        "arch=compute_75,code=sm_75",
        "arch=compute_90,code=sm_90",
        "arch=compute_90,code=compute_90",
    ]


def test_nvcc_gets_the_compiler_that_was_chosen():
    toolkit = cuda_toolkit.Toolkit(cuda_toolkit.Compiler(["nvcc"], "nvcc 12.4"), (75,))
    flags = toolkit.compile_flags(cuda_toolkit.Compiler(["g++-12"], "g++ 12"))
    assert flags[flags.index("-ccbin") + 1] == "g++-12"
    assert "-ccbin" not in toolkit.compile_flags(cuda_toolkit.Compiler(["ccache", "g++"], "g++"))


@pytest.fixture
def tree(tmp_path):
    """A copy of what setup.py needs."""
    target = tmp_path / "tree"
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "_build.json")
    for name in ("monet", "monet_build", "csrc"):
        shutil.copytree(ROOT / name, target / name, ignore=ignore)
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, target)
    (target / "README.md").write_text("# monet\n")
    return target


@pytest.fixture
def build(tree, tmp_path):
    """Runs setup.py with compilers that only pretend, for a TensorFlow that is hardly there."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    compiler = program(tmp_path / "c++", COMPILER)
    # Where the tests run, it need not be: only a build needs it.
    (site / "pybind11.py").write_text(
        "__version__ = '3.0'\ndef get_include():\n    return 'include'\n"
    )
    setuptools = Path(importlib.import_module("setuptools").__file__).parents[1]

    def run(tensorflow="tensorflow", **variables) -> tuple[subprocess.CompletedProcess, dict]:
        include = site / "tensorflow" / "include" / "tensorflow"
        for header in ("core/framework/op_kernel.h", "compiler/tf2xla/xla_op_kernel.h"):
            (include / header).parent.mkdir(parents=True, exist_ok=True)
            (include / header).touch()
        build_info = site / "tensorflow" / "python" / "platform" / "build_info.py"
        build_info.parent.mkdir(parents=True)
        build_info.write_text(f"build_info = [('is_cuda_build', {tensorflow == 'tensorflow'})]\n")
        metadata = site / f"{tensorflow.replace('-', '_')}-2.21.0.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: {tensorflow}\nVersion: 2.21.0\n")
        environment = {
            "PATH": str(tmp_path),  # without this machine's compilers
            "PYTHONPATH": str(setuptools),
            "CXX": str(compiler),
            **variables,
        }
        done = subprocess.run(
            [str(venv / "bin" / "python"), "setup.py", "build_ext", "--inplace"],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
        )
        record = tree / "monet" / "ops" / "_build.json"
        return done, json.loads(record.read_text()) if record.is_file() else {}

    return run


def row(done: subprocess.CompletedProcess, title: str) -> str:
    return next(line for line in done.stderr.splitlines() if line.startswith(f"  {title} "))


CPU, CUDA, XLA = "TensorFlow ops, CPU", "TensorFlow ops, CUDA", "XLA custom calls"


def test_cuda_is_built_where_there_is_nvcc_and_tensorflow_uses_gpus(build, tmp_path):
    done, record = build(CUDA_HOME=str(make_toolkit(tmp_path / "cuda")))
    assert done.returncode == 0, done.stderr
    assert "yes  sm_75, sm_80, sm_86, sm_89, sm_90 (nvcc 12.4)" in row(done, CUDA)
    assert "yes  on the CPU and on GPUs" in row(done, XLA)
    assert record["cuda_architectures"] == list(KNOWN)
    assert record["parts"]["cuda"]["built"] and record["parts"]["xla"]["cuda"]


def test_architectures_can_be_chosen(build, tmp_path):
    home = make_toolkit(tmp_path / "cuda")
    done, record = build(CUDA_HOME=str(home), MONET_CUDA_ARCHS="75,86")
    assert record["cuda_architectures"] == [75, 86], done.stderr


def test_default_architectures_that_nvcc_does_not_know_are_left_out(build, tmp_path):
    home = make_toolkit(tmp_path / "cuda", known=(80, 86, 89, 90, 100))
    done, record = build(CUDA_HOME=str(home))
    assert "(nvcc 12.4, which doesn't compile for sm_75)" in row(done, CUDA)
    assert record["cuda_architectures"] == [80, 86, 89, 90]


def test_architectures_that_are_asked_for_have_to_be_known(build, tmp_path):
    home = make_toolkit(tmp_path / "cuda")
    done, _ = build(CUDA_HOME=str(home), MONET_CUDA_ARCHS="60;75")
    assert done.returncode != 0
    assert "but nvcc 12.4 compiles for 75, 80, 86, 89, 90 only; leave out 60" in done.stderr


def test_wrong_architectures_are_an_error_in_every_mode(build):
    done, _ = build(MONET_CUDA_ARCHS="7.5", MONET_BUILD="cpu")
    assert done.returncode != 0
    assert "MONET_CUDA_ARCHS must be a list of GPU architectures" in done.stderr


def test_what_fails_for_gpus_leaves_the_ops_of_the_cpu(build, tmp_path):
    fails = "case \"$*\" in *norm_forward.cu*) echo 'norm.cu(7): error: oh dear' >&2; exit 1;; esac"
    done, record = build(CUDA_HOME=str(make_toolkit(tmp_path / "cuda", then=fails)))
    assert done.returncode == 0, done.stderr
    assert "yes  for tensorflow 2.21.0" in row(done, CPU)
    assert re.search(r"no +nvcc failed: norm.cu\(7\): error: oh dear; ", row(done, CUDA))
    assert "yes  on the CPU" in row(done, XLA)
    assert record["cuda_architectures"] == []


def test_a_toolkit_without_its_runtime_leaves_the_ops_of_the_cpu(build, tmp_path):
    home = make_toolkit(tmp_path / "cuda")
    (home / "lib64" / "libcudart_static.a").unlink()
    done, _ = build(CUDA_HOME=str(home))
    assert "libcudart_static.a of nvcc 12.4 is in none of" in row(done, CUDA)
    assert "yes" in row(done, CPU)


def test_what_is_asked_for_by_name_and_fails_is_an_error(build, tmp_path):
    fails = "echo 'norm.cu(7): error: oh dear' >&2; exit 1"
    home = make_toolkit(tmp_path / "cuda", then=fails)
    done, _ = build(CUDA_HOME=str(home), MONET_BUILD="cuda")
    assert done.returncode != 0
    assert "MONET_BUILD=cuda, but TensorFlow ops, CUDA: nvcc failed" in done.stderr


def test_tensorflow_that_does_not_use_gpus_gets_no_cuda_unless_forced(build, tmp_path):
    home = make_toolkit(tmp_path / "cuda")
    done, _ = build("tensorflow-cpu", CUDA_HOME=str(home))
    said = row(done, CUDA)
    assert "no   tensorflow-cpu 2.21.0 doesn't use GPUs; " in said and "MONET_BUILD=cuda" in said


def test_cuda_can_be_forced(build, tmp_path):
    home = make_toolkit(tmp_path / "cuda")
    done, _ = build("tensorflow-cpu", CUDA_HOME=str(home), MONET_BUILD="cuda")
    assert done.returncode == 0, done.stderr
    assert "yes  sm_75" in row(done, CUDA)


def test_without_nvcc(build):
    done, _ = build()
    assert done.returncode == 0, done.stderr
    assert "no   nvcc is not on PATH; install the CUDA toolkit" in row(done, CUDA)


def test_forced_without_nvcc(build):
    done, _ = build(MONET_BUILD="cuda")
    assert done.returncode != 0
    assert "MONET_BUILD=cuda, but nvcc is not on PATH; install the CUDA toolkit" in done.stderr
    assert "compiling" not in done.stdout


def test_cuda_can_be_left_out(build, tmp_path):
    done, _ = build(CUDA_HOME=str(make_toolkit(tmp_path / "cuda")), MONET_BUILD="cpu")
    assert done.returncode == 0, done.stderr
    assert "no   MONET_BUILD=cpu; install again without MONET_BUILD" in row(done, CUDA)


@pytest.mark.parametrize(("mode", "strict"), [("cpu", True), ("auto", False)])
def test_switch_that_forgets_a_case_fails_where_the_build_is_asked_for_by_name(
    build, tmp_path, mode, strict
):
    log = tmp_path / "log"
    logging = COMPILER.replace("#!/bin/sh\n", f'#!/bin/sh\necho "$*" >> {log}\n')
    compiler = program(tmp_path / "logging-c++", logging)
    done, _ = build(CXX=str(compiler), MONET_BUILD=mode)
    assert done.returncode == 0, done.stderr
    compiled = [line for line in log.read_text().splitlines() if "csrc/" in line and " -c " in line]
    assert compiled and all(("-Werror=switch" in line) == strict for line in compiled)
