"""A stale, foreign, missing or broken op library is recognised, with reason and remedy."""

from __future__ import annotations

import copy
import json
import types

import pytest
import tensorflow as tf

import monet.ops
from monet import _csrc
from monet.ops.native import library

RECORD = {
    "monet": monet.__version__,
    "platform": library.sysconfig.get_platform(),
    "tensorflow": library.installed_tensorflow(),
    "parts": {"tensorflow_ops": {"built": True, "detail": "for the tests"}},
}


@pytest.fixture
def record(monkeypatch, tmp_path):
    """A build record that passes every check, with a file in the place of the library."""
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "_tensorflow_ops.so")
    monkeypatch.setattr(library, "RECORD", tmp_path / "_build.json")
    library.LIBRARY.write_bytes(b"not a library")
    return copy.deepcopy(RECORD)


def refused(record, match: str) -> library.Unusable:
    with pytest.raises(library.Unusable, match=match) as caught:
        library.check(record)
    assert caught.value.reason and caught.value.remedy
    return caught.value


def test_matching_record_passes(record):
    library.check(record)


def test_other_tensorflow_version(record):
    record["tensorflow"]["version"] = "2.3.0"
    refused(record, r"built for tensorflow\S* 2\.3\.0, but tensorflow\S* \S+ is installed")


@pytest.mark.parametrize("version", [3, None, []])
def test_damaged_tensorflow_version(record, version):
    record["tensorflow"]["version"] = version
    refused(record, "but tensorflow")


def test_other_patch_of_the_same_version_is_accepted(record):
    major, minor, _ = record["tensorflow"]["version"].split(".", 2)
    record["tensorflow"]["version"] = f"{major}.{minor}.99"
    library.check(record)


def test_other_tensorflow_distribution(record):
    record["tensorflow"]["distribution"] = "tensorflow-rocm"
    refused(record, "built for tensorflow-rocm")


def test_other_monet(record):
    record["monet"] = "0.0.1"
    refused(record, f"built for monet 0.0.1, this is monet {monet.__version__}")


def test_other_platform(record):
    record["platform"] = "linux-riscv64"
    refused(record, "built for linux-riscv64")


def test_no_tensorflow(record, monkeypatch):
    monkeypatch.setattr(library, "installed_tensorflow", lambda prefer=None: None)
    refused(record, "TensorFlow is not installed")


def test_library_that_is_not_there(record):
    library.LIBRARY.unlink()
    refused(record, "_tensorflow_ops.so is missing")


def test_build_that_had_no_compiler_passes_its_reason_on(record):
    record["parts"]["tensorflow_ops"] = {
        "built": False,
        "reason": "no C++ compiler is on PATH",
        "remedy": "install one",
    }
    unusable = refused(record, "not built: no C\\+\\+ compiler is on PATH")
    assert unusable.remedy == "install one"


def test_no_record(record):
    with pytest.raises(library.Unusable, match="monet was not built.*pip install"):
        library.read_record()


def test_installed_copy_is_named_where_the_source_tree_was_not_built(record, monkeypatch, tmp_path):
    installed = tmp_path / "site-packages"
    metadata = installed / "monet-0.1.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: monet\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(installed)
    with pytest.raises(library.Unusable, match="monet was not built"):  # and neither was that one
        library.read_record()
    (installed / "monet" / "ops").mkdir(parents=True)
    (installed / "monet" / "ops" / "_build.json").write_text("{}")
    with pytest.raises(library.Unusable, match="which was not built, and not from .*site-packages"):
        library.read_record()


@pytest.fixture
def csrc(record, monkeypatch, tmp_path):
    """Sources beside the package, from which the library of `record` was built."""
    monkeypatch.setattr(library, "CSRC", tmp_path / "csrc")
    for name in ("kernels/cpu/norm.cc", "tensorflow/norm_ops.cc", "python/bindings.h"):
        (tmp_path / "csrc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "csrc" / name).write_text("int one = 1;\n")
    record["sources"] = _csrc.fingerprints(library.CSRC)
    return library.CSRC


def test_unchanged_sources(record, csrc):
    (csrc / "kernels" / "cpu" / "norm.cc").touch()
    (csrc / "kernels" / "notes.txt").write_text("no source")
    assert library.changed_sources(record) == []
    library.check(record)


def test_changed_kernels_are_named_in_a_warning_and_the_old_ones_run(record, csrc, monkeypatch):
    (csrc / "kernels" / "cpu" / "norm.cc").write_text("int one = 2;\n")
    monkeypatch.setattr(library, "_open", lambda: "the ops")
    with pytest.warns(RuntimeWarning, match="csrc/kernels has changed .*; rebuild monet") as caught:
        assert load_afresh(monkeypatch, record).ops == "the ops"
    assert len(caught) == 1


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_library_of_other_ops_is_not_used(record, csrc, change):
    if change == "add":
        (csrc / "tensorflow" / "pad_ops.cc").touch()
    elif change == "remove":
        (csrc / "tensorflow" / "norm_ops.cc").unlink()
    else:
        (csrc / "tensorflow" / "norm_ops.cc").write_text("int one = 2;\n")
    refused(record, "csrc/tensorflow has changed since the op library was built")


def test_without_sources_beside_it_nothing_has_changed(record, csrc, tmp_path, monkeypatch):
    monkeypatch.setattr(library, "CSRC", tmp_path / "nowhere")
    assert library.changed_sources(record) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"parts": 3}',
        '{"parts": {"tensorflow_ops": 3}}',
        '{"parts": {}, "tensorflow": "2.21"}',
        "\x00",
    ],
)
def test_damaged_record(record, text):
    library.RECORD.write_text(text)
    with pytest.raises(library.Unusable, match="the build record .*rebuild"):
        library.read_record()


def load_afresh(monkeypatch, record) -> library._Loaded:
    library.RECORD.write_text(json.dumps(record))
    return library._load.__wrapped__()


def test_damaged_library_is_a_reason_and_not_a_crash(record, monkeypatch):
    loaded = load_afresh(monkeypatch, record)
    assert loaded.ops is None
    assert "could not be opened" in loaded.unusable.reason


def test_library_from_older_sources_is_a_reason_and_not_a_crash(record, monkeypatch):
    older = types.SimpleNamespace(**dict.fromkeys(library._OPS[:-1]))
    monkeypatch.setattr(tf, "load_op_library", lambda path: older)
    loaded = load_afresh(monkeypatch, record)
    assert loaded.ops is None
    assert f"older sources: it has no {library._OPS[-1]}" in loaded.unusable.reason


def test_build_without_custom_calls_has_the_ops_all_the_same(record, monkeypatch):
    monkeypatch.setattr(library, "_open", lambda: "the ops")
    record["parts"]["xla"] = {"built": False, "reason": "no headers of XLA", "remedy": "none"}
    loaded = load_afresh(monkeypatch, record)
    assert loaded.ops == "the ops" and loaded.unusable is None
    assert loaded.xla_unusable.reason == "the XLA custom calls were not built: no headers of XLA"
    assert "jit_compile=False" in loaded.xla_unusable.remedy


@pytest.mark.parametrize(("content", "reason"), [(b"junk", "could not be opened"), (None, "miss")])
def test_custom_calls_that_do_not_load_leave_the_ops_alone(
    record, monkeypatch, tmp_path, content, reason
):
    monkeypatch.setattr(library, "_open", lambda: "the ops")
    monkeypatch.setattr(library, "XLA_LIBRARY", tmp_path / "_tensorflow_xla.so")
    if content is not None:
        library.XLA_LIBRARY.write_bytes(content)
    record["parts"]["xla"] = {"built": True, "detail": "for the tests"}
    loaded = load_afresh(monkeypatch, record)
    assert loaded.ops == "the ops" and loaded.unusable is None
    assert reason in loaded.xla_unusable.reason


def test_stale_library_is_never_opened(record, monkeypatch):
    opened = []
    monkeypatch.setattr(library, "_open", lambda: opened.append(True))
    record["tensorflow"]["version"] = "2.3.0"
    assert load_afresh(monkeypatch, record).unusable is not None
    assert not opened


def test_status_of_a_stale_library(record, monkeypatch):
    record["tensorflow"] = {"distribution": "tensorflow", "version": "2.3.0"}
    loaded = load_afresh(monkeypatch, record)
    monkeypatch.setattr(library, "_load", lambda: loaded)
    status = monet.ops.status()
    assert not status.native
    assert status.built_for == "tensorflow 2.3.0"
    assert "built for tensorflow 2.3.0" in status.reason
    assert "rebuild monet" in status.remedy
    assert not status.cuda and not status.xla


def test_status_of_this_installation():
    status = monet.ops.status()
    installed = library.installed_tensorflow()
    assert status.tensorflow in (None, f"{installed['distribution']} {installed['version']}")
    if status.native:
        assert status.reason == "" and status.remedy == ""
        assert status.instruction_set in ("amx", "avx512", "avx2", "portable")
    else:
        assert status.reason and status.remedy


def test_native_ops_are_live_where_they_were_built():
    try:
        part = library.read_record()["parts"]["tensorflow_ops"]
    except library.Unusable as unusable:
        pytest.skip(str(unusable))
    if not part["built"]:
        pytest.skip(part["reason"])
    assert monet.ops.status().native, monet.ops.status().reason
    xla = library.read_record()["parts"]["xla"]
    assert monet.ops.status().xla == xla["built"], library.xla_unusable()
