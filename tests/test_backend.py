"""What pip asks of the build backend."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monet._missing import INSTALL_TENSORFLOW
from monet_build import backend, toolchain

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def compiler(monkeypatch):
    monkeypatch.delenv("MONET_BUILD", raising=False)
    monkeypatch.setattr(toolchain, "find_compiler", lambda: toolchain.Compiler(["c++"], "c++ 1.0"))


def test_tensorflow_is_asked_for_where_there_is_none(compiler, monkeypatch):
    monkeypatch.setattr(toolchain, "find_tensorflow", lambda: None)
    (needed,) = backend.get_requires_for_build_wheel()
    assert needed.startswith("tensorflow") and needed.endswith(toolchain.TENSORFLOW_RANGE)
    assert backend.get_requires_for_build_editable() == [needed]
    assert backend.get_requires_for_build_sdist() == []


def test_messages_name_the_versions_that_a_build_takes():
    assert INSTALL_TENSORFLOW == f"pip install 'tensorflow{toolchain.TENSORFLOW_RANGE}'"


def test_tensorflow_that_is_there_is_taken(compiler, monkeypatch, tmp_path):
    there = toolchain.TensorFlow("tensorflow", "2.21.0", tmp_path)
    monkeypatch.setattr(toolchain, "find_tensorflow", lambda: there)
    assert backend.get_requires_for_build_wheel() == []


def test_nothing_is_asked_for_where_nothing_is_built(compiler, monkeypatch):
    monkeypatch.setattr(toolchain, "find_tensorflow", lambda: None)
    monkeypatch.setenv("MONET_BUILD", "none")
    assert backend.get_requires_for_build_wheel() == []


def test_nothing_is_asked_for_without_a_compiler(monkeypatch):
    def find_compiler():
        raise toolchain.Missing("no C++ compiler", "install one")

    monkeypatch.delenv("MONET_BUILD", raising=False)
    monkeypatch.setattr(toolchain, "find_compiler", find_compiler)
    monkeypatch.setattr(toolchain, "find_tensorflow", lambda: None)
    assert backend.get_requires_for_build_wheel() == []


@pytest.fixture
def built_in(monkeypatch) -> dict:
    """Where setuptools was asked to build, and what it found there."""
    found = {}

    def build_wheel(directory, config_settings=None, metadata_directory=None):
        found["folder"] = Path.cwd()
        found["files"] = {str(path.relative_to(Path.cwd())) for path in Path.cwd().rglob("*")}
        (Path.cwd() / "build").mkdir(exist_ok=True)
        return "a.whl"

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(backend.build_meta, "build_wheel", build_wheel)
    return found


def test_source_tree_that_can_be_written_to_is_built_in(built_in, tmp_path):
    assert backend.build_wheel(str(tmp_path)) == "a.whl"
    assert built_in["folder"] == ROOT


def test_read_only_source_tree_is_built_in_a_copy(built_in, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert backend.build_wheel(str(tmp_path)) == "a.whl"
    assert Path.cwd() == ROOT
    assert built_in["folder"] != ROOT and not built_in["folder"].exists()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "monet/py.typed"):
        assert name in built_in["files"]
    for folder, suffix in (("csrc", ".cc"), ("monet", ".py"), ("monet/data", ".jpg")):
        there = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob(f"*{suffix}")}
        assert there and there <= built_in["files"]
    assert not [name for name in built_in["files"] if name.endswith(".so")]


def test_what_is_compiled_in_a_read_only_tree_is_not_compiled_again(
    built_in, tmp_path, monkeypatch
):
    tree = tmp_path / "tree"
    (tree / "build" / "objects").mkdir(parents=True)
    (tree / "build" / "objects" / "norm.o").touch()
    monkeypatch.chdir(tree)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    backend.build_wheel(str(tmp_path))
    assert "build/objects/norm.o" in built_in["files"] and built_in["folder"] != tree
