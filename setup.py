"""Builds the native kernels and the TensorFlow op library, as far as this machine allows.

Environment:
    MONET_BUILD: `auto` builds what it can, and CUDA if nvcc is there and the installed TensorFlow
        uses GPUs; `cpu` leaves CUDA out and `cuda` wants it, and both fail if they can't build
        what they name; `none` doesn't build anything.
    MONET_CUDA_ARCHS: GPU architectures to compile for, such as `75;86`.
    CUDA_HOME: where the CUDA toolkit is, unless nvcc is on `PATH`.
    CXX: the C++ compiler.

Ends with a table of what was built and why the rest was not, and leaves the same beside the library
for `python -m monet.info`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

from monet_build import cuda_toolkit, toolchain
from monet_build.compilation import Compilation
from monet_build.toolchain import Missing

ROOT = Path(__file__).parent.resolve()
CSRC = ROOT / "csrc"

VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "monet" / "__init__.py").read_text()).group(1)
MODE = os.environ.get("MONET_BUILD") or "auto"
if MODE not in ("auto", "cpu", "cuda", "none"):
    sys.exit(f"MONET_BUILD must be auto, cpu, cuda or none, got {MODE!r}")
CUDA_ARCHS = os.environ.get("MONET_CUDA_ARCHS") or None
if CUDA_ARCHS:
    try:
        cuda_toolkit.parse_architectures(CUDA_ARCHS)
    except ValueError as error:
        sys.exit(str(error))

FLAGS = ["-std=c++17", "-O3", "-DNDEBUG", "-fPIC", "-Wall"]

RECORD = Path("ops", "_build.json")
OP_LIBRARY = Path("ops", "_tensorflow_ops.so")
XLA_LIBRARY = Path("ops", "_tensorflow_xla.so")
KERNELS_MODULE = Path("_kernels" + sysconfig.get_config_var("EXT_SUFFIX"))
OUTPUTS = (RECORD, OP_LIBRARY, XLA_LIBRARY, KERNELS_MODULE)

PARTS = {
    "kernels": "CPU kernels",
    "tensorflow_ops": "TensorFlow ops, CPU",
    "cuda": "TensorFlow ops, CUDA",
    "xla": "XLA custom calls",
}


class BuildNative(build_ext):
    """Compiles csrc/kernels once and links it into both the Python module and the op library."""

    def run(self):
        in_place = self.inplace or getattr(self, "editable_mode", False)
        package = ROOT / "monet" if in_place else Path(self.build_lib).resolve() / "monet"
        # What an earlier build left must not be taken for the result of this one.
        for output in OUTPUTS:
            (package / output).unlink(missing_ok=True)
        (package / "ops").mkdir(parents=True, exist_ok=True)
        self._objects = Compilation(Path(self.build_temp).resolve())

        record = self._build(package)
        record["parts"] = {
            part: {"title": title, **record["parts"][part]} for part, title in PARTS.items()
        }
        (package / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        print(table(record), file=sys.stderr)
        _require(record["parts"])

    def get_outputs(self):
        package = Path(self.build_lib, "monet")
        return [str(package / name) for name in OUTPUTS]

    def get_output_mapping(self):
        return {}

    def _build(self, package: Path) -> dict:
        tensorflow = toolchain.find_tensorflow()
        toolkit = _find_toolkit(tensorflow)
        record = {
            "monet": VERSION,
            "mode": MODE,
            "platform": sysconfig.get_platform(),
            "python": sysconfig.get_python_version(),
            "compiler": None,
            "cuda_architectures": [],
            "tensorflow": tensorflow
            and {
                "distribution": tensorflow.distribution,
                "version": tensorflow.version,
                "path": str(tensorflow.path),
            },
        }
        try:
            if MODE == "none":
                raise Missing("MONET_BUILD=none", "install again without MONET_BUILD")
            compiler = toolchain.find_compiler()
            record["compiler"] = compiler.version
            sources = toolchain.kernel_sources(CSRC / "kernels", compiler)
            kernels = self._objects.compile(compiler, sources, [*FLAGS, "-fvisibility=hidden"])
        except Missing as missing:
            record["parts"] = dict.fromkeys(PARTS, _not_built(missing))
            return record
        parts = record["parts"] = {}
        instruction_sets = ", ".join(toolchain.instruction_sets(sources))
        parts["kernels"] = _attempt(
            lambda: self._kernels_module(compiler, kernels, package / KERNELS_MODULE),
            instruction_sets,
        )
        for_tensorflow = f"for {tensorflow.distribution} {tensorflow.version}" if tensorflow else ""
        parts["tensorflow_ops"] = _attempt(
            lambda: self._op_library(compiler, kernels, None, tensorflow, package / OP_LIBRARY),
            for_tensorflow,
        )
        if not parts["tensorflow_ops"]["built"]:
            without_ops = Missing("there are no TensorFlow ops for the CPU", "build those first")
            parts["cuda"] = parts["xla"] = _not_built(without_ops)
            return record
        parts["xla"] = _attempt(
            lambda: self._xla_library(compiler, kernels, None, tensorflow, package / XLA_LIBRARY),
            "on the CPU",
        )
        if isinstance(toolkit, Missing):
            parts["cuda"] = _not_built(toolkit)
            return record
        # Only now, so that what fails here leaves the libraries that are there.
        self._add_cuda(compiler, toolkit, kernels, tensorflow, parts, package)
        if parts["cuda"]["built"]:
            record["cuda_architectures"] = list(toolkit.architectures)
        return record

    def _kernels_module(self, compiler, kernels, target: Path) -> None:
        sources = dict.fromkeys(sorted((CSRC / "python").glob("*.cc")), [])
        flags = [*FLAGS, *toolchain.python_flags(), "-fvisibility=hidden"]
        objects = self._objects.compile(compiler, sources, flags)
        undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        self._objects.link(compiler, [*kernels, *objects], undefined, target)

    def _add_cuda(self, compiler, toolkit, kernels, tensorflow, parts: dict, package: Path) -> None:
        """Links the op library and the XLA library again, with what runs on GPUs."""
        try:
            sources = dict.fromkeys(sorted((CSRC / "kernels" / "cuda").glob("*.cu")), [])
            flags = [*toolkit.compile_flags(compiler), "-Xcompiler", "-fvisibility=hidden"]
            cuda = Cuda(self._objects.compile(toolkit.nvcc, sources, flags), toolkit.link_flags())
            self._op_library(compiler, kernels, cuda, tensorflow, package / OP_LIBRARY)
        except Missing as missing:
            parts["cuda"] = _not_built(missing)
            return
        parts["cuda"] = {"built": True, "detail": str(toolkit)}
        if not parts["xla"]["built"]:
            return
        try:
            self._xla_library(compiler, kernels, cuda, tensorflow, package / XLA_LIBRARY)
            parts["xla"] |= {"detail": "on the CPU and on GPUs", "cuda": True}
        except Missing as missing:
            parts["xla"]["detail"] = f"on the CPU; not on GPUs: {missing.reason}"

    def _op_library(self, compiler, kernels, cuda: Cuda | None, tensorflow, target: Path) -> None:
        if tensorflow is None:
            raise Missing("TensorFlow is not installed", "run: pip install tensorflow")
        objects = self._glue(compiler, tensorflow, xla=False, cuda=False)
        flags = tensorflow.link_flags()
        if cuda:
            objects += [*cuda.kernels, *self._glue(compiler, tensorflow, xla=False, cuda=True)]
            flags += cuda.link_flags
        self._objects.link(compiler, [*kernels, *objects], flags, target)

    def _xla_library(self, compiler, kernels, cuda: Cuda | None, tensorflow, target: Path) -> None:
        # A library of its own, with kernels of its own: where XLA's interface can't be used, the
        # ops still can.
        try:
            objects = self._glue(compiler, tensorflow, xla=True, cuda=False)
            flags = tensorflow.xla_link_flags()
            if cuda:
                objects += [*cuda.kernels, *self._glue(compiler, tensorflow, xla=True, cuda=True)]
                flags += cuda.link_flags
            self._objects.link(compiler, [*kernels, *objects], flags, target)
        except Missing as missing:  # the wheels of TensorFlow 2.19 leave out a header
            raise Missing(
                f"XLA of {tensorflow.distribution} {tensorflow.version}: {missing.reason}",
                "inside jit_compile=True the ops run as plain TensorFlow",
            ) from missing

    def _glue(self, compiler, tensorflow, *, xla: bool, cuda: bool) -> list[Path]:
        """Compiles what of csrc/tensorflow is for the op or the XLA library, for CPUs or GPUs."""
        sources = {
            path: []
            for path in sorted((CSRC / "tensorflow").glob("*.cc"))
            if path.name.startswith("xla_") == xla and ("cuda" in path.stem) == cuda
        }
        flags = tensorflow.xla_compile_flags() if xla else tensorflow.compile_flags()
        return self._objects.compile(compiler, sources, [*FLAGS, *flags])


@dataclasses.dataclass(frozen=True)
class Cuda:
    """Compiled kernels, and what linking them takes."""

    kernels: list[Path]
    link_flags: list[str]


def _find_toolkit(tensorflow) -> cuda_toolkit.Toolkit | Missing:
    """The CUDA toolkit to build with, or why not to. Stops where one is asked for by name."""
    if MODE != "cuda":
        if MODE != "auto":
            return Missing(f"MONET_BUILD={MODE}", "install again without MONET_BUILD")
        if tensorflow and not tensorflow.has_cuda:
            return Missing(
                f"{tensorflow.distribution} {tensorflow.version} doesn't use GPUs",
                "install tensorflow[and-cuda] instead, or build for GPUs anyway with "
                "MONET_BUILD=cuda",
            )
    nvcc = cuda_toolkit.find_nvcc()
    try:
        if nvcc:
            return cuda_toolkit.choose_architectures(nvcc, CUDA_ARCHS)
    except ValueError as error:
        sys.exit(str(error))
    missing = Missing(
        "nvcc is not on PATH",
        "install the CUDA toolkit, or set CUDA_HOME to where it is, and install monet again",
    )
    if MODE == "cuda":
        sys.exit(f"MONET_BUILD=cuda, but {missing}")
    return missing


def _attempt(build, detail: str) -> dict:
    try:
        build()
    except Missing as missing:
        return _not_built(missing)
    return {"built": True, "detail": detail}


def _not_built(missing: Missing) -> dict:
    return {"built": False, "reason": missing.reason, "remedy": missing.remedy}


def _require(parts: dict) -> None:
    """Fails the build if what MONET_BUILD asks for by name was not built."""
    required = {"cpu": ["kernels", "tensorflow_ops"], "cuda": ["kernels", "tensorflow_ops", "cuda"]}
    for part in required.get(MODE, []):
        if not parts[part]["built"]:
            sys.exit(f"MONET_BUILD={MODE}, but {PARTS[part]}: {parts[part]['reason']}")


def table(record: dict) -> str:
    """What was built, and why the rest was not."""
    lines = [f"monet {record['monet']}, native parts ({record['compiler'] or 'no compiler'}):"]
    for part, title in PARTS.items():
        entry = record["parts"][part]
        if entry["built"]:
            lines.append(f"  {title:<22}yes  {entry['detail']}")
        else:
            lines.append(f"  {title:<22}no   {entry['reason']}; {entry['remedy']}")
    return "\n".join(lines)


def requirements() -> list[str]:
    """TensorFlow as it was compiled against; the rest is loose."""
    tensorflow = toolchain.find_tensorflow()
    needed = tensorflow.requirement if tensorflow else _any_tensorflow()
    return [needed, "numpy>=1.26", "pillow>=10"]


def _any_tensorflow() -> str:
    return toolchain.default_distribution() + toolchain.TENSORFLOW_RANGE


def build_requirements() -> list[str]:
    """Asks pip for a TensorFlow to compile against, where the environment has none.

    Only when pip (or another front end) asks what the build needs, which runs `egg_info`: a plain
    `python setup.py build_ext` would download it in setuptools' own way.
    """
    if "egg_info" not in sys.argv or MODE == "none" or toolchain.find_tensorflow():
        return []
    try:
        toolchain.find_compiler()
    except Missing:
        return []
    return [_any_tensorflow()]


setup(
    version=VERSION,
    license="Apache-2.0",
    packages=[
        str(path.parent.relative_to(ROOT)).replace(os.sep, ".")
        for path in sorted((ROOT / "monet").rglob("__init__.py"))
    ],
    include_package_data=False,
    package_data={"monet.data": ["sample_pictures/*/*.jpg"]},
    ext_modules=[Extension("monet._kernels", [])],
    cmdclass={"build_ext": BuildNative},
    install_requires=requirements(),
    setup_requires=build_requirements(),
    zip_safe=False,
)
