"""The machine code of the CUDA kernels, for a T4 (sm_75) and an A100 (sm_80): no GPU is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from monet_build import cuda_build, cuda_sass, cuda_toolkit

GPUS = (75, 80)
DOCUMENT = Path(__file__).parents[3] / "docs" / "gpu.md"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """What ptxas says of each kernel, and the objects that test_cuda_build.py makes too."""
    if cuda_toolkit.find_nvcc() is None:
        pytest.skip("no nvcc on PATH")
    return cuda_build.compile_cuda(tmp_path_factory.mktemp("cuda"))


@pytest.fixture(scope="module", params=GPUS)
def codes(compiled, request) -> dict[str, cuda_sass.Code]:
    disassembler = cuda_sass.find_disassembler()
    if disassembler is None:
        pytest.skip(cuda_sass.MISSING)
    found = disassembler.read_code(compiled[1], request.param)
    return {code.name: code for code in found}


@pytest.fixture
def hot(codes) -> list[cuda_sass.Code]:
    """The kernels that work on whole tensors, 16 bytes at once."""
    chosen = [code for name, code in codes.items() if cuda_sass.moves_vectors(name)]
    kinds = {code.name.partition("<")[0] for code in chosen}
    passes = {"PartialMoments", "Normalize", "PartialGradients", "InputGradient"}
    assert kinds == passes | {"Pad", "FoldBorder"}
    return chosen


def test_every_global_access_moves_16_bytes(hot):
    """Parameters included: gamma, beta and statistics of 8 channels are 2 loads each, not 8."""
    assert [code for code in hot if set(code.loads) | set(code.stores) != {128}] == []


def test_no_subroutines(hot):
    """As for divisions of 64-bit integers, or of floats that might be denormals."""
    assert [code for code in hot if code.subroutines] == []


def test_all_values_are_in_registers(codes):
    assert [code for code in codes.values() if code.local] == []


def test_code_and_resources_are_of_the_same_kernels(codes, compiled):
    assert {kernel.name for kernel in compiled[0]} == set(codes)


def test_table(compiled, codes):
    """Its rows are those of docs/gpu.md; the numbers there are one compiler's."""
    table = cuda_sass.format_table(compiled[0], {75: list(codes.values())})
    document = DOCUMENT.read_text(encoding="utf-8")
    rows = [line.partition(" | ")[0] for line in table.splitlines()[2:]]
    assert document.count("\n| `") == len(rows) and all(row in document for row in rows)


def test_without_a_disassembler(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["cuda_sass"])
    monkeypatch.setattr(cuda_sass, "find_disassembler", lambda: None)
    assert cuda_sass.main() == 1
    assert "nvcc is not" in (said := capsys.readouterr().err) or "nvidia-cuda-nvdisasm" in said


@pytest.mark.parametrize("gpu", GPUS)
def test_occupancy(compiled, gpu):
    """Two blocks of 256 threads on a multiprocessor; of forward passes and in float32, three."""
    for kernel in compiled[0]:
        if kernel.architecture == gpu and cuda_sass.moves_vectors(kernel.name):
            many = (
                kernel.name.endswith(", 3>") or "Gradient" in kernel.name and ", 8" in kernel.name
            )
            least = (2 if many else 3) * 256 / {75: 1024, 80: 2048}[gpu]
            assert cuda_sass.occupancy(kernel) >= least, kernel


@pytest.mark.parametrize(
    "registers, shared_bytes, gpu, expected",
    [
        (64, 0, 75, 1.0),
        (65, 0, 75, 0.75),  # 72 for each thread: 3 blocks
        (128, 0, 80, 0.25),
        (32, 24 << 10, 75, 0.5),  # of 64 KiB shared memory, 2 blocks have enough
    ],
)
def test_occupancy_of(registers, shared_bytes, gpu, expected):
    kernel = cuda_build.Kernel("", gpu, registers, shared_bytes, spilled_bytes=0)
    assert cuda_sass.occupancy(kernel) == expected


def test_parse():
    text = """
		Function : _ZN5monet48_GLOBAL__N__1_3PadINS_7Float16ELi8EEEvNS_6TilingE
        /*0000*/                   IMAD.MOV.U32 R1, RZ, RZ, c[0x0][0x28] ;
    /* 0x000fe400078e00ff */
        /*0010*/              @!P0 LDG.E.128.SYS R4, [R2] ;
        /*0020*/                   LDG.E R8, desc[UR4][R2.64] ;
        /*0030*/                   LDG.E.U16.CONSTANT.SYS R8, [R2] ;
        /*0040*/             @!UP0 STG.E.64 [R2.64], R8 ;
        /*0050*/                   LDL R8, [R1+0x4] ;
        /*0060*/                   CALL.REL.NOINC 0x70 ;
        /*0070*/                   RET.REL.NODEC R2 0x0 ;
"""
    [code] = cuda_sass.parse(text)
    assert code == cuda_sass.Code(
        "Pad<Float16, 8>", 8, loads={128: 1, 32: 1, 16: 1}, stores={64: 1}, local=1, subroutines=1
    )
