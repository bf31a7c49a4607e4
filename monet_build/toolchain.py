"""What setup.py builds with: the compiler, and the TensorFlow of the target environment.

Everything is read from disk. TensorFlow is never imported: under pip's build isolation it isn't on
`sys.path`, and importing it takes seconds.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import re
import shlex
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

# The versions this package is tested with. One that is already installed may be newer.
TENSORFLOW_RANGE = ">=2.19,<2.22"
OLDEST_TENSORFLOW = (2, 19)
# All of them install the package `tensorflow`: another would overwrite the one that is there.
TENSORFLOW_DISTRIBUTIONS = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-intel",
    "tensorflow-rocm",
    "tensorflow-tpu",
)


class Missing(Exception):
    """Something the build needs isn't there: one sentence of reason, and a remedy."""

    def __init__(self, reason: str, remedy: str):
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclasses.dataclass(frozen=True)
class TensorFlow:
    """A TensorFlow wheel on disk."""

    distribution: str
    version: str
    path: Path

    @property
    def requirement(self) -> str:
        """The only versions an op library compiled against this one may be used with."""
        major, minor, *_ = self.version.split(".")
        is_final = re.fullmatch(r"[\d.]+", self.version)
        return f"{self.distribution}~=" + (f"{major}.{minor}.0" if is_final else self.version)

    def compile_flags(self) -> list[str]:
        # What tf.sysconfig.get_compile_flags() returns for every wheel since 2.9.
        include = self.path / "include"
        if not (include / "tensorflow" / "core" / "framework" / "op_kernel.h").is_file():
            raise Missing(
                f"{self.distribution} {self.version} in {self.path} has no C++ headers",
                f"install the wheel from PyPI: pip install --force-reinstall {self.distribution}",
            )
        return [
            f"-isystem{include}",
            "-D_GLIBCXX_USE_CXX11_ABI=1",
            "-DEIGEN_MAX_ALIGN_BYTES=64",
            # TensorFlow's headers log with __FILE__: not with the paths of this machine.
            f"-ffile-prefix-map={self.path.parent}=.",
            f"-DMONET_TENSORFLOW_VERSION={self.version}",  # recompiles after an upgrade
        ]

    @property
    def has_cuda(self) -> bool:
        """Whether it runs on NVIDIA GPUs: `tensorflow` for Linux does, `tensorflow-cpu` doesn't."""
        build_info = self.path / "python" / "platform" / "build_info.py"
        try:
            text = build_info.read_text(encoding="utf-8")
        except OSError:
            return False
        return re.search(r"'is_cuda_build', True", text) is not None

    def link_flags(self) -> list[str]:
        return self._link("tensorflow_framework")

    def _link(self, *libraries: str) -> list[str]:
        # No rpath: Python has loaded TensorFlow by the time the op library is opened, and the
        # dynamic linker takes a loaded library of the same soname from wherever it is.
        if sys.platform == "darwin":
            return [f"-L{self.path}", *(f"-l{name}.2" for name in libraries)]
        return [f"-L{self.path}", *(f"-l:lib{name}.so.2" for name in libraries)]

    def xla_compile_flags(self) -> list[str]:
        """For sources that include XLA's headers, which lean on more of the wheel's."""
        include = self.path / "include"
        if not (include / "tensorflow" / "compiler" / "tf2xla" / "xla_op_kernel.h").is_file():
            raise Missing(
                f"{self.distribution} {self.version} has no headers of XLA",
                "inside jit_compile=True the ops run as plain TensorFlow",
            )
        external = include / "external"
        return [
            *self.compile_flags(),
            f"-isystem{external / 'highwayhash'}",
            f"-isystem{external / 'farmhash_archive' / 'src'}",
            "-O1",  # glue: what takes time is in the kernels, and these headers compile slowly
        ]

    def xla_link_flags(self) -> list[str]:
        # A symbol that this TensorFlow doesn't export is found out now, not when a function is
        # compiled.
        complete = [] if sys.platform == "darwin" else ["-Wl,-z,defs"]
        return [*self._link("tensorflow_cc", "tensorflow_framework"), *complete]


def find_tensorflow() -> TensorFlow | None:
    """The TensorFlow of the environment being installed into, or else of the build environment."""
    for directory in _site_directories():
        for distribution in TENSORFLOW_DISTRIBUTIONS:
            found = _tensorflow_in(directory, distribution)
            if found is not None:
                return found
    return None


def _tensorflow_in(directory: str, name: str) -> TensorFlow | None:
    if not os.path.isdir(os.path.join(directory, "tensorflow")):
        return None
    for found in importlib.metadata.distributions(name=name, path=[directory]):
        version = tuple(int(part) for part in re.findall(r"\d+", found.version)[:2])
        if version >= OLDEST_TENSORFLOW:
            return TensorFlow(name, found.version, Path(directory) / "tensorflow")
    return None


def _site_directories() -> list[str]:
    """Where the environment keeps its packages, even where build isolation hides it."""
    directories = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    directories += site.getsitepackages()
    if sys.prefix == sys.base_prefix:
        directories.append(site.getusersitepackages())
    elif _sees_system_packages():
        for scheme_path in ("purelib", "platlib"):
            base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
            directories.append(sysconfig.get_path(scheme_path, vars=base))
    # Last, what pip installed for this build.
    return list(dict.fromkeys(directories + sys.path))


def _sees_system_packages() -> bool:
    try:
        config = (Path(sys.prefix) / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"include-system-site-packages\s*=\s*true", config, re.I) is not None


def required_tensorflow() -> str:
    """The requirement of the package: the TensorFlow that it was compiled against, if any."""
    found = find_tensorflow()
    return found.requirement if found else any_tensorflow()


def any_tensorflow() -> str:
    """The requirement where there is no TensorFlow yet."""
    return _default_distribution() + TENSORFLOW_RANGE


def _default_distribution() -> str:
    has_small_wheel = sys.platform == "linux" and platform.machine() == "x86_64"
    has_gpu = os.path.exists("/proc/driver/nvidia/version") or shutil.which("nvidia-smi")
    return "tensorflow-cpu" if has_small_wheel and not has_gpu else "tensorflow"


@dataclasses.dataclass(frozen=True)
class Compiler:
    command: list[str]
    version: str

    def run(self, arguments: list[str]) -> str:
        """Runs the compiler; returns what it says, or raises `Missing` with its first error."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            first = next((line for line in lines if re.search("error|undefined", line)), lines[-1])
            raise Missing(
                f"{os.path.basename(self.command[0])} failed: {first.strip()}",
                "see the compiler's output with pip install -v, and report it",
            )
        return done.stdout + done.stderr

    def accepts(self, code: str, flags: list[str]) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.cc"
            probe.write_text(code)
            command = [*self.command, *flags, "-c", str(probe), "-o", f"{probe}.o"]
            return subprocess.run(command, capture_output=True).returncode == 0


def find_compiler() -> Compiler:
    """A C++17 compiler: `CXX` if set, else g++, c++ or clang++ from `PATH`."""
    text = os.environ.get("CXX", "")
    try:
        chosen = shlex.split(text)  # may have arguments, as in "ccache g++"
    except ValueError as error:
        raise Missing(f"CXX is {text!r}: {error}", "mend or unset it") from error
    commands = [chosen] if chosen else [["g++"], ["c++"], ["clang++"]]
    command = next((command for command in commands if shutil.which(command[0])), None)
    if sys.platform == "win32" or command is None:
        raise Missing(
            f"no C++ compiler ({', '.join(map(shlex.join, commands))}) is on PATH",
            "install one, for example: apt-get install g++",
        )
    compiler = Compiler(command, _first_line(*command, "--version"))
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.cc"
        probe.write_text("#include <atomic>\ntemplate <typename T> inline constexpr T one = 1;\n")
        try:
            compiler.run(["-std=c++17", "-fPIC", "-shared", str(probe), "-o", f"{probe}.so"])
        except Missing as error:
            raise Missing(
                f"{shlex.join(command)} can't build a C++17 shared library ({error.reason})",
                "install a newer one, for example: apt-get install g++",
            ) from error
    return compiler


def has_compiler() -> bool:
    """Whether `find_compiler` finds one."""
    try:
        find_compiler()
    except Missing:
        return False
    return True


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout
    except OSError:
        return ""


def _first_line(*command: str) -> str:
    lines = _output(*command).strip().splitlines()
    return lines[0] if lines else command[0]


def python_flags() -> list[str]:
    """Flags for the pybind11 module."""
    include = Path(sysconfig.get_path("include"))
    if not (include / "Python.h").is_file():
        raise Missing(
            f"Python's C headers are not in {include}",
            "install them, for example: apt-get install python3-dev",
        )
    if not pybind11_name():
        raise Missing("pybind11 is not installed", "run: pip install pybind11")
    return [f"-isystem{include}", *(f"-isystem{folder}" for folder in pybind11_name())]


def pybind11_name() -> dict[str, str]:
    """Where the headers of pybind11 are, and of which version; empty where there is none."""
    try:
        import pybind11
    except ImportError:
        return {}
    return {pybind11.get_include(): f"pybind11 {pybind11.__version__}"}


# Which instruction set a file of csrc/kernels is for is the last part of its name. The choice
# between them is made at run time, so all are built.
_ISA_FLAGS = {
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c"],
}
_ISA_FLAGS["amx"] = [*_ISA_FLAGS["avx512"], "-mamx-tile", "-mamx-bf16"]
# GCC 10 and the assemblers of its time don't know these instructions.
_AMX_PROBE = 'void release() { asm volatile("tilerelease"); }'


def kernel_sources(folder: Path, compiler: Compiler) -> dict[Path, list[str]]:
    """The kernels' source files that this machine can compile, with the flags each needs."""
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    sources = {}
    for source in sorted(folder.rglob("*.cc")):
        instruction_set = source.stem.rpartition("_")[2]
        flags = _ISA_FLAGS.get(instruction_set, [])
        if not is_x86 and flags:
            continue
        if instruction_set == "amx" and not compiler.accepts(_AMX_PROBE, flags):
            flags = []  # the file then says that it has no kernels
        sources[source] = flags
    return sources


def instruction_sets(sources: dict[Path, list[str]]) -> list[str]:
    built = {source.stem.rpartition("_")[2] for source, flags in sources.items() if flags}
    return ["portable", *(name for name in _ISA_FLAGS if name in built)]
