"""Compiles the CUDA kernels without TensorFlow: with nvcc, or for the emulator with a C++ compiler.

`python -m monet_build.cuda_build` compiles for all GPUs and lists the registers each kernel uses.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from monet_build import cuda_toolkit, toolchain
from monet_build.compilation import CSRC, Compilation
from monet_build.cuda_toolkit import ARCHITECTURES

KERNELS = CSRC / "kernels" / "cuda"
# Fortified longjmp refuses to change stacks, which is what the emulator's threads do.
EMULATOR_FLAGS = ["-std=c++17", "-O1", "-g", "-fPIC", "-U_FORTIFY_SOURCE", "-xc++"]
EMULATOR_FLAGS += ["-Wno-unknown-pragmas", "-Wall", "-Wextra", "-Werror"]

_KERNEL_SOURCES = sorted(KERNELS.glob("*.cu"))
_API = CSRC / "python" / "cuda_api.cu"


def build_emulated(folder: Path) -> Path:
    """Compiles the kernels for the emulator, warnings as errors; returns the shared library.

    Raises:
        toolchain.Missing: there is no compiler, or they don't compile.
    """
    library = folder / f"{_API.stem}.so"
    with emulated_kernels(folder) as (objects, kernels):
        api = _emulate(objects, [_API])
        objects.link(toolchain.find_compiler(), [*kernels, *api], [], library)
    return library


def build_cuda(folder: Path, architectures=ARCHITECTURES) -> tuple[Path, list[Kernel]]:
    """Compiles for GPUs, warnings as errors; returns the library and what each kernel uses.

    Raises:
        toolchain.Missing: they don't compile.
    """
    library = folder / f"{_API.stem}.so"
    with cuda_kernels(folder, architectures) as (objects, kernels, toolkit):
        made = [*kernels, *_compile(objects, toolkit, [_API])]
        objects.link(toolchain.find_compiler(), made, toolkit.link_flags(), library)
        return library, _parse_resources(objects.said(made))


def compile_cuda(folder: Path, architectures=ARCHITECTURES) -> tuple[list[Kernel], list[Path]]:
    """Compiles the kernels alone; returns what each uses and, where they stay, the objects.

    Raises:
        toolchain.Missing: they don't compile.
    """
    with cuda_kernels(folder, architectures) as (objects, kernels, _):
        return _parse_resources(objects.said(kernels)), kernels


@contextlib.contextmanager
def emulated_kernels(folder: Path) -> Iterator[tuple[Compilation, list[Path]]]:
    """The kernels compiled for the emulator: a place for more objects, and theirs."""
    with kept("emulated", folder) as objects:
        yield objects, _emulate(objects, _KERNEL_SOURCES)


@contextlib.contextmanager
def cuda_kernels(
    folder: Path, architectures=ARCHITECTURES
) -> Iterator[tuple[Compilation, list[Path], cuda_toolkit.Toolkit]]:
    """The kernels compiled for GPUs: a place for more objects, theirs, and what made them."""
    toolkit = cuda_toolkit.Toolkit(cuda_toolkit.find_nvcc(), tuple(architectures))
    with kept("-".join(["cuda", *map(str, architectures)]), folder) as objects:
        yield objects, _compile(objects, toolkit, _KERNEL_SOURCES), toolkit


def _emulate(objects: Compilation, sources: list[Path]) -> list[Path]:
    return objects.compile(toolchain.find_compiler(), dict.fromkeys(sources, []), EMULATOR_FLAGS)


def _compile(
    objects: Compilation, toolkit: cuda_toolkit.Toolkit, sources: list[Path]
) -> list[Path]:
    flags = [*toolkit.compile_flags(), "-Xptxas", "-v"]
    flags += ["-Werror", "all-warnings", "-Xcompiler", "-Wall,-Wextra"]
    return objects.compile(toolkit.nvcc, dict.fromkeys(sources, []), flags)


@contextlib.contextmanager
def kept(
    name: str, otherwise: Path, names: Mapping[str, str] | None = None
) -> Iterator[Compilation]:
    """Objects that the next build finds again; for one process at a time.

    Args:
        name: of what is compiled with the same flags.
        otherwise: where they go if the source tree can't be written to.
        names: as for `Compilation`.
    """
    import fcntl  # which Windows doesn't have, nor any of these compilers

    build = CSRC.parent / "build"
    is_writable = os.access(build if build.is_dir() else build.parent, os.W_OK)
    folder = (build if is_writable else otherwise) / f"objects-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Compilation(folder, names)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """What ptxas reports of a kernel."""

    name: str
    architecture: int
    registers: int
    shared_bytes: int
    spilled_bytes: int


def _parse_resources(output: str) -> list[Kernel]:
    entries = re.finditer(
        r"Compiling entry function '(\S+)' for 'sm_(\d+)'.*?"
        r"(\d+) bytes spill stores, (\d+) bytes spill loads.*?"
        r"Used (\d+) registers([^\n]*)",
        output,
        re.S,
    )
    kernels = []
    for symbol, architecture, stores, loads, registers, rest in (e.groups() for e in entries):
        shared = re.search(r"(\d+) bytes smem", rest)
        kernels.append(
            Kernel(
                name=readable(symbol),
                architecture=int(architecture),
                registers=int(registers),
                shared_bytes=int(shared[1]) if shared else 0,
                spilled_bytes=int(stores) + int(loads),
            )
        )
    return kernels


def readable(symbol: str) -> str:
    """`Normalize<Float16, 8, 1>` of a mangled kernel's name; activations are numbers in it."""
    element = r"(?:f|NS_\d+([A-Za-z]+\d*)E)"
    more = r"(?:Li(\d+)E)?(?:LNS_\d+ActivationE(\d+)E)?"
    template = re.search(rf"\d([A-Z][A-Za-z]+)I{element}{more}E", symbol)
    if template:
        name, element, *rest = template.groups()
        return f"{name}<{', '.join([element or 'float', *filter(None, rest)])}>"
    plain = re.search(r"\d([A-Z][A-Za-z]+)E", symbol)
    return plain[1] if plain else symbol


def format_resources(kernels: list[Kernel]) -> str:
    """A table of registers by kernel and GPU; a `!` marks kernels that spill."""
    architectures = sorted({kernel.architecture for kernel in kernels})
    gpus = "".join(f"{f'sm_{architecture}':>8}" for architecture in architectures)
    lines = [f"{'registers':32}{gpus}{'shared bytes':>14}"]
    for name in sorted({kernel.name for kernel in kernels}):
        on = {kernel.architecture: kernel for kernel in kernels if kernel.name == name}
        cells = [f"{on[a].registers}{'!' if on[a].spilled_bytes else ''}" for a in architectures]
        shared = on[architectures[0]].shared_bytes
        lines.append(f"{name:32}" + "".join(f"{cell:>8}" for cell in cells) + f"{shared:>14}")
    spilled = sum(kernel.spilled_bytes for kernel in kernels)
    return "\n".join([*lines, f"{len(kernels)} kernels, {spilled} bytes spilled"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ";".join(map(str, ARCHITECTURES))
    parser.add_argument("--architectures", default=default, help="(default: %(default)s)")
    architectures = cuda_toolkit.parse_architectures(parser.parse_args().architectures)
    if cuda_toolkit.find_nvcc() is None:
        print("nvcc is not on PATH; install the CUDA toolkit or set CUDA_HOME", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        print(format_resources(build_cuda(Path(folder), architectures)[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
