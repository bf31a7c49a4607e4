"""The CUDA toolkit: where nvcc is, which GPUs it compiles for, and with which flags.

For setup.py and cuda_build.py.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess

from monet_build.toolchain import Compiler, Missing

# T4, A100, A10 and RTX 30, L4 and RTX 40, H100.
ARCHITECTURES = (75, 80, 86, 89, 90)


def find_nvcc() -> Compiler | None:
    """The nvcc of `CUDA_HOME` or `CUDA_PATH`, or else the one on `PATH`."""
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH")]
    candidates = [os.path.join(home, "bin", "nvcc") for home in homes if home] + ["nvcc"]
    command = next(filter(None, map(shutil.which, candidates)), None)
    if command is None:
        return None
    nvcc = Compiler([command], "nvcc")
    release = re.search(r"release ([\d.]+)", _run(nvcc, "--version").stdout)
    return dataclasses.replace(nvcc, version=f"nvcc {release[1]}") if release else nvcc


def parse_architectures(text: str) -> tuple[int, ...]:
    """`75;86` or `75,86` as numbers, in ascending order.

    Raises:
        ValueError: it is anything else.
    """
    parts = [part.strip() for part in re.split("[;,]", text)]
    if not all(re.fullmatch(r"[1-9]\d{1,2}", part) for part in parts):
        raise ValueError(
            f"MONET_CUDA_ARCHS must be a list of GPU architectures such as 75;86 (compute "
            f"capability 7.5 is 75), got {text!r}"
        )
    return tuple(sorted({int(part) for part in parts}))


@dataclasses.dataclass(frozen=True)
class Toolkit:
    """A CUDA toolkit, and what to compile with it.

    Attributes:
        nvcc: its compiler.
        architectures: the GPU architectures to compile for.
        left_out: those of the default ones that `nvcc` doesn't know, too old or too new.
    """

    nvcc: Compiler
    architectures: tuple[int, ...]
    left_out: tuple[int, ...] = ()

    def __str__(self) -> str:
        known = ", ".join(f"sm_{architecture}" for architecture in self.architectures)
        unknown = ", ".join(f"sm_{architecture}" for architecture in self.left_out)
        without = f", which doesn't compile for {unknown}" if unknown else ""
        return f"{known} ({self.nvcc.version}{without})"

    def compile_flags(self, host: Compiler | None = None) -> list[str]:
        """Flags for `.cu` files; `host` compiles what is for the CPU, if given."""
        flags = ["-std=c++17", "-O3", "-DNDEBUG", "-Xcompiler", "-fPIC"]
        # One word: nvcc takes a compiler here, and not "ccache g++".
        if host and len(host.command) == 1:
            flags += ["-ccbin", host.command[0]]
        for architecture in self.architectures:
            flags += ["-gencode", f"arch=compute_{architecture},code=sm_{architecture}"]
        # GPUs to come compile this at run time.
        newest = max(self.architectures)
        return [*flags, "-gencode", f"arch=compute_{newest},code=compute_{newest}"]

    def link_flags(self) -> list[str]:
        """Flags with which a C++ compiler links what `nvcc` has compiled.

        The CUDA runtime is linked statically, and its symbols are kept inside. So the library
        loads where there is no CUDA, and doesn't mind which runtime TensorFlow brings; it opens the
        driver when the first kernel is launched. The driver need not be as new as the toolkit:
        machine code made by CUDA 12.x runs with every driver for CUDA 12 (525 or newer: NVIDIA,
        "CUDA Compatibility", minor version compatibility), and so what Kaggle's own nvcc makes with
        Kaggle's driver. That of CUDA 13 needs 580 or newer. Only PTX, for GPUs newer than the
        toolkit, needs a driver that knows that toolkit.
        """
        dry_run = _run(self.nvcc, "-dryrun", "-shared", "none.o", "-o", "none.so").stderr
        listed = re.search(r"LIBRARIES=(.*)", dry_run)
        options = shlex.split(listed[1]) if listed else []
        folders = [option.removeprefix("-L") for option in options]
        # NVIDIA's packages for pip and conda leave it in other places than nvcc looks.
        home = os.path.dirname(os.path.dirname(os.path.realpath(self.nvcc.command[0])))
        folders += [os.path.join(home, "lib64"), os.path.join(home, "lib")]
        runtime = (os.path.join(folder, "libcudart_static.a") for folder in folders)
        found = next(filter(os.path.isfile, runtime), None)
        if found is None:
            raise Missing(
                f"libcudart_static.a of {self.nvcc.version} is in none of {', '.join(folders)}",
                "install the CUDA runtime's development files (cuda-cudart-dev)",
            )
        return [found, "-Wl,--exclude-libs,libcudart_static.a", "-ldl", "-lrt", "-lpthread"]


def choose_architectures(nvcc: Compiler, wanted: str | None) -> Toolkit:
    """Compiles for `wanted`, or else for all of `ARCHITECTURES` that `nvcc` knows.

    Args:
        nvcc: the compiler.
        wanted: the value of `MONET_CUDA_ARCHS`, if any.

    Raises:
        ValueError: `wanted` is no list of architectures, or `nvcc` doesn't know one of them.
    """
    listed = _run(nvcc, "--list-gpu-arch").stdout
    known = {int(number) for number in re.findall(r"compute_(\d+)\b", listed)}
    chosen = parse_architectures(wanted) if wanted else ARCHITECTURES
    # An nvcc that can't list them will say itself what it doesn't know.
    unknown = tuple(number for number in chosen if known and number not in known)
    if wanted and unknown:
        raise ValueError(
            f"MONET_CUDA_ARCHS={wanted}, but {nvcc.version} compiles for "
            f"{', '.join(map(str, sorted(known)))} only; leave out {', '.join(map(str, unknown))} "
            f"or use another CUDA toolkit"
        )
    return Toolkit(nvcc, tuple(number for number in chosen if number not in unknown), unknown)


def _run(compiler: Compiler, *arguments: str) -> subprocess.CompletedProcess:
    command = [*compiler.command, *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
