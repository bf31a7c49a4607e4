"""Builds the native kernels and the TensorFlow op library, as far as this machine allows.

Environment:
    MONET_BUILD: `auto` builds what it can; `cpu` and `cuda` fail if they can't; `none` doesn't.
    MONET_CUDA_ARCHS: GPU architectures to compile for, such as `75;86`.
    CXX: the C++ compiler.

Ends with a table of what was built and why the rest was not, and leaves the same beside the library
for `python -m monet.info`.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
CSRC = ROOT / "csrc"
sys.path.insert(0, str(CSRC))

import toolchain  # noqa: E402
from toolchain import Missing  # noqa: E402

VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "monet" / "__init__.py").read_text()).group(1)
MODE = os.environ.get("MONET_BUILD") or "auto"
if MODE not in ("auto", "cpu", "cuda", "none"):
    sys.exit(f"MONET_BUILD must be auto, cpu, cuda or none, got {MODE!r}")

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
        self._objects = Path(self.build_temp).resolve()

        record = self._build(package)
        for part, title in PARTS.items():
            record["parts"][part] = {"title": title, **record["parts"][part]}
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
        record = {
            "monet": VERSION,
            "mode": MODE,
            "platform": sysconfig.get_platform(),
            "python": sysconfig.get_python_version(),
            "compiler": None,
            "cuda_architectures": os.environ.get("MONET_CUDA_ARCHS"),
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
            sources = toolchain.kernel_sources(CSRC / "kernels")
            kernels = self._compile(compiler, sources, ["-fvisibility=hidden"])
        except Missing as missing:
            record["parts"] = dict.fromkeys(PARTS, _not_built(missing))
            return record
        instruction_sets = ", ".join(toolchain.instruction_sets(sources))
        record["parts"] = {
            "kernels": _attempt(
                lambda: self._kernels_module(compiler, kernels, package / KERNELS_MODULE),
                instruction_sets,
            ),
            "tensorflow_ops": _attempt(
                lambda: self._op_library(compiler, kernels, tensorflow, package / OP_LIBRARY),
                f"for {tensorflow.distribution} {tensorflow.version}" if tensorflow else "",
            ),
            "cuda": _not_built(
                Missing(
                    f"this version has no CUDA kernels ({toolchain.find_nvcc() or 'no nvcc'})",
                    "on a GPU the ops run as plain TensorFlow",
                )
            ),
        }
        if record["parts"]["tensorflow_ops"]["built"]:
            record["parts"]["xla"] = _attempt(
                lambda: self._xla_library(compiler, kernels, tensorflow, package / XLA_LIBRARY),
                "on the CPU",
            )
        else:
            without_ops = Missing("there are no TensorFlow ops to call", "build those first")
            record["parts"]["xla"] = _not_built(without_ops)
        return record

    def _kernels_module(self, compiler, kernels, target: Path) -> None:
        sources = dict.fromkeys(sorted((CSRC / "python").glob("*.cc")), [])
        flags = [*toolchain.python_flags(), "-fvisibility=hidden"]
        objects = self._compile(compiler, sources, flags)
        undefined = ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
        self._link(compiler, [*kernels, *objects], undefined, target)

    def _op_library(self, compiler, kernels, tensorflow, target: Path) -> None:
        if tensorflow is None:
            raise Missing("TensorFlow is not installed", "run: pip install tensorflow")
        objects = self._compile(compiler, _glue(xla=False), tensorflow.compile_flags())
        self._link(compiler, [*kernels, *objects], tensorflow.link_flags(), target)

    def _xla_library(self, compiler, kernels, tensorflow, target: Path) -> None:
        # A library of its own, with kernels of its own: where XLA's interface can't be used, the
        # ops still can.
        try:
            objects = self._compile(compiler, _glue(xla=True), tensorflow.xla_compile_flags())
            self._link(compiler, [*kernels, *objects], tensorflow.xla_link_flags(), target)
        except Missing as missing:  # the wheels of TensorFlow 2.19 leave out a header
            raise Missing(
                f"XLA of {tensorflow.distribution} {tensorflow.version}: {missing.reason}",
                "inside jit_compile=True the ops run as plain TensorFlow",
            ) from missing

    def _compile(self, compiler, sources: dict[Path, list[str]], flags: list[str]) -> list[Path]:
        """Compiles, in parallel, whatever is out of date."""
        common = ["-std=c++17", "-O3", "-DNDEBUG", "-fPIC", "-Wall", f"-I{CSRC}", *flags]
        # Nothing in csrc/kernels includes a header from outside of it.
        folders = {"kernels", *(source.relative_to(CSRC).parts[0] for source in sources)}
        headers = [path for folder in folders for path in (CSRC / folder).rglob("*.h")]
        newest_header = max(path.stat().st_mtime for path in headers)

        def compile_one(source: Path) -> Path:
            target = self._objects / source.relative_to(CSRC).with_suffix(".o")
            command = [*common, *sources[source], "-c", str(source), "-o", str(target)]
            note = target.with_suffix(".command")
            wanted = "\n".join([compiler.version, *command])
            if target.is_file() and note.is_file() and note.read_text() == wanted:
                if target.stat().st_mtime > max(newest_header, source.stat().st_mtime):
                    return target
            target.parent.mkdir(parents=True, exist_ok=True)
            print(f"compiling {source.relative_to(ROOT)}", flush=True)
            compiler.run(command)
            note.write_text(wanted)
            return target

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(compile_one, sources))

    def _link(self, compiler, objects: list[Path], flags: list[str], target: Path) -> None:
        print(f"linking {target.name}", flush=True)
        scratch = self._objects / target.name
        arguments = ["-shared", "-pthread", *map(str, objects), *flags, "-o", str(scratch)]
        if sys.platform == "linux":
            arguments.append("-Wl,-s")
        compiler.run(arguments)
        shutil.move(scratch, target)


def _glue(xla: bool) -> dict[Path, list[str]]:
    """The sources of the op library, or those of the XLA library."""
    sources = sorted((CSRC / "tensorflow").glob("*.cc"))
    return {path: [] for path in sources if path.name.startswith("xla_") == xla}


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
    ext_modules=[Extension("monet._kernels", [])],
    cmdclass={"build_ext": BuildNative},
    install_requires=requirements(),
    setup_requires=build_requirements(),
    zip_safe=False,
)
