"""The hash of a definition is the same on every Python version."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SYNTAX = '''
import functools, json, sys
from harness.definition import variant_hash
from harness.experiment import Experiment, Size, Variant
from harness.metric import Metric

TABLE = {"a": (1, 2.5, -0.0, 1e-320, 10**30), "b": [None, True, b"\\xff", 3j, ...], "é\\U0001fadf": {1, 2, 3}}

def pick(x, /, y: int = 1, *rest: str, z=None, **more) -> list:
    """A docstring."""
    total: float = 0.0
    global COUNT
    try:
        with open(x) as f, open(y):
            total += sum(i * j for i in range(3) if i for j in [k for k in (1, 2)])
    except (OSError, ValueError) as error:
        raise RuntimeError(f"{x!r:>{y}} {total:.3f}" "tail" f"{x=}" f"{x:}" "é\\U0001fadf") from error
    else:
        del x
    finally:
        assert y is not None, "y"
    while (n := y) > 0 and not z or n < 3 < 4:
        y -= 1
        if n: continue
        else: break
    match rest:
        case [1, *others] | {"k": others} if others: return others
        case complex(real=0) as c: return [c]
        case None | -1 | _: pass
    def inner(): nonlocal total; yield total; yield from rest; return {**more, "a": 1}, {*rest}, rest[1:2, ::3, ...]
    class Inner(list, metaclass=type):
        """Another."""
        size = 3
        @property
        def area(self): return self.size ** 2 @ TABLE
    return [*rest, lambda a, *b: a if b else ~a, {k: v for k, v in more.items()}, print(*rest, **more)]

async def later():
    async with TABLE as t:
        await t

@functools.lru_cache(maxsize=None)
def model(): return pick(TABLE)

def data(): return [pick, {i: j for i, j in zip(TABLE, TABLE)}]

def last(history): return history["loss"][-1]

EXPERIMENT = Experiment(
    id="x", data=data, model=model, optimizer=functools.partial(pick, TABLE, z=data), loss="mse",
    sizes={"quick": Size(1, 2), "lecture": Size(3, 4)}, variants=(Variant("v"),),
    metrics=(Metric("last", "lower", "", 1.0, of=last),),
)
print(variant_hash(EXPERIMENT, "v", "quick"))
assert not {"numpy", "keras", "scipy"} & set(sys.modules)
'''
GOLDEN = "6b7f5de836b2029e"


def interpreters() -> list[str]:
    """This interpreter, and each of Python 3.11 to 3.14 that the machine has, with or without packages."""
    found = {sys.executable}
    for minor in (11, 12, 13, 14):
        found |= {str(p) for p in Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")}
        for folder in ("/usr/bin", "/usr/local/bin"):
            if path := shutil.which(f"python3.{minor}", path=folder):
                found.add(path)
    return sorted(found)


@pytest.mark.parametrize("python", interpreters())
def test_every_python_version_gives_the_same_hash(python, tmp_path):
    script = tmp_path / "course.py"
    script.write_text(SYNTAX, encoding="utf-8")
    command = [python, "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import course"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == (GOLDEN, "")
