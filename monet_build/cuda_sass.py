"""Reads the machine code of the CUDA kernels, which tells without a GPU what a thread will do.

`python -m monet_build.cuda_sass` compiles the kernels and prints the table of docs/gpu.md. Needs
nvcc, and cuobjdump and nvdisasm of the CUDA toolkit or of `pip install nvidia-cuda-cuobjdump
nvidia-cuda-nvdisasm`.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from monet_build import cuda_build, cuda_toolkit
from monet_build.cuda_build import Kernel, readable

_INSTRUCTION = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", re.M)
_FUNCTION = re.compile(r"^\s*Function : (\S+)", re.M)
_NARROW_BITS = {"U8": 8, "S8": 8, "U16": 16, "S16": 16, "64": 64, "128": 128}
MISSING = (
    "there is no cuobjdump with nvdisasm beside nvcc or on PATH; try pip install "
    "nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm"
)
_REGISTERS = 65536  # of a multiprocessor, on all architectures here


@dataclasses.dataclass(frozen=True)
class _Multiprocessor:
    """What one holds at once: "Technical Specifications per Compute Capability", NVIDIA."""

    threads: int
    blocks: int
    shared_bytes: int
    reserved_bytes: int  # of shared memory, for each block


_MULTIPROCESSORS = {
    75: _Multiprocessor(1024, 16, 64 << 10, 0),
    80: _Multiprocessor(2048, 32, 164 << 10, 1 << 10),
    86: _Multiprocessor(1536, 16, 100 << 10, 1 << 10),
    89: _Multiprocessor(1536, 24, 100 << 10, 1 << 10),
    90: _Multiprocessor(2048, 32, 228 << 10, 1 << 10),
}


@dataclasses.dataclass(frozen=True)
class Code:
    """A kernel's instructions, counted as they stand, whether they run once, often or never.

    Attributes:
        name: as `cuda_build.Kernel` has it.
        instructions: all of them, with what pads the last ones.
        loads: those from global memory, by how many bits a thread moves.
        stores: likewise.
        local: loads and stores of what has no place in registers.
        subroutines: which divisions need for operands that are large, or no normal numbers.
            (By their returns: for sm_80, ptxas writes some jumps as calls.)
    """

    name: str
    instructions: int
    loads: dict[int, int]
    stores: dict[int, int]
    local: int
    subroutines: int


@dataclasses.dataclass(frozen=True)
class Disassembler:
    """cuobjdump, and the `PATH` on which it finds the nvdisasm that it runs."""

    cuobjdump: str
    path: str

    def read_code(self, objects: Iterable[Path], architecture: int) -> list[Code]:
        """The kernels that `nvcc -c` has compiled into these files for one architecture."""
        found = []
        for file in objects:
            command = [self.cuobjdump, "-sass", "-arch", f"sm_{architecture}", str(file)]
            environment = {**os.environ, "PATH": self.path}
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            found += parse(done.stdout)
        return found


def find_disassembler() -> Disassembler | None:
    """That of the CUDA toolkit, beside nvcc or on `PATH`, or of NVIDIA's packages for pip."""
    nvcc = cuda_toolkit.find_nvcc()
    folders = [os.path.dirname(os.path.realpath(nvcc.command[0]))] if nvcc else []
    folders += os.environ.get("PATH", os.defpath).split(os.pathsep)
    package = importlib.util.find_spec("nvidia")
    for folder in package.submodule_search_locations or () if package else ():
        folders += map(str, Path(folder).glob("*/bin"))
    path = os.pathsep.join(folders)
    cuobjdump, nvdisasm = (shutil.which(name, path=path) for name in ("cuobjdump", "nvdisasm"))
    return Disassembler(cuobjdump, path) if cuobjdump and nvdisasm else None


def parse(text: str) -> list[Code]:
    """The kernels of what cuobjdump prints."""
    _, *parts = _FUNCTION.split(text)
    symbols, bodies = parts[::2], parts[1::2]
    return [_count(readable(symbol), body) for symbol, body in zip(symbols, bodies, strict=True)]


def _count(name: str, body: str) -> Code:
    instructions = [match[1].split(".") for match in _INSTRUCTION.finditer(body)]
    kinds = collections.Counter(opcode for opcode, *_ in instructions)
    moved: dict[str, collections.Counter[int]] = {
        opcode: collections.Counter(
            next((_NARROW_BITS[part] for part in parts if part in _NARROW_BITS), 32)
            for own, *parts in instructions
            if own == opcode
        )
        for opcode in ("LDG", "STG")
    }
    return Code(
        name=name,
        instructions=len(instructions),
        loads=dict(moved["LDG"]),
        stores=dict(moved["STG"]),
        local=kinds["LDL"] + kinds["STL"],
        subroutines=kinds["RET"],
    )


def occupancy(kernel: Kernel, threads: int = 256) -> float:
    """What share of the threads that a multiprocessor can hold are there, in blocks of `threads`.

    Registers are given to warps in units of 256.
    """
    gpu = _MULTIPROCESSORS[kernel.architecture]
    per_warp = -(-32 * kernel.registers // 256) * 256
    limits = [gpu.threads // threads, gpu.blocks, _REGISTERS // per_warp // (threads // 32)]
    shared = kernel.shared_bytes + gpu.reserved_bytes
    limits += [gpu.shared_bytes // shared] if shared else []
    return min(limits) * threads / gpu.threads


def moves_vectors(name: str) -> bool:
    """Whether it is the variant of a kernel for 16 bytes at once, which nearly always runs."""
    return re.search(r"<float, 4\b|16, 8\b", name) is not None


def format_table(kernels: Iterable[Kernel], codes: dict[int, list[Code]]) -> str:
    """A Markdown table of the kernels that move vectors, by the architectures of `codes`.

    A row is for all activations, with the least and the most where they differ.
    """
    resources = {(kernel.architecture, kernel.name): kernel for kernel in kernels}
    gpus = sorted(codes)
    header = ["kernel"]
    header += [f"{what}, sm_{gpu}" for what in ("registers", "occupancy") for gpu in gpus]
    header += [f"{what}, sm_{gpus[0]}" for what in ("instructions", "loads", "stores")]
    rows = [header, ["---"] + ["---:"] * (len(header) - 1)]
    named = collections.defaultdict(list)
    for code in sorted(codes[gpus[0]], key=lambda code: code.name):
        if moves_vectors(code.name):
            named[re.sub(r", \d>$", ">", re.sub(", (4|8)", "", code.name))].append(code)
    for name, variants in named.items():
        on = {gpu: [resources[gpu, code.name] for code in variants] for gpu in gpus}
        row = [f"`{name}`"]
        row += [_range([str(kernel.registers) for kernel in on[gpu]]) for gpu in gpus]
        row += [
            _range([f"{100 * occupancy(kernel):.0f}" for kernel in on[gpu]]) + "%" for gpu in gpus
        ]
        row.append(_range([str(code.instructions) for code in variants]))
        row += [_range([str(sum(code.loads.values())) for code in variants])]
        row += [_range([str(sum(code.stores.values())) for code in variants])]
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _range(numbers: list[str]) -> str:
    least, most = min(numbers, key=int), max(numbers, key=int)
    return least if least == most else f"{least} to {most}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architectures", default="75;80", help="(default: %(default)s)")
    architectures = cuda_toolkit.parse_architectures(parser.parse_args().architectures)
    nvcc, disassembler = cuda_toolkit.find_nvcc(), find_disassembler()
    if nvcc is None or disassembler is None:
        print("nvcc is not on PATH" if nvcc is None else MISSING, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        kernels, objects = cuda_build.compile_cuda(Path(folder), architectures)
        codes = {gpu: disassembler.read_code(objects, gpu) for gpu in architectures}
    print(f"{nvcc.version}\n\n{format_table(kernels, codes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
