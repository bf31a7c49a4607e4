"""Builds the native parts of the package as far as this machine allows, and records the outcome."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import monet
from monet import _csrc
from monet_build import cuda_toolkit, environment, toolchain
from monet_build.compilation import CSRC, Compilation
from monet_build.toolchain import Compiler, Missing, TensorFlow

RECORD = Path("ops", "_build.json")
OP_LIBRARY = Path("ops", "_tensorflow_ops.so")
XLA_LIBRARY = Path("ops", "_tensorflow_xla.so")
KERNELS_MODULE = Path("_kernels" + sysconfig.get_config_var("EXT_SUFFIX"))
# All that a build leaves in the package.
OUTPUTS = (RECORD, OP_LIBRARY, XLA_LIBRARY, KERNELS_MODULE)

PARTS = {
    "kernels": "CPU kernels",
    "tensorflow_ops": "TensorFlow ops, CPU",
    "cuda": "TensorFlow ops, CUDA",
    "xla": "XLA custom calls",
}
# What has to be built, or else the build fails, where MONET_BUILD is one of these.
_REQUIRED = {"cpu": ["kernels", "tensorflow_ops"], "cuda": ["kernels", "tensorflow_ops", "cuda"]}


def build(package: Path, objects: Path) -> dict:
    """Builds into `package`, an empty folder, what can be built, and the record of it.

    Args:
        package: where the outputs go.
        objects: where the objects are kept for the next time.

    Returns:
        The record: what was built, with what and for what, and why the rest was not.
    """
    (package / "ops").mkdir(parents=True)
    tensorflow = toolchain.find_tensorflow()
    builder = _Builder(package, Compilation(objects, _names(tensorflow)), tensorflow)
    record = builder.build()
    (package / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def put(built: Path, package: Path) -> None:
    """Copies what `build` has made into a package; what it hasn't made goes from there."""
    for name in OUTPUTS:
        target = package / name
        if not (built / name).is_file():
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # Never written to in place: a process that has opened the library goes on with the old one.
        scratch = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copy2(built / name, scratch)
        os.replace(scratch, target)


def require(record: dict) -> None:
    """Exits if what MONET_BUILD asks for by name was not built."""
    for part in _REQUIRED.get(record["mode"], []):
        if not record["parts"][part]["built"]:
            reason = record["parts"][part]["reason"]
            sys.exit(f"MONET_BUILD={record['mode']}, but {PARTS[part]}: {reason}")


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


class _Builder:
    """Compiles csrc/kernels once and links it into the Python module and both libraries."""

    def __init__(self, package: Path, objects: Compilation, tensorflow: TensorFlow | None):
        self._package = package
        self._objects = objects
        self._tensorflow = tensorflow
        self._mode = environment.mode()
        self._flags = ["-std=c++17", "-O3", "-DNDEBUG", "-fPIC", "-Wall"]
        if self._mode in _REQUIRED:
            self._flags.append("-Werror=switch")

    def build(self) -> dict:
        tensorflow = self._tensorflow
        toolkit = _find_toolkit(self._mode, tensorflow)
        record = {
            "monet": monet.__version__,
            "mode": self._mode,
            "platform": sysconfig.get_platform(),
            "python": sysconfig.get_python_version(),
            "compiler": None,
            "cuda_architectures": [],
            "sources": _csrc.fingerprints(CSRC),
            "tensorflow": tensorflow
            and {
                "distribution": tensorflow.distribution,
                "version": tensorflow.version,
                "path": str(tensorflow.path),
            },
        }
        parts = self._parts(record, toolkit)
        record["parts"] = {part: {"title": title, **parts[part]} for part, title in PARTS.items()}
        return record

    def _parts(self, record: dict, toolkit: cuda_toolkit.Toolkit | Missing) -> dict:
        try:
            if self._mode == "none":
                raise Missing("MONET_BUILD=none", "install again without MONET_BUILD")
            compiler = toolchain.find_compiler()
            record["compiler"] = compiler.version
            sources = toolchain.kernel_sources(CSRC / "kernels", compiler)
            flags = [*self._flags, "-fvisibility=hidden"]
            kernels = self._objects.compile(compiler, sources, flags)
        except Missing as missing:
            return dict.fromkeys(PARTS, _not_built(missing))
        parts = {}
        instruction_sets = ", ".join(toolchain.instruction_sets(sources))
        parts["kernels"] = _attempt(
            lambda: self._kernels_module(compiler, kernels), instruction_sets
        )
        tensorflow = self._tensorflow
        parts["tensorflow_ops"] = _attempt(
            lambda: self._op_library(compiler, kernels, None),
            f"for {tensorflow.distribution} {tensorflow.version}" if tensorflow else "",
        )
        if not parts["tensorflow_ops"]["built"]:
            without_ops = Missing("there are no TensorFlow ops for the CPU", "build those first")
            parts["cuda"] = parts["xla"] = _not_built(without_ops)
            return parts
        parts["xla"] = _attempt(lambda: self._xla_library(compiler, kernels, None), "on the CPU")
        if isinstance(toolkit, Missing):
            parts["cuda"] = _not_built(toolkit)
            return parts
        # Only now, so that what fails here leaves the libraries that are there.
        self._add_cuda(compiler, toolkit, kernels, parts)
        if parts["cuda"]["built"]:
            record["cuda_architectures"] = list(toolkit.architectures)
        return parts

    def _kernels_module(self, compiler: Compiler, kernels: list[Path]) -> None:
        sources = dict.fromkeys(sorted((CSRC / "python").glob("*.cc")), [])
        flags = [*self._flags, *toolchain.python_flags(), "-fvisibility=hidden"]
        objects = self._objects.compile(compiler, sources, flags)
        undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        target = self._package / KERNELS_MODULE
        self._objects.link(compiler, [*kernels, *objects], undefined, target)

    def _add_cuda(
        self,
        compiler: Compiler,
        toolkit: cuda_toolkit.Toolkit,
        kernels: list[Path],
        parts: dict,
    ) -> None:
        """Links the op library and the XLA library again, with what runs on GPUs."""
        try:
            sources = dict.fromkeys(sorted((CSRC / "kernels" / "cuda").glob("*.cu")), [])
            flags = [*toolkit.compile_flags(compiler), "-Xcompiler", "-fvisibility=hidden"]
            cuda = _Cuda(self._objects.compile(toolkit.nvcc, sources, flags), toolkit.link_flags())
            self._op_library(compiler, kernels, cuda)
        except Missing as missing:
            parts["cuda"] = _not_built(missing)
            return
        parts["cuda"] = {"built": True, "detail": str(toolkit)}
        if not parts["xla"]["built"]:
            return
        try:
            self._xla_library(compiler, kernels, cuda)
            parts["xla"] |= {"detail": "on the CPU and on GPUs", "cuda": True}
        except Missing as missing:
            parts["xla"]["detail"] = f"on the CPU; not on GPUs: {missing.reason}"

    def _op_library(self, compiler: Compiler, kernels: list[Path], cuda: _Cuda | None) -> None:
        if self._tensorflow is None:
            raise Missing("TensorFlow is not installed", "run: pip install tensorflow")
        objects = self._glue(compiler, xla=False, cuda=False)
        flags = self._tensorflow.link_flags()
        if cuda:
            objects += [*cuda.kernels, *self._glue(compiler, xla=False, cuda=True)]
            flags += cuda.link_flags
        self._objects.link(compiler, [*kernels, *objects], flags, self._package / OP_LIBRARY)

    def _xla_library(self, compiler: Compiler, kernels: list[Path], cuda: _Cuda | None) -> None:
        # A library of its own, with kernels of its own: where XLA's interface can't be used, the
        # ops still can.
        tensorflow = self._tensorflow
        try:
            objects = self._glue(compiler, xla=True, cuda=False)
            flags = tensorflow.xla_link_flags()
            if cuda:
                objects += [*cuda.kernels, *self._glue(compiler, xla=True, cuda=True)]
                flags += cuda.link_flags
            self._objects.link(compiler, [*kernels, *objects], flags, self._package / XLA_LIBRARY)
        except Missing as missing:  # the wheels of TensorFlow 2.19 leave out a header
            raise Missing(
                f"XLA of {tensorflow.distribution} {tensorflow.version}: {missing.reason}",
                "inside jit_compile=True the ops run as plain TensorFlow",
            ) from missing

    def _glue(self, compiler: Compiler, *, xla: bool, cuda: bool) -> list[Path]:
        """Compiles what of csrc/tensorflow is for the op or the XLA library, for CPUs or GPUs."""
        sources = {
            path: []
            for path in sorted((CSRC / "tensorflow").glob("*.cc"))
            if path.name.startswith("xla_") == xla and ("cuda" in path.stem) == cuda
        }
        tensorflow = self._tensorflow
        flags = tensorflow.xla_compile_flags() if xla else tensorflow.compile_flags()
        return self._objects.compile(compiler, sources, [*self._flags, *flags])


@dataclasses.dataclass(frozen=True)
class _Cuda:
    """Compiled kernels, and what linking them takes."""

    kernels: list[Path]
    link_flags: list[str]


def _find_toolkit(mode: str, tensorflow: TensorFlow | None) -> cuda_toolkit.Toolkit | Missing:
    """The CUDA toolkit to build with, or why not to. Exits where one is asked for by name."""
    architectures = environment.cuda_architectures()
    if mode not in ("auto", "cuda"):
        return Missing(f"MONET_BUILD={mode}", "install again without MONET_BUILD")
    if mode == "auto" and tensorflow and not tensorflow.has_cuda:
        return Missing(
            f"{tensorflow.distribution} {tensorflow.version} doesn't use GPUs",
            "install tensorflow[and-cuda] instead, or build for GPUs anyway with MONET_BUILD=cuda",
        )
    nvcc = cuda_toolkit.find_nvcc()
    try:
        if nvcc:
            return cuda_toolkit.choose_architectures(nvcc, architectures)
    except ValueError as error:
        sys.exit(str(error))
    missing = Missing(
        "nvcc is not on PATH",
        "install the CUDA toolkit, or set CUDA_HOME to where it is, and install monet again",
    )
    if mode == "cuda":
        sys.exit(f"MONET_BUILD=cuda, but {missing}")
    return missing


def _names(tensorflow: TensorFlow | None) -> dict[str, str]:
    """What the folders of headers are that may lie elsewhere in the next build."""
    names = dict(toolchain.pybind11_name())
    if tensorflow:
        names[str(tensorflow.path.parent)] = f"{tensorflow.distribution} {tensorflow.version}"
    return names


def _attempt(build: Callable[[], None], detail: str) -> dict:
    try:
        build()
    except Missing as missing:
        return _not_built(missing)
    return {"built": True, "detail": detail}


def _not_built(missing: Missing) -> dict:
    return {"built": False, "reason": missing.reason, "remedy": missing.remedy}
