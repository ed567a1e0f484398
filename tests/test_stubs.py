"""The stub of the compiled module lists what it has, and nothing else."""

import ast
from importlib.resources import files

from lawfit import _core


def names_in(body):
    """Names a stub defines, and those of its classes' members."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id
        elif isinstance(node, ast.ClassDef):
            yield node.name
            yield from (f"{node.name}.{name}" for name in names_in(node.body))


def names_of(module):
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        yield name
        if isinstance(value, type):
            members = (m for m in vars(value) if not m.startswith("_"))
            yield from (f"{name}.{member}" for member in members)


def test_the_stub_lists_what_the_module_has():
    stub = ast.parse(files("lawfit").joinpath("_core.pyi").read_text())
    listed = {name for name in names_in(stub.body) if "__init__" not in name and name[0] != "_"}
    assert listed == set(names_of(_core))


def test_build_info_says_how_the_core_was_built():
    info = _core.build_info()
    assert info["cxx_standard"] >= 201703
    assert info["simd"] in {"avx512", "avx2", "sse2", "neon", "scalar"}
    assert info["max_threads"] >= 1
    assert str(info["compiler"])
