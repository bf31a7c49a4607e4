"""setup.py finds what it needs, builds what it can, and says why not the rest."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from monet import _csrc
from monet_build import toolchain

ROOT = Path(__file__).parents[1]


@pytest.fixture
def site(monkeypatch, tmp_path):
    """An empty environment that wheels can be put into."""
    monkeypatch.setattr(toolchain, "_site_directories", lambda: [str(tmp_path)])
    return tmp_path


def put_tensorflow(site: Path, distribution: str, version: str) -> None:
    header = site / "tensorflow/include/tensorflow/core/framework/op_kernel.h"
    header.parent.mkdir(parents=True, exist_ok=True)
    header.touch()
    metadata = site / f"{distribution.replace('-', '_')}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")


@pytest.mark.parametrize("distribution", ["tensorflow", "tensorflow-cpu"])
@pytest.mark.parametrize(
    ("version", "required"),
    [("2.19.1", "2.19.0"), ("2.20.0", "2.20.0"), ("2.21.0", "2.21.0"), ("2.22.0rc1", "2.22.0rc1")],
)
def test_wheel_requires_the_tensorflow_it_was_built_against(site, distribution, version, required):
    put_tensorflow(site, distribution, version)
    found = toolchain.find_tensorflow()
    assert (found.distribution, found.version) == (distribution, version)
    assert found.requirement == f"{distribution}~={required}"
    assert f"-isystem{site}/tensorflow/include" in found.compile_flags()
    assert f"-L{site}/tensorflow" in found.link_flags()


def test_no_tensorflow(site):
    assert toolchain.find_tensorflow() is None


def test_tensorflow_too_old_to_build_against_is_no_tensorflow(site):
    put_tensorflow(site, "tensorflow", "2.15.0")
    assert toolchain.find_tensorflow() is None


def test_metadata_of_a_removed_tensorflow_does_not_count(site):
    put_tensorflow(site, "tensorflow", "2.21.0")
    shutil.rmtree(site / "tensorflow")
    assert toolchain.find_tensorflow() is None


def test_tensorflow_without_headers_has_a_remedy(site):
    put_tensorflow(site, "tensorflow", "2.21.0")
    shutil.rmtree(site / "tensorflow" / "include")
    with pytest.raises(toolchain.Missing, match="has no C.. headers; .*pip install"):
        toolchain.find_tensorflow().compile_flags()


def test_environment_is_searched_before_the_build_environment(monkeypatch, tmp_path):
    for folder, version in (("environment", "2.19.0"), ("isolated", "2.21.0")):
        put_tensorflow(tmp_path / folder, "tensorflow-cpu", version)
    purelib = str(tmp_path / "environment")
    monkeypatch.setattr(toolchain.sysconfig, "get_path", lambda *_, **__: purelib)
    monkeypatch.setattr(toolchain.site, "getsitepackages", lambda: [])
    monkeypatch.setattr(toolchain.sys, "path", [str(tmp_path / "isolated"), *sys.path])
    assert toolchain.find_tensorflow().version == "2.19.0"
    shutil.rmtree(tmp_path / "environment")
    assert toolchain.find_tensorflow().version == "2.21.0"


def test_no_compiler(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(toolchain.Missing, match=r"no C\+\+ compiler .* is on PATH; install one"):
        toolchain.find_compiler()


def test_compiler_that_does_not_work(monkeypatch, tmp_path):
    monkeypatch.setenv(
        "CXX", program(tmp_path / "broken", "echo 'error: no such thing' >&2; exit 1")
    )
    with pytest.raises(toolchain.Missing, match=r"can't build a C\+\+17 .*no such thing"):
        toolchain.find_compiler()


def test_a_quote_that_is_not_closed_in_cxx(monkeypatch):
    monkeypatch.setenv("CXX", 'g++ "-O2')
    with pytest.raises(toolchain.Missing, match="CXX is 'g.. \"-O2': No closing quotation; mend"):
        toolchain.find_compiler()


def test_compiler_may_have_arguments(monkeypatch, tmp_path):
    launcher = program(tmp_path / "launcher", 'test "$1" = c++ && echo "c++ 99.1"')
    monkeypatch.setenv("CXX", f"{launcher} c++")
    assert toolchain.find_compiler().version == "c++ 99.1"


def test_both_lists_of_distributions_agree():
    from monet.ops.native import library

    assert toolchain.TENSORFLOW_DISTRIBUTIONS == library.TENSORFLOW_DISTRIBUTIONS


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("knows_amx", [True, False])
def test_each_instruction_set_gets_its_flags(monkeypatch, tmp_path, knows_amx):
    names = ("norm_portable.cc", "norm_avx2.cc", "norm_avx512.cc", "conv_amx.cc", "plan.cc")
    for name in (*names, "note.txt"):
        (tmp_path / name).touch()
    compiler = toolchain.Compiler(["g++"], "")
    monkeypatch.setattr(toolchain.Compiler, "accepts", lambda *_: knows_amx)
    monkeypatch.setattr(toolchain.platform, "machine", lambda: "x86_64")
    sources = toolchain.kernel_sources(tmp_path, compiler)
    flags = {source.name: flags for source, flags in sources.items()}
    assert "-mavx512f" in flags["norm_avx512.cc"]
    assert "-mavx2" in flags["norm_avx2.cc"] and "-mavx512f" not in flags["norm_avx2.cc"]
    assert flags["norm_portable.cc"] == flags["plan.cc"] == []
    amx = ["amx"] if knows_amx else []
    assert ("-mamx-bf16" in flags["conv_amx.cc"]) == knows_amx
    assert toolchain.instruction_sets(sources) == ["portable", "avx2", "avx512", *amx]

    monkeypatch.setattr(toolchain.platform, "machine", lambda: "aarch64")
    sources = toolchain.kernel_sources(tmp_path, compiler)
    assert sorted(source.name for source in sources) == ["norm_portable.cc", "plan.cc"]
    assert toolchain.instruction_sets(sources) == ["portable"]


@pytest.fixture
def tree(tmp_path):
    """A copy of what setup.py needs."""
    target = tmp_path / "tree"
    target.mkdir()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE"):
        shutil.copy(ROOT / name, target)
    (target / "README.md").write_text("# monet\n")
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "_build.json")
    for name in ("monet", "monet_build", "csrc"):
        shutil.copytree(ROOT / name, target / name, ignore=ignore)
    return target


def run_setup(tree: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "setup.py", *arguments],
        cwd=tree,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"MONET_BUILD": "none"}, "MONET_BUILD=none; install again without MONET_BUILD"),
        ({"MONET_BUILD": "auto", "PATH": "", "CXX": "missing-c++"}, "no C++ compiler"),
    ],
)
def test_install_without_native_parts_succeeds_and_says_so(tree, variables, reason):
    # Remains of an earlier build must not survive as if this one had made them.
    stale = tree / "monet" / "ops" / "_tensorflow_ops.so"
    stale.write_bytes(b"stale")
    done = run_setup(tree, "build_ext", "--inplace", **variables)
    assert done.returncode == 0, done.stderr
    table = done.stderr[done.stderr.index("monet 0.1.0, native parts") :]
    assert re.search(r"CPU kernels +no +" + re.escape(reason), table)
    record = json.loads((tree / "monet" / "ops" / "_build.json").read_text())
    assert not any(part["built"] for part in record["parts"].values())
    assert all(
        part["title"] in table and part["reason"] and part["remedy"]
        for part in record["parts"].values()
    )
    assert not stale.exists()


def test_what_is_asked_for_by_name_has_to_be_built(tree):
    done = run_setup(tree, "build_ext", "--inplace", MONET_BUILD="cpu", PATH="", CXX="missing-c++")
    assert done.returncode != 0
    assert "MONET_BUILD=cpu, but CPU kernels: no C++ compiler" in done.stderr


def test_unknown_build_mode(tree):
    done = run_setup(tree, "build_ext", MONET_BUILD="gpu")
    assert done.returncode != 0
    assert "MONET_BUILD must be auto, cpu, cuda or none, got 'gpu'" in done.stderr


@pytest.mark.parametrize("date", ["x", "", "-1", "99999999999", "9" * 20])
def test_what_is_no_date_is_told_before_anything_is_compiled(tree, date):
    done = run_setup(tree, "bdist_wheel", MONET_BUILD="none", SOURCE_DATE_EPOCH=date)
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "SOURCE_DATE_EPOCH must be a number of seconds from 0 to 4354819199" in done.stderr
    assert f"got {date!r}" in done.stderr


def test_source_distribution_holds_what_the_build_needs(tree):
    done = run_setup(tree, "sdist", MONET_BUILD="none")
    assert done.returncode == 0, done.stderr
    (archive,) = (tree / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    needed = ["setup.py", "pyproject.toml", "LICENSE", "monet/__init__.py"]
    needed += [str(path.relative_to(tree)) for path in (tree / "monet_build").glob("*.py")]
    needed += [str(path.relative_to(tree)) for path in (tree / "csrc").rglob("*.[ch]*")]
    needed += [str(path.relative_to(tree)) for path in (tree / "monet").rglob("*.py")]
    assert not set(needed) - names
    assert not [name for name in names if name.endswith((".so", "_build.json"))]


def test_wheel_and_source_tree_get_what_is_built_and_nothing_of_an_earlier_build(tree):
    old = tree / "lib" / "monet" / "removed_since.py"
    old.parent.mkdir(parents=True)
    old.touch()
    done = run_setup(tree, "build", "--build-lib", "lib", MONET_BUILD="none")
    assert done.returncode == 0, done.stderr
    records = [(folder / "monet/ops/_build.json").read_text() for folder in (tree, tree / "lib")]
    assert records[0] == records[1]
    assert json.loads(records[0])["sources"] == _csrc.fingerprints(tree / "csrc")
    assert not old.exists() and (tree / "lib" / "monet" / "py.typed").is_file()


def test_every_package_is_listed(tree):
    done = run_setup(tree, "build_py", "--build-lib", "lib", MONET_BUILD="none")
    assert done.returncode == 0, done.stderr
    built = {str(path.relative_to(tree / "lib")) for path in (tree / "lib").rglob("*.py")}
    assert built == {str(path.relative_to(tree)) for path in (tree / "monet").rglob("*.py")}


@pytest.mark.skipif(platform.system() != "Linux", reason="looks at the ELF file")
@pytest.mark.parametrize("name", ["LIBRARY", "XLA_LIBRARY"])
def test_op_libraries_carry_no_path_of_the_machine_they_were_built_on(name):
    from monet.ops.native import library

    path = getattr(library, name)
    if not path.is_file():
        pytest.skip(f"{path.name} was not built")
    content = path.read_bytes()
    assert b"libtensorflow_framework.so.2" in content
    assert b"site-packages" not in content
