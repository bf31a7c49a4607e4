"""Imports and includes point down only, as the picture in docs/architecture.md has it."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monet.inference.origins import Origin
from monet.systems import SYSTEMS, System

ROOT = Path(__file__).resolve().parents[1]
MONET, CSRC = ROOT / "monet", ROOT / "csrc"
COMMANDS = ("__main__", "_command_line")  # stand with the commands, which the picture lists


def layers() -> list[set[str]]:
    """What stands side by side in each line of the picture, from the top."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = text.partition("    monet.train  ")[1:]
    lines = "".join(picture).partition("- - -")[0].splitlines()
    named = [
        {word.removeprefix("monet.") for word in re.split(r" {2,}", line.strip())} for line in lines
    ]
    modules = {path.stem for path in MONET.iterdir()}
    return [found for names in named if (found := names & modules)]


def height(module: str, found: list[set[str]]) -> int:
    """How far up a module of the package stands; what all use stands at the bottom."""
    if module in COMMANDS:
        return len(found)
    for index, names in enumerate(found):
        if module in names:
            return len(found) - index
    assert module.startswith("_"), f"docs/architecture.md doesn't say where monet.{module} stands"
    return 0


def imports(path: Path) -> Iterator[str]:
    """What of the package a file imports, wherever in the file: `data` for `monet.data.images`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports what stands beside it by a relative path"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            module = rest.partition(".")[0]
            if package == "monet" and module not in ("", "__version__"):
                yield module


def test_the_picture_has_every_public_module():
    public = {path.stem for path in MONET.iterdir() if not path.stem.startswith("_")}
    assert set().union(*layers()) == public - {"py"}  # py.typed


def test_nothing_imports_what_stands_above_it():
    found = layers()
    up = [
        f"{path.relative_to(ROOT)} imports monet.{imported}"
        for path in sorted(MONET.rglob("*.py"))
        for imported in imports(path)
        if height(imported, found) > height(path.relative_to(MONET).parts[0].split(".")[0], found)
    ]
    assert not up


def test_commands_import_no_other_command():
    commands = layers()[0]
    assert not {
        (path.name, imported)
        for path in (MONET / f"{name}.py" for name in commands)
        for imported in imports(path)
        if imported in commands
    }


@pytest.mark.parametrize(
    ("folder", "foreign"),
    [
        ("kernels", r"^(tensorflow|python|xla|absl|pybind11|Python\.h)"),
        ("tensorflow", r"^(python/|pybind11|Python\.h|(\.\./)*kernels/cpu/)"),
        ("python", r"^(tensorflow|xla|absl)"),
    ],
)
def test_native_code_includes_nothing_from_above(folder, foreign):
    files = [path for path in (CSRC / folder).rglob("*.*") if path.suffix in (".cc", ".h", ".cu")]
    assert len(files) > 10
    includes = [(path, name) for path in files for name in included(path)]
    assert not [f"{path}: {name}" for path, name in includes if re.match(foreign, name)]


def test_contracts_and_glue_know_no_method_of_a_kernel():
    """Which method computes an op is chosen below `csrc/kernels/cpu`, and may change there."""
    contracts = sorted((CSRC / "kernels").glob("*.h"))
    glue = [path for path in sorted((CSRC / "tensorflow").iterdir()) if path.is_file()]
    assert contracts and glue
    for path in contracts:
        assert not [name for name in included(path) if "cpu/" in name], path
    for path in [*contracts, *glue]:
        assert not re.search("amx", path.read_text(encoding="utf-8"), re.I), path


def test_the_choice_of_an_instruction_set_knows_no_kernel():
    files = sorted((CSRC / "kernels" / "cpu").glob("isa*"))
    assert files
    for path in files:
        own = re.findall(r'^\s*#include "([^"]+)', path.read_text(encoding="utf-8"), re.M)
        assert set(own) <= {"isa.h"}, path


def included(path: Path) -> list[str]:
    return re.findall(r'^\s*#include [<"]([^>"]+)', path.read_text(encoding="utf-8"), re.M)


def test_only_a_system_s_own_files_know_which_system_it_is():
    """What differs from one kind of GAN to another stands in its file in monet/systems."""
    stems = {name.replace("-", "_") for name in SYSTEMS}
    own = {MONET / folder / f"{stem}.py" for folder in ("systems", "training") for stem in stems}
    assert all(path.is_file() for path in own)
    own |= set(MONET.glob("models/*dcgan.py"))
    # Where public names are exported, and where the function stands that paints from noise.
    own |= {MONET / folder / "__init__.py" for folder in ("inference", "models", "training")}
    own |= {MONET / "inference" / name for name in ("noise.py", "origins/noise.py")}
    of_a_system = re.compile("|".join(["from_noise", *(stem.replace("_", "_?") for stem in stems)]))
    found = []
    for path in sorted(set(MONET.rglob("*.py")) - own):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {*identifiers(tree), *(strings(tree) & set(SYSTEMS))}
        found += [f"{path}: {name}" for name in names if of_a_system.search(name.lower())]
    assert not found


def test_classes_that_tell_systems_apart_are_named_where_they_belong():
    """Elsewhere they could only be asked for, `isinstance` or by name, to branch on the kind."""
    kinds = {cls.__name__ for system in SYSTEMS.values() for cls in type(system).__mro__}
    kinds -= {cls.__name__ for cls in System.__mro__}
    assert len(kinds) >= len(SYSTEMS)
    origins = {cls.__name__ for cls in Origin.__subclasses__()}
    assert origins
    for path in MONET.rglob("*.py"):
        # Where somebody paints, what is given says which origin it is.
        is_at_home = path.parent.name in ("systems", "origins") or path.name == "painting.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {*identifiers(tree), *strings(tree)}
        assert is_at_home or not named & (kinds | origins), path


def test_above_the_systems_nothing_names_a_field_that_not_all_have():
    fields = [
        {field.name for field in dataclasses.fields(system.recipe_class)}
        for system in SYSTEMS.values()
    ]
    some_have = set.union(*fields) - set.intersection(*fields)
    assert {"lambda_cycle", "lambda_identity", "copies"} <= some_have
    found = layers()
    above = found[: next(row for row, names in enumerate(found) if "systems" in names)]
    for name in (*COMMANDS, *set.union(*above)):
        module = MONET / name
        for path in [*module.rglob("*.py"), *MONET.glob(f"{name}.py")]:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert not (strings(tree) | set(identifiers(tree))) & some_have, path


def strings(tree: ast.AST) -> set[str]:
    values = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {value for value in values if isinstance(value, str)}


def identifiers(tree: ast.AST) -> Iterator[str]:
    """All names in code: of variables, attributes, arguments, functions, classes, imports."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname", "module"):
            if isinstance(name := getattr(node, field, None), str):
                yield name
