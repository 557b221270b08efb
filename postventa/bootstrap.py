"""The first command on a bare machine: make `.venv` from the lock file, then go on inside it.

Standard library only, for it runs before anything is installed; in Spanish, for no catalogue is there yet either.
An environment that already has everything (a developer's own, the production image) is used as it is.
"""

import fcntl
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "postventa.json"
# Each holds all of those before it; `base` is what production installs, and is never installed from here.
LEVELS = ("base", "demo", "dev")
LEVEL_OF_COMMAND = {
    **dict.fromkeys(("demo", "mailbox", "licences"), "demo"),
    **dict.fromkeys(("test", "lint", "bench", "chaos", "screenshots", "messages"), "dev"),
}
RESTARTED = "POSTVENTA_BOOTSTRAPPED"  # set across the restart, so that a mistake here cannot loop


def ensure_environment(command: str) -> None:
    """Return where the packages that `command` needs are at hand; otherwise fetch them and start again with them."""
    level = LEVEL_OF_COMMAND.get(command, "base")
    if is_usable(level):
        return
    if os.environ.get(RESTARTED) == str(os.getpid()):
        sys.exit(f"Faltan paquetes también en .venv: {', '.join(missing(level))}. Borra .venv y vuelve a empezar.")
    with only_one_at_a_time():
        if not is_stamped(level):
            make(max(level, "demo", stamped_level(), key=LEVELS.index))
    restart()


def is_usable(level: str) -> bool:
    if Path(sys.prefix) == VENV and STAMP.exists():
        return is_stamped(level)
    return not missing(level)


def missing(level: str) -> list[str]:
    """The direct requirements of pyproject.toml that this interpreter does not have."""
    if not (ROOT / "pyproject.toml").exists():
        return []
    return [name for name in sorted(requirements(level)) if not is_installed(name)]


def requirements(level: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    specifiers = list(project["dependencies"])
    for extra in LEVELS[1 : LEVELS.index(level) + 1]:
        specifiers += project["optional-dependencies"][extra]
    names = {re.split(r"[\[<>=!~; ]", specifier, maxsplit=1)[0] for specifier in specifiers}
    return names - {project["name"]}


def is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


# --- The stamp: which lock file `.venv` holds ----------------------------------------------------------------------
def lock_file(level: str) -> Path:
    return ROOT / "requirements" / f"{level}.txt"


def lock_hash(level: str) -> str:
    return hashlib.sha256(lock_file(level).read_bytes()).hexdigest()


def stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def stamped_level() -> str:
    return stamp().get("level", "base")


def is_stamped(level: str) -> bool:
    """Whether `.venv` is complete, was made by us from the lock file as it is now, and holds at least `level`."""
    if not python_of(VENV).exists():
        return False
    held = stamp()
    if held.get("hash"):
        return LEVELS.index(held["level"]) >= LEVELS.index(level) and held["hash"] == lock_hash(held["level"])
    return not held and has_everything(level)


def has_everything(level: str) -> bool:
    """Whether a `.venv` that somebody made by hand holds all that `level` needs."""
    code = f"import sys; from postventa.bootstrap import missing; sys.exit(bool(missing({level!r})))"
    return subprocess.run([python_of(VENV), "-c", code], cwd=ROOT, check=False).returncode == 0


def write_stamp(**values: str) -> None:
    scratch = STAMP.with_suffix(".new")
    scratch.write_text(json.dumps(values))
    scratch.replace(STAMP)


# --- Making it -----------------------------------------------------------------------------------------------------
def make(level: str) -> None:
    if "level" in (held := stamp()) and not held.get("hash"):
        shutil.rmtree(VENV)  # interrupted half way: what is in it cannot be trusted
    VENV.mkdir(exist_ok=True)
    write_stamp(level=level)
    if not python_of(VENV).exists():
        run_quietly(venv_command(), "Preparo un entorno propio en .venv")
    run_quietly(
        [*install_command(), "--quiet", "--require-hashes", "-r", str(lock_file(level))],
        "Instalo lo necesario en .venv (solo la primera vez)",
    )
    write_stamp(level=level, hash=lock_hash(level))


def venv_command() -> list[str]:
    python = getattr(sys, "_base_executable", None) or sys.executable
    if not can_make_environments() and not shutil.which("uv"):
        install_venv_package()
    if can_make_environments():
        return [python, "-m", "venv", str(VENV)]
    return [str(shutil.which("uv")), "venv", "--quiet", "--allow-existing", "--python", python, str(VENV)]


def can_make_environments() -> bool:
    importlib.invalidate_caches()
    return bool(importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"))


def install_venv_package() -> None:
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if not shutil.which("apt-get"):
        sys.exit("A este Python le falta el módulo venv: instálalo con los paquetes de tu sistema, o instala uv.")
    if os.geteuid() != 0:
        sys.exit(f"Falta una pieza de Python. Instálala como root con «apt-get install {package}» y repite la orden.")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run_quietly(["apt-get", "update", "-q"], f"Instalo {package}, que le falta a este Python", **quiet)
    run_quietly(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], f"Instalo {package}", **quiet)


def install_command() -> list[str]:
    python = str(python_of(VENV))
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", python]
    sys.exit("En .venv no hay pip. Borra .venv y vuelve a empezar.")


def run_quietly(command: list[str], message: str, **environment: str) -> None:
    """Run it behind one calm line that counts the seconds; where it fails, show the end of what it said."""
    started = time.monotonic()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        output = ""
        if not sys.stderr.isatty():
            print(f"{message} …", file=sys.stderr, flush=True)
        while True:
            try:
                output = process.communicate(timeout=1)[0]
                break
            except subprocess.TimeoutExpired:
                show_progress(f"{message} … {time.monotonic() - started:.0f} s")
            except KeyboardInterrupt:
                process.terminate()
                sys.exit("\nInterrumpido; la próxima vez se empieza de nuevo.")
    show_progress("")
    if process.returncode:
        tail = "\n".join(output.splitlines()[-15:])
        sys.exit(f"{message}: no ha podido ser.\n{tail}")


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Hold a lock that the system gives back however this process ends; a second start waits for the first."""
    with (ROOT / "pyproject.toml").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Otro arranque está preparando .venv; espero a que termine …", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def restart() -> NoReturn:
    python = str(python_of(VENV))
    os.environ[RESTARTED] = str(os.getpid())  # exec keeps the number
    os.execv(python, [python, *sys.orig_argv[1:]])  # noqa: S606
