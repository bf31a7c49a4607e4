"""Compiles the CUDA kernels without TensorFlow: with nvcc, or for the emulator with a C++ compiler.

`python -m monet_build.cuda_build` compiles for all GPUs and lists the registers each kernel uses.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from monet_build import cuda_toolkit
from monet_build.cuda_toolkit import ARCHITECTURES

CSRC = Path(__file__).resolve().parents[1] / "csrc"

KERNELS = CSRC / "kernels" / "cuda"
SOURCES = [
    KERNELS / "norm_forward.cu",
    KERNELS / "norm_backward.cu",
    KERNELS / "reflection_pad.cu",
    KERNELS / "runtime.cu",
    CSRC / "python" / "cuda_api.cu",
]
# Fortified longjmp refuses to change stacks, which is what the emulator's threads do.
EMULATOR_FLAGS = ["-std=c++17", "-O1", "-g", "-fPIC", "-U_FORTIFY_SOURCE", "-xc++"]
EMULATOR_FLAGS += ["-Wno-unknown-pragmas"]


class BuildError(RuntimeError):
    """What the compiler printed."""


def host_compiler() -> str | None:
    return shutil.which(os.environ.get("CXX", "g++"))


def nvcc() -> str | None:
    found = cuda_toolkit.find_nvcc()
    return found and found.command[0]


def build_emulated(folder: Path, sources=SOURCES) -> Path:
    """Compiles the kernels for the emulator; returns the shared library."""
    flags = [*EMULATOR_FLAGS, f"-I{KERNELS}", "-Wall", "-Wextra", "-Werror"]
    return _build([host_compiler(), *flags], [host_compiler()], folder, sources)[0]


def build_cuda(folder: Path, architectures=ARCHITECTURES) -> tuple[Path, list[Kernel]]:
    """Compiles for GPUs, warnings as errors; returns the library and what each kernel uses."""
    toolkit = cuda_toolkit.Toolkit(cuda_toolkit.find_nvcc(), tuple(architectures))
    flags = [*toolkit.compile_flags(), "-Xptxas", "-v"]
    flags += ["-Werror", "all-warnings", "-Xcompiler", "-Wall,-Wextra"]
    command = toolkit.nvcc.command
    library, outputs = _build([*command, *flags], command, folder, SOURCES)
    return library, [kernel for output in outputs for kernel in _parse_resources(output)]


def _build(compile_command, link_command, folder, sources) -> tuple[Path, list[str]]:
    objects = [folder / f"{source.stem}.o" for source in sources]
    outputs = _run_side_by_side(
        [*compile_command, "-c", str(source), "-o", str(out)]
        for source, out in zip(sources, objects, strict=True)
    )
    library = folder / f"{sources[-1].stem}.so"
    _run_side_by_side([[*link_command, "-shared", *map(str, objects), "-o", str(library)]])
    return library, outputs


def _run_side_by_side(commands) -> list[str]:
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for command in commands
    ]
    outputs = [process.communicate()[0] for process in processes]
    for process, output in zip(processes, outputs, strict=True):
        if process.returncode:
            raise BuildError(f"{' '.join(process.args)}\n{output}")
    return outputs


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
                name=_readable(symbol),
                architecture=int(architecture),
                registers=int(registers),
                shared_bytes=int(shared[1]) if shared else 0,
                spilled_bytes=int(stores) + int(loads),
            )
        )
    return kernels


def _readable(symbol: str) -> str:
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
    if nvcc() is None:
        print("nvcc is not on PATH; install the CUDA toolkit or set CUDA_HOME", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        print(format_resources(build_cuda(Path(folder), architectures)[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
