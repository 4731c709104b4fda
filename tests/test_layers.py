"""The house: which room may know of which, read from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "gitstore"
MODULES = sorted(PACKAGE.rglob("*.py"))
# What each room may import of the package, beside `errors`, `model`, `resources` and itself.
MAY_KNOW = {
    "errors": set[str](),
    "resources": set(),
    "model": set(),
    "files": set(),
    "memo": {"files"},
    "output": set(),
    "pipeline": {"files", "memo", "tasks"},
    "git": {"files"},
    "network": set(),
    "formats": set(),
    "solvers": {"network"},
    "builders": {"files", "network"},
    "publishers": {"files", "pipeline.ports"},
    "executors": set(),
    "tasks": {"files", "pipeline", "publishers", "solvers", "builders"},
    "stores": {"files", "git", "wiring"},
    "wiring": {"executors", "git", "memo", "pipeline", "publishers"},
    "site": {"files", "memo", "git", "pipeline"},
    "demo": {"builders", "git", "memo", "pipeline"},
    "cli": {
        "solvers.front",
        "output",
        "wiring",
        "stores",
        "pipeline",
        "site",
        "demo",
        "files",
        "memo",
        "git",
        "formats",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
FOREIGN = {
    "rattler": {"network", "solvers", "builders", "demo", "model"},
    "pygit2": {"git"},
    "click": {"cli"},
    "jinja2": {"site"},
    "zstandard": {"builders", "demo"},
    "jsonschema": {"model"},
    "uv": {"solvers"},
    "installer": {"builders"},
}


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_knows_only_the_rooms_below_it(module: Path) -> None:
    room = room_of(module)
    allowed = {"errors", "model", "resources", room, "__version__", *MAY_KNOW[room]}
    for name in imports(module):
        if not name.startswith("gitstore."):
            continue
        target = name.removeprefix("gitstore.")
        assert any(target == one or target.startswith(f"{one}.") for one in allowed), name


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_library_has_its_room(module: Path) -> None:
    for name in imports(module):
        library = name.partition(".")[0]
        assert room_of(module) in FOREIGN.get(library, {room_of(module)}), name


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_output_prints_and_only_the_edges_read_the_world(module: Path) -> None:
    room = room_of(module)
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "click.echo", "click.secho"), called
            if room not in ("cli", "__main__"):
                assert not called.startswith(("sys.stdout", "sys.stderr", "os.getenv")), called
                assert called not in ("datetime.now", "datetime.utcnow", "time.time"), called
        if isinstance(node, ast.Attribute) and room not in ("cli", "__main__"):
            assert ast.unparse(node) not in ("os.environ", "sys.argv"), ast.unparse(node)


def test_modules_and_functions_stay_small() -> None:
    for module in MODULES:
        text = module.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 60, f"{module}: {node.name} has {length} lines"
