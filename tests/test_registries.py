"""Every list of recipes, ops, layers, losses and activations agrees with the next."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

from monet.models import DISCRIMINATORS, GENERATORS, IMAGE_DISCRIMINATORS, NOISE_GENERATORS
from monet.systems import RECIPES, SYSTEMS, System, one_sided, recipe

ROOT = Path(__file__).resolve().parents[1]
MONET, CSRC, TESTS = ROOT / "monet", ROOT / "csrc", ROOT / "tests"
RECIPES_MD, OPS_MD, README, CONTRIBUTING = (
    (ROOT / name).read_text(encoding="utf-8")
    for name in ("docs/recipes.md", "docs/ops.md", "README.md", "CONTRIBUTING.md")
)
# The layer of an op is tested in tests/layers/test_OP_layer.py, but for this one's.
LAYER_TESTS = {"brush_strokes": "test_underpainting.py"}
# Ops that write variables: an optimizer calls them, no layer does, and nothing is differentiated.
UPDATES = {"adam_update": "MonetAdam", "average_update": "MonetAverage"}
# Ops that no benchmark calls by themselves, and why.
UNMEASURED = {
    "group_norm": "the kernels of instance_norm, with other groups",
    "residual_block": "on a CPU, residual_trunk is a row of them",
}
_NAME = r"`\"?([\w-]+)\"?"  # at the beginning of a table's row, as code


# What ops share files with others.
_FAMILIES = {
    **dict.fromkeys(UPDATES, "update"),
    "instance_norm": "norm",
    "group_norm": "norm",
    "conv2d_transpose": "conv2d",
    "residual_trunk": "residual_block",
}


def public_ops() -> list[str]:
    """The ops that `monet.ops` exports, without their twins."""
    from monet import ops

    return sorted(name for name in ops.__all__ if f"{name}_ref" in ops.__all__)


def table(document: str, heading: str) -> list[str]:
    """What the rows below the table's heading begin with."""
    _, found, below = document.partition(f"| {heading} |")
    assert found, f"no table with the heading {heading!r}"
    rows = below.split("\n\n", 1)[0].splitlines()[2:]
    names = [re.match(rf"\| {_NAME}", row) for row in rows]
    return [name[1] for name in names if name]


def listed(option: str) -> list[str]:
    """What `docs/recipes.md` says that an option takes."""
    row = re.search(rf"^\| `{option}` \| (.*) \|$", RECIPES_MD, re.M)
    assert row, f"docs/recipes.md has no row for {option}"
    return re.findall(r"`([\w-]+)`", row[1])


# ---- Recipes


def test_recipes_are_those_of_the_systems():
    of_systems = [each.name for system in SYSTEMS.values() for each in system.recipes]
    assert sorted(of_systems) == sorted(RECIPES)
    for name, system in SYSTEMS.items():
        assert {recipe.system for recipe in system.recipes} == {name}
        assert all(isinstance(recipe, system.recipe_class) for recipe in system.recipes)


def test_every_system_is_registered():
    def concrete(cls):
        below = {one for child in cls.__subclasses__() for one in concrete(child)}
        return below if inspect.isabstract(cls) else {cls, *below}

    defined = {cls for cls in concrete(System) if cls.__module__.startswith("monet.")}
    assert defined == {type(system) for system in SYSTEMS.values()}


def test_documents_have_the_recipes():
    assert sorted(table(RECIPES_MD, "`--recipe`")) == sorted(RECIPES)


@pytest.mark.parametrize("document", ["README.md", "docs/kaggle.md", "docs/recipes.md"])
def test_commands_in_documents_name_recipes_that_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    assert set(re.findall(r"--recipe ([\w-]+)", text)) <= set(RECIPES)


def test_documents_have_the_architectures():
    assert sorted(listed("--generator")) == sorted([*GENERATORS, *NOISE_GENERATORS])
    assert sorted(listed("--discriminator")) == sorted([*DISCRIMINATORS, *IMAGE_DISCRIMINATORS])


# ---- Losses


def test_losses_have_one_list_of_names():
    from monet import losses

    assert list(losses.ADVERSARIAL_LOSSES) == list(recipe.ADVERSARIAL_LOSSES)
    assert listed("--adversarial-loss") == list(losses.ADVERSARIAL_LOSSES)
    assert set(one_sided.HEAD_LOSSES) <= set(losses.ADVERSARIAL_LOSSES)


def test_every_adversarial_loss_has_a_name_or_is_made_of_others():
    from monet import losses

    public = [getattr(losses, name) for name in losses.__all__]
    classes = {one for one in public if inspect.isclass(one)}
    unnamed = classes - set(losses.ADVERSARIAL_LOSSES.values())
    assert unnamed == {losses.AdversarialLoss, losses.PerHead}


# ---- Ops and layers


def test_a_file_for_every_op_and_an_op_for_every_file():
    files = {path.stem for path in (MONET / "ops").glob("*.py")} - {"__init__"}
    assert files == set(public_ops())


def test_an_op_and_its_twin_take_the_same():
    from monet import ops

    for name in public_ops():
        op, twin = getattr(ops, name), getattr(ops, f"{name}_ref")
        assert inspect.signature(op) == inspect.signature(twin), name


def test_the_table_of_implementations_has_every_op():
    from monet.ops.native import dispatch

    in_rows = {op for row in dispatch.TABLE if row.ops for op in row.ops}
    assert in_rows == set(public_ops())


def test_random_calls_are_made_of_every_op():
    # Of all but those that take lists, the trunk and the updates: these have tests of their own.
    tree = ast.parse((TESTS / "ops" / "fuzz_ops.py").read_text(encoding="utf-8"))
    (fuzzed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "OPS"
    )
    assert sorted([*fuzzed, "residual_trunk", *UPDATES]) == public_ops()


def test_every_op_has_tests_of_its_own_or_is_a_case_of_its_family():
    cases = "".join(path.read_text(encoding="utf-8") for path in (TESTS / "ops").glob("*_cases.py"))
    files = [path.name for path in (TESTS / "ops").glob("test_*.py")]
    for name in public_ops():
        stems = (f"test_{name}", f"test_{_FAMILIES.get(name, name)}")
        assert any(file.startswith(stems) for file in files) or re.search(
            rf"\bmonet\.ops\.{name}\b", cases
        ), name


def test_every_op_has_a_benchmark_or_a_reason():
    called = set()
    for path in (ROOT / "benchmarks").glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        of_ops = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        called |= {node.attr for node in of_ops if getattr(node.value, "id", "") == "ops"}
        if "getattr(ops, " in ast.unparse(tree):  # for several of them, which a test is run with
            called |= {
                constant.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".parametrize")
                for constant in ast.walk(node)
                if isinstance(constant, ast.Constant)
            }
    assert called & set(public_ops()) == set(public_ops()) - set(UNMEASURED)


def test_documents_have_the_ops():
    from monet import ops

    assert sorted(table(OPS_MD, "op")) == public_ops()
    functions = {name for name in ops.__all__ if name.islower()}
    twins = {name for name in functions if name.endswith("_ref")}
    assert set(table(OPS_MD, "function")) == functions - twins - set(public_ops())
    assert all(f"`{name}`" in README for name in public_ops())


def test_arguments_in_documents_are_those_of_the_ops():
    from monet import ops

    for name in public_ops():
        written = re.search(rf"^\| `{name}\((.*?)\)`", OPS_MD, re.M)
        assert written, name
        arguments = [word.strip() for word in written[1].split(",") if word.strip() != "*"]
        assert arguments == list(inspect.signature(getattr(ops, name)).parameters), name


def test_documents_have_the_layers():
    from monet import layers

    assert sorted(table(OPS_MD, "layer")) == sorted(layers.__all__)
    assert all(re.search(rf"\b{name}\b", README) for name in layers.__all__)


def test_every_layer_that_a_file_registers_is_exported():
    from monet import layers

    registered = set()
    for path in (MONET / "layers").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.decorator_list:
                registered.add(node.name)
    assert registered == set(layers.__all__)


def test_every_op_is_called_by_a_layer_or_by_the_training():
    by_layers = set(_in(MONET / "layers", r"\bops\.(\w+)\(", "*.py"))
    assert set(public_ops()) - set(UPDATES) <= by_layers
    assert set(UPDATES) <= set(_in(MONET / "training", r"\bops\.(\w+)\b", "*.py"))


# ---- Native code


def test_native_ops_are_registered_have_kernels_gradients_and_callers():
    """What csrc/tensorflow registers is what it computes, on every device, and what is called."""
    registered = set(_in(CSRC / "tensorflow", r'REGISTER_OP\("(\w+)"\)', "*.cc"))
    named = set(_in(CSRC / "tensorflow", r'kName\[\] = "(\w+)"', "*.h"))
    assert registered == named | set(UPDATES.values())

    classes = set(_in(CSRC / "tensorflow", r"^class (\w+Op) final", "*_op.h"))
    every_op = (CSRC / "tensorflow" / "every_op.h").read_text(encoding="utf-8")
    assert set(re.findall(r"DO\((\w+)\)", every_op)) == classes

    with_gradient = set(_in(MONET / "ops", r'RegisterGradient\("(\w+)"\)', "*.py"))
    assert with_gradient == named
    forward = {_snake(name) for name in registered if not name.endswith("Grad")}
    called = set(_in(MONET / "ops", r"\b(monet_\w+)\b", "*.py"))
    assert forward <= called

    from monet.ops.native import library

    assert forward == set(library._OPS)


def test_native_code_has_the_stems_of_the_ops():
    """Both norms are one family, and conv2d's file has its transpose; a trunk is made of blocks."""
    stems = {_FAMILIES.get(name, name) for name in public_ops()}
    places = {
        "tensorflow": "_ops.cc",
        "python": "_bindings.cc",
    }
    for folder, ending in places.items():
        found = {path.name.removesuffix(ending) for path in (CSRC / folder).glob(f"*{ending}")}
        assert found - {"peak"} == stems, folder
    for stem in stems:
        assert (CSRC / "kernels" / f"{stem}.h").is_file(), stem
        assert list((TESTS / "kernels").glob(f"test_{stem}_kernels*.py")), stem
        pattern = LAYER_TESTS.get(stem, f"test_{stem}_layer*.py")
        assert stem == "update" or list((TESTS / "layers").glob(pattern)), stem
    defined = (CSRC / "python" / "bindings.h").read_text(encoding="utf-8")
    module = (CSRC / "python" / "kernels_module.cc").read_text(encoding="utf-8")
    declared = set(re.findall(r"void (Define\w+)\(", defined))
    assert declared == set(re.findall(r"^  (Define\w+)\(m\);", module, re.M))


def test_what_contracts_promise_is_kept_and_called():
    """Each function of an op's header has a kernel, an op that calls it, and one for NumPy."""
    kernels, glue, bindings = (
        "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.*")))
        for folder in (CSRC / "kernels" / "cpu", CSRC / "tensorflow", CSRC / "python")
    )
    for stem in {_FAMILIES.get(name, name) for name in public_ops()}:
        promised = _declared(CSRC / "kernels" / f"{stem}.h")
        assert promised, stem
        for function in promised:
            assert re.search(rf"^[\w:]+ {function}\([^;]*?\) {{", kernels, re.M), function
            for callers in (glue, bindings):
                assert re.search(rf"\b{function}\b", callers), function


def test_formulas_in_double_precision_are_those_of_ops():
    headers = list((CSRC / "kernels").glob("*_reference.h"))
    assert headers and all(path.with_suffix(".cc").is_file() for path in headers)
    stems = {path.stem.removesuffix("_reference") for path in headers}
    assert stems <= {_FAMILIES.get(name, name) for name in public_ops()}
    for header in headers:
        contract = header.with_name(header.name.replace("_reference", ""))
        named = [name.removesuffix("Reference") for name in _declared(header)]
        families = {
            name.removesuffix("Input").removesuffix("Kernel") for name in _declared(contract)
        }
        assert set(named) <= families | set(_declared(contract)), header


def test_ops_on_gpus_have_kernels_there_and_both_devices_call_them():
    cuda = CSRC / "kernels" / "cuda"
    stems = {path.stem.removesuffix("_cuda") for path in cuda.glob("*_cuda.h")} - {"runtime"}
    assert stems <= {_FAMILIES.get(name, name) for name in public_ops()}
    promised = set()
    for stem in stems:
        assert list(cuda.glob(f"{stem}*.cu")), stem
        own = {name.replace("Cuda", "") for name in _declared(cuda / f"{stem}_cuda.h")}
        assert own <= set(_declared(CSRC / "kernels" / f"{stem}.h")), stem
        promised |= own
    for device in ("cpu", "cuda"):
        text = (CSRC / "tensorflow" / f"{device}_device.h").read_text(encoding="utf-8")
        has = set(re.findall(r"^  (?:static size_t|absl::Status) (\w+)\(", text, re.M))
        assert has - {"FillZero"} == promised, device
    every_op = (CSRC / "tensorflow" / "every_op.h").read_text(encoding="utf-8")
    _, _, table_with_cuda = every_op.partition("#define MONET_FOR_EVERY_OP_WITH_CUDA(DO)")
    rows = set(re.findall(r"DO\((\w+)\)", table_with_cuda.partition("#define")[0]))
    assert rows == {
        name
        for stem in stems
        for name in _in(CSRC / "tensorflow", r"^class (\w+Op) final", f"{stem}_op.h")
    }


def _declared(header: Path) -> list[str]:
    """The functions that a header declares, without those that it defines."""
    text = re.sub(r"//.*", "", header.read_text(encoding="utf-8"))
    return re.findall(r"^(?:void|size_t|const char\*|\w+) ?(\w+)\([^;{]*\);", text, re.M)


def _in(folder: Path, pattern: str, files: str) -> list[str]:
    texts = (path.read_text(encoding="utf-8") for path in sorted(folder.rglob(files)))
    return [hit for text in texts for hit in re.findall(pattern, text, re.M)]


def _snake(name: str) -> str:
    """`monet_reflect_conv2d` for `MonetReflectConv2D`, as TensorFlow names functions."""
    return re.sub(r"(?<=[a-z\d])(?=[A-Z][a-z])", "_", name).lower().replace("conv2_d", "conv2d")


# ---- Activations; tests/ops/test_activations.py compares the kernels' table with Python's


def test_documents_have_the_activations():
    from monet.ops.shared.activations import ACTIVATIONS

    names = table(OPS_MD, "`activation`")
    assert names == [str(name) for name in ACTIVATIONS]
    rows = (CSRC / "kernels" / "activation.h").read_text(encoding="utf-8")
    in_kernels = re.findall(r"^  ROW\(k\w+, \"(\w+)\"\)", rows, re.M)
    assert in_kernels == [name or "none" for name in ACTIVATIONS]


# ---- The checklists


def test_checklists_and_maps_name_files_that_exist():
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for text in (CONTRIBUTING, architecture):
        paths = re.findall(r"`((?:monet|csrc|tests|docs|benchmarks)/[\w/.]+)`", text)
        assert len(paths) > 20
        missing = [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]
        assert not missing


@pytest.mark.parametrize(
    "document",
    [
        path
        for folder in (".", "benchmarks", "csrc", "docs", "tests")
        for path in sorted((ROOT / folder).glob("*.md"))
    ],
)
def test_links_in_documents_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert not [link for link in links if not (document.parent / link).exists()]
