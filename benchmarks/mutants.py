"""What the tests see of small changes in our own code: ``python -m benchmarks.mutants``.

Each mutant is one change of one place: a comparison, an operator, a number, a condition, a call left out. Places are
drawn at random with a fixed seed from MODULES; a mutant is seen if TESTS fail. What survives is printed with its line:
it changes nothing that matters, or a test is missing. At the end stands the share that is seen, of each module too.
A mutant meets the test files that execute its line, as pytest-cov (to be installed for this) has recorded them.

``--at COMMIT`` takes code and tests of a commit, so that the share can be compared over a rewrite of the tests.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("harness/rules", "harness/record", "harness/check")
TESTS = ("tests/rules", "tests/record", "tests/check")
SECONDS = 900
"""A mutant whose tests take longer is seen: a loop without an end."""

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}


@dataclass(frozen=True)
class Mutant:
    """A change at a line of a module; ``seen`` by a test, if ``outcome`` is not "survived"."""

    module: str
    line: int
    change: str
    source: str
    outcome: str = ""


def mutants(name: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module's source, as whole sources."""
    places = len(list(ast.walk(ast.parse(source))))
    for place in range(places):
        tree = ast.parse(source)
        node = next(itertools.islice(ast.walk(tree), place, None))
        change = _change(node)
        if change:
            yield Mutant(name, getattr(node, "lineno", 0), change, ast.unparse(tree))


def _change(node: ast.AST) -> str:
    """Changes ``node`` in place, and says how; empty where there is nothing to change."""
    before = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
    match node:
        case ast.Compare(ops=[operator, *_]) if type(operator) in COMPARISONS:
            node.ops[0] = COMPARISONS[type(operator)]()
        case ast.BinOp(op=operator) if type(operator) in OPERATORS:
            node.op = OPERATORS[type(operator)]()
        case ast.BoolOp(op=operator):
            node.op = ast.Or() if isinstance(operator, ast.And) else ast.And()
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.UnaryOp(op=ast.Not()):
            node.op = ast.UAdd()
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return f"if not ({ast.unparse(node.test.operand)})"
        case ast.Expr(value=ast.Call()):
            node.value = ast.Constant(None)
        case _:
            return ""
    return f"{before} → {ast.unparse(node)}"


def drawn(folder: Path, count: int, seed: int) -> list[Mutant]:
    """``count`` mutants of MODULES, every place as likely as any other."""
    modules = sorted(path for name in MODULES for path in (folder / name).rglob("*.py"))
    texts = {str(path.relative_to(folder)): path.read_text("utf-8") for path in modules}
    every = [mutant for name, text in texts.items() for mutant in mutants(name, text)]
    return random.Random(seed).sample(every, min(count, len(every)))


def covering(folder: Path) -> Callable[[Mutant], Sequence[str]]:
    """The test files that execute a mutant's line; for a line of an import, those that execute its module.

    Raises:
        SystemExit: TESTS fail without a mutant, so that they would see everything.
    """
    options = ["--cov-context=test", "--cov-report=", *(f"--cov={name}" for name in MODULES)]
    if said := failing(folder, [*TESTS, *options], None):
        raise SystemExit(f"Without a mutant: {said}")
    report = [sys.executable, "-m", "coverage", "json", "-q", "--show-contexts", "-o", "contexts.json"]
    subprocess.run(report, cwd=folder, check=True)
    contexts = json.loads((folder / "contexts.json").read_text("utf-8"))["files"]

    def files(mutant: Mutant) -> Sequence[str]:
        lines = contexts[mutant.module]["contexts"] if mutant.module in contexts else {}
        of_line, of_module = (
            sorted({context.partition("::")[0] for context in names if context})
            for names in (lines.get(str(mutant.line), []), [name for names in lines.values() for name in names])
        )
        return of_line or of_module or TESTS

    return files


def failing(folder: Path, tests: Sequence[str], seconds: float | None = SECONDS) -> str:
    """What these tests say in ``folder`` if one of them fails; "" if none does."""
    command = [sys.executable, "-m", "pytest", *tests, "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    how: dict[str, Any] = {"cwd": folder, "timeout": seconds}
    how["env"] = {**os.environ, "CI": "true"}  # Hypothesis then has no deadline
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    except subprocess.TimeoutExpired:
        return "no end"
    return done.stdout[-500:] + done.stderr[-500:] if done.returncode else ""


def outcome(folder: Path, mutant: Mutant, tests: Sequence[str]) -> str:
    """Runs the tests on the mutant, in ``folder``."""
    path = folder / mutant.module
    whole = path.read_text("utf-8")
    path.write_text(mutant.source, "utf-8")
    try:
        said = failing(folder, tests)
    finally:
        path.write_text(whole, "utf-8")
    return "survived" if not said else "seen: no end" if said == "no end" else "seen"


def shares(tried: Sequence[Mutant]) -> Iterator[str]:
    """How many are seen: of each module, and of all."""
    by_module: dict[str, list[bool]] = {}
    for mutant in sorted(tried, key=lambda mutant: mutant.module):
        for name in (mutant.module, "all"):
            by_module.setdefault(name, []).append(mutant.outcome != "survived")
    for name in sorted(by_module, key="all".__eq__):
        seen = by_module[name]
        yield f"{name}: {sum(seen)} of {len(seen)} seen ({sum(seen) / len(seen):.0%})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints each mutant with its outcome, then the shares."""
    parser = argparse.ArgumentParser(description="What the tests see of small changes in our own code.")
    parser.add_argument("--at", default="HEAD", metavar="COMMIT", help="code and tests of this commit")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write every mutant and its outcome as JSON")
    asked = parser.parse_args(arguments)
    tried: list[Mutant] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        packed = subprocess.run(["git", "archive", asked.at], cwd=ROOT, capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=packed, check=True)
        tests = covering(folder)
        for mutant in drawn(folder, asked.count, asked.seed):
            tried.append(replace(mutant, source="", outcome=outcome(folder, mutant, tests(mutant))))
            print("{module}:{line}: {change}: {outcome}".format(**asdict(tried[-1])), flush=True)
            if asked.out:
                asked.out.write_text(json.dumps([*map(asdict, tried)], indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(*shares(tried), sep="\n")


if __name__ == "__main__":
    main()
