"""The house rules, held by reading every module's imports and calls.

Rooms depend on each other as `MAY_IMPORT` says. Heavy packages (torch, keras, hls4ml, matplotlib and so on) live in
worker rooms: `WORKER_ROOMS` and any package called ``workers``. A step starts what is in there as ``python -m``;
nothing outside imports it. Elsewhere, third-party packages are imported inside the function that needs them, so that
the command line stays light.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from flows.core.errors import FlowsError

ROOT = Path(__file__).resolve().parent.parent
OURS = ("flows", "models", "backends", "reports")
PATHS = [path for package in OURS for path in sorted((ROOT / package).rglob("*.py"))]

MAY_IMPORT = {
    "flows.core": ("flows.core",),
    "flows": ("flows", "models", "backends.protocol", "backends.cost", "reports"),
    "flows.ledger": ("flows", "backends.protocol", "backends.amd"),
    "models": ("flows.core", "models"),
    "reports": ("flows.core", "reports"),
    "backends.protocol": ("flows.core", "models", "backends.cost"),
    "backends.cost": ("flows.core", "models", "backends.cost"),
    "backends.dataflow": ("flows.core", "models", "backends.cost", "backends.protocol", "backends.dataflow"),
    "backends.open_tools": (
        "flows.core",
        "backends.cost",
        "backends.amd.bitstream",
        "backends.open_tools",
    ),
    "backends.amd": ("flows.core", "models", "backends.cost", "backends.dataflow", "backends.protocol", "backends.amd"),
}
SHARED_BY_BACKENDS = (
    "flows.core",
    "models",
    "backends.cost",
    "backends.dataflow",
    "backends.amd",
    "backends.open_tools",
    "backends.protocol",
)
LIGHT = {"numpy", "safetensors", "yaml"}
"""What a module outside the worker rooms may import, inside a function; flows.core and reports not even these."""
TEMPLATES = {"jinja2"}
"""What worker rooms may import, and reports inside a function (docs/adr/0012-report-pages.md)."""
TABLES = {"pandas"}
"""What reports may import inside a function, where a user asks for it by name."""
WORKER_ROOMS = ("models.evaluation", "models.keras3", "models.training", "reports.pictures")
SUITE = "flows.conformance"
"""What third parties run under pytest; nothing of the program imports it."""
HEAVY = {"torch", "keras", "tensorflow", "hls4ml", "onnx", "onnxruntime", "brevitas", "qonnx", "matplotlib"}
HEAVY |= {"h5py", "google", "pyosys"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def in_worker_room(module: str) -> bool:
    return any(within(module, room) for room in WORKER_ROOMS) or "workers" in module.split(".")


def allowed(module: str) -> tuple[str, ...]:
    """What of ours `module` may import; the longest room that it is in decides."""
    rooms = [room for room in MAY_IMPORT if within(module, room)]
    if rooms:
        return MAY_IMPORT[max(rooms, key=len)]
    return (*SHARED_BY_BACKENDS, ".".join(module.split(".")[:2]))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), path.name)


@cache
def imports(path: Path, typing: bool = True) -> tuple[tuple[str, bool], ...]:
    """Every module that `path` imports, and whether on import of it (not in a function, not for type checkers only);
    without `typing`, none of those that type checkers alone import."""

    def walk(node: ast.AST, eager: bool) -> Iterator[tuple[str, bool]]:
        match node:
            case ast.Import():
                yield from ((alias.name, eager) for alias in node.names)
            case ast.ImportFrom():
                assert node.level == 0, f"{path}: relative import"
                yield from ((target(node.module or "", alias.name), eager) for alias in node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                eager = False
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not typing:
                return
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                eager = False
        for child in ast.iter_child_nodes(node):
            yield from walk(child, eager)

    return tuple(walk(tree_of(path), True))


@cache
def target(module: str, name: str) -> str:
    """``from models import vectors`` imports a module, ``from models.zoo import ARCH8`` a name in one."""
    inner = ROOT.joinpath(*module.split("."), name)
    return f"{module}.{name}" if inner.with_suffix(".py").exists() or inner.is_dir() else module


@cache
def calls(path: Path) -> tuple[tuple[str, ast.Call], ...]:
    every = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    return tuple((ast.unparse(node.func), node) for node in every)


def every_module(rule: Callable[[Path], None]) -> Callable[[], None]:
    """The test that every module keeps `rule`; it names all that do not."""

    def test() -> None:
        broken = {}
        for path in PATHS:
            try:
                rule(path)
            except AssertionError as reason:
                broken[name_of(path)] = str(reason)
        assert not broken

    test.__doc__ = rule.__doc__
    return test


def test_the_rules_see_the_modules() -> None:
    assert len(PATHS) > 40
    assert ("torch", True) in imports(ROOT / "models/training/worker.py")
    assert ("numpy", False) in imports(ROOT / "models/vectors.py")
    assert ("flows.registry", True) in imports(ROOT / "flows/cli/options.py")


@every_module
def test_rooms_import_only_what_they_may(path: Path) -> None:
    module = name_of(path)
    ours = [name for name, _ in imports(path) if name.split(".")[0] in OURS]
    wrong = [name for name in ours if not any(within(name, room) for room in allowed(module))]
    assert not wrong, f"{module} may import {', '.join(allowed(module))}"


@every_module
def test_third_party_packages_stay_where_they_belong(path: Path) -> None:
    module = name_of(path)
    third = {
        (name.split(".")[0], eager)
        for name, eager in imports(path)
        if name.split(".")[0] not in OURS and name.split(".")[0] not in sys.stdlib_module_names
    }
    if in_worker_room(module):
        assert {name for name, _ in third} <= LIGHT | HEAVY | TEMPLATES
    elif within(module, SUITE):
        assert {name for name, _ in third} <= LIGHT | {"pytest"}
    elif within(module, "flows.core"):
        assert not third, "standard library only"
    elif within(module, "reports"):
        allowed_here = {(name, False) for name in TEMPLATES | TABLES}
        assert third <= allowed_here, "standard library only; templates and tables inside a function"
    else:
        assert {name for name, _ in third} <= LIGHT, "heavy packages live in worker rooms"
        assert not [name for name, eager in third if eager], "import it inside the function that needs it"


def test_no_module_imports_itself_through_others() -> None:
    """In a function neither; the types of a value may name those that make it."""
    modules = {name_of(path): path for path in PATHS}
    above = {
        name: {other for other, _ in imports(path, typing=False)} & modules.keys() for name, path in modules.items()
    }
    while leaves := {name for name, others in above.items() if not others}:
        above = {name: others - leaves for name, others in above.items() if name not in leaves}
    assert not above


def test_tensorflow_is_loaded_by_the_worker_that_trains_with_it_alone() -> None:
    loading = {name_of(path) for path in PATHS for name, _ in imports(path) if name.split(".")[0] == "tensorflow"}
    assert loading == {"models.training.keras_worker"}


@every_module
def test_nothing_outside_a_worker_room_imports_from_one(path: Path) -> None:
    if not in_worker_room(name_of(path)):
        assert not [name for name, _ in imports(path) if in_worker_room(name)]
    if not within(name_of(path), SUITE):
        assert not [name for name, _ in imports(path) if within(name, SUITE)]


@every_module
def test_one_module_starts_processes_and_nobody_changes_directory(path: Path) -> None:
    """And the watchdog that it starts, which becomes the program; and the one that compiles the stream simulation."""
    module = name_of(path)
    if module not in ("flows.processes", "backends.dataflow.compiled") and not within(module, SUITE):
        starters = {"subprocess", "multiprocessing", "pty"}
        assert not [name for name, _ in imports(path) if name.split(".")[0] in starters]
    for function, call in calls(path):
        starts = re.fullmatch(r"os\.(chdir|fchdir|system|popen|fork|exec\w+|spawn\w+|posix_spawn\w*)", function)
        assert not starts or (module == "flows.watchdog" and function in ("os.fork", "os.execv"))
        assert function not in ("chdir", "contextlib.chdir"), "nobody changes the directory"
        shells = [word for word in call.keywords if word.arg == "shell" and not function.endswith("replace")]
        assert not shells, "argv lists, never a shell string"


@every_module
def test_a_worker_is_started_and_ended_in_one_way(path: Path) -> None:
    """By `flows.core.worker`; finn-plus runs ours in an environment of its own, where there is nothing of ours."""
    module = name_of(path)
    own = module in ("flows.core.worker", "flows.conformance.rehearsal", "backends.finn.workers.finn_plus")
    steps = [call for function, call in calls(path) if function == "Step"]
    tools = [ast.unparse(word.value) for call in steps for word in call.keywords if word.arg == "tool"]
    assert own or "PYTHON" not in tools
    if in_worker_room(module) and not within(module, "reports") and not own:
        ends = [
            node for node in tree_of(path).body if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        ]
        assert all(ast.unparse(node.body[0]).startswith("run_worker(main") for node in ends)


@every_module
def test_nothing_is_unpickled_or_evaluated(path: Path) -> None:
    unsafe = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
    assert not [name for name, _ in imports(path) if name.split(".")[0] in unsafe]
    for function, call in calls(path):
        assert function not in ("eval", "exec"), f"{function}: data is never code"
        if function == "torch.load":  # a state that the user names, of which tensors are read and nothing else
            said = {word.arg: ast.unparse(word.value) for word in call.keywords}
            assert name_of(path) == "models.training.own_module" and said.get("weights_only") == "True"
        assert not [word for word in call.keywords if word.arg == "allow_pickle"]


@every_module
def test_only_the_command_line_and_workers_print(path: Path) -> None:
    module = name_of(path)
    if not (in_worker_room(module) or within(module, "flows.cli") or module == "flows.__main__"):
        assert not [function for function, _ in calls(path) if function in ("print", "sys.stdout.write")]


ERRORS = {error.__name__ for error in FlowsError.__subclasses__()}
COMMAND = re.compile(r"(apt|apt-get|brevitas|dask|docker|flows|keras|nox|numpy|pip|python3?|torch|vivado)\b")


@every_module
def test_a_next_step_begins_with_a_word(path: Path) -> None:
    """It is a sentence, with a capital: a command or a call that it begins with stands in backticks."""
    steps = [call.args[2] for function, call in calls(path) if function in ERRORS and len(call.args) > 2]
    constants = {
        ast.unparse(node.targets[0]): node.value for node in tree_of(path).body if isinstance(node, ast.Assign)
    }
    texts = [ast.unparse(constants.get(ast.unparse(step), step)).lstrip("f").strip("\"'") for step in steps]
    assert not [text for text in texts if COMMAND.match(text) or re.search(r"[^.][.?]$", text)]


@every_module
def test_names_are_of_the_field(path: Path) -> None:
    """Nouns for values, verbs for functions; no Manager, Helper, Utils, Base."""
    classes = [node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
    vague = re.compile(r"(manager|helper|utils?|base|common|misc)$", re.IGNORECASE)
    assert not [name for name in (path.stem, *classes) if vague.search(name)]


@every_module
def test_every_module_says_what_it_is(path: Path) -> None:
    assert not tree_of(path).body or ast.get_docstring(tree_of(path))


BUILT_IN = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["zynqflows.backends"]


@pytest.mark.parametrize("module", sorted(BUILT_IN.values()))
def test_a_built_in_flow_says_which_options_and_which_design_it_has(module: str) -> None:
    """Of its own, by name: mypy then checks every function of its `BACKEND` against `backends.protocol`."""
    tree = tree_of(ROOT.joinpath(*module.split("."), "__init__.py"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "BACKEND"]
    of = re.fullmatch(r"Backend\[(\w+), (?:Solved\[)?(\w+)\]?\]", ast.unparse(typed.annotation))
    assert of and "Any" not in of.groups()
    imported = {
        alias.name: node.module for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert all(within(str(imported[name]), module) for name in of.groups())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in ("Any", "cast")]


WATCHED = sorted(HEAVY | TEMPLATES | {"numpy", "safetensors", "jsonschema"})
PROBE = """
import json, sys
from flows.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(json.dumps(sorted(set(sys.modules) & set(%r))), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "command",
    ["--help", "list parts", "list flows", "run hls4ml --help", "evaluate --help", "estimate hls4ml", "plan hls4ml"],
)
def test_the_command_line_stays_light(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE % WATCHED, *command.split()], cwd=ROOT, capture_output=True, text=True
    )
    needed = ["numpy"] if command.split()[0] in ("estimate", "plan") else []  # the stream simulation
    loaded = json.loads(done.stderr.splitlines()[-1])
    assert loaded == needed, f"{command} loaded packages that it does not need"
    assert done.returncode == 0 and "error:" not in done.stderr


def test_a_class_name_has_one_meaning_in_backends() -> None:
    """`Options` of a flow and the like have the flow's name in theirs."""
    places: dict[str, list[str]] = {}
    for path in PATHS:
        if path.is_relative_to(ROOT / "backends"):
            for node in ast.walk(tree_of(path)):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert len(places) > 80
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_the_map_of_the_backends_names_modules_that_exist() -> None:
    named = re.findall(r"`(backends[\w.]+)`", str(ast.get_docstring(tree_of(ROOT / "backends/__init__.py"))))
    modules = {name_of(path) for path in PATHS}
    assert len(named) > 15 and not [name for name in named if not {name, name.rpartition(".")[0]} & modules]
