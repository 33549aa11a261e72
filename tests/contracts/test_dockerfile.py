"""The Dockerfile, executed step by step without a container engine.

Each stage is an empty folder that stands for its image's ``/``. ENV, WORKDIR and COPY name absolute paths, which
are moved under that folder; a RUN step names none (the first test), so ``/bin/sh`` runs it as it is written. Once
the last stage stands, the stages before it are removed, as they are absent from an image. What the base image
brings is one ``python3`` on PATH and a POSIX userland; of the build machine, only how it reaches its package index.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# How a build machine is told of its mirror and its certificates.
_INDEX = re.compile(r"^(PIP|UV)_|^SSL_CERT|_CA_BUNDLE$|_proxy$", re.IGNORECASE)
_USERLAND = ("/usr/bin", "/bin")


@dataclass(frozen=True)
class Step:
    """One instruction: its word, and the rest with its continuation lines joined."""

    word: str
    rest: str


def read_steps(text: str) -> Iterator[Step]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Step(word.upper(), rest.strip())


def pairs(rest: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(rest))


@dataclass
class Stage:
    """What the steps since a FROM have made: a folder for ``/`` and the settings of its containers."""

    base: str
    root: Path
    name: str = ""
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    settings: dict[str, str] = field(default_factory=dict)

    def inside(self, path: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.root / os.path.normpath(os.path.join("/", self.workdir, path)).lstrip("/")  # noqa: PTH118 - joins as the image would

    def variables(self, home: Path) -> dict[str, str]:
        """The environment of a process in it: its ENV with every absolute path moved under the root."""
        moved = {
            name: os.pathsep.join(str(self.inside(part)) if part.startswith("/") else part for part in value.split(":"))
            for name, value in self.environment.items()
        }
        own = moved.get("PATH", str(self.inside("/usr/local/bin")))
        carried = {name: value for name, value in os.environ.items() if _INDEX.search(name)}
        return carried | moved | {"PATH": os.pathsep.join([own, *_USERLAND]), "HOME": str(home)}


class Build:
    """Executes a Dockerfile's steps; a word it does not know is an error, never a step left out."""

    def __init__(self, context: Path, folder: Path) -> None:
        self.context, self.folder = context, folder
        self.home = folder / "home"
        self.home.mkdir()
        self.arguments: dict[str, str] = {}
        self.stages: list[Stage] = []

    def execute(self, steps: Iterator[Step]) -> Stage:
        for step in steps:
            getattr(self, f"_{step.word.lower()}")(step.rest)
        *earlier, last = self.stages
        for stage in earlier:
            shutil.rmtree(stage.root)
        return last

    @property
    def stage(self) -> Stage:
        return self.stages[-1]

    def _arg(self, rest: str) -> None:
        self.arguments |= pairs(rest)

    def _from(self, rest: str) -> None:
        base, *alias = rest.split()
        name = alias[1] if alias else ""
        base = re.sub(r"\$\{(\w+)\}", lambda found: self.arguments[found[1]], base)
        root = self.folder / f"stage-{len(self.stages)}"
        python = root / "usr/local/bin/python3"
        python.parent.mkdir(parents=True)
        python.symlink_to(Path(sys.executable).resolve())
        self.stages.append(Stage(base, root, name))

    def _env(self, rest: str) -> None:
        self.stage.environment |= pairs(rest)

    def _workdir(self, rest: str) -> None:
        self.stage.workdir = rest
        self.stage.inside("").mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        source_root = self.context
        if words[0].startswith("--from="):
            name = words.pop(0).removeprefix("--from=")
            source_root = next(stage.root for stage in self.stages if stage.name == name)
        *sources, destination = words
        for source in sources:
            origin, target = source_root / source.lstrip("/"), self.stage.inside(destination)
            if origin.is_dir():
                shutil.copytree(origin, target, symlinks=True, dirs_exist_ok=True)
            else:
                into = destination.endswith("/")
                (target if into else target.parent).mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, target / origin.name if into else target)

    def _run(self, rest: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", rest],
            cwd=self.stage.inside(""),
            env=self.stage.variables(self.home),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"

    def _user(self, rest: str) -> None:
        self.stage.user = rest

    def _label(self, rest: str) -> None:
        pairs(rest)

    def _expose(self, rest: str) -> None:
        self.stage.settings["EXPOSE"] = rest

    def _healthcheck(self, rest: str) -> None:
        self.stage.settings["HEALTHCHECK"] = rest[rest.index("CMD") + len("CMD") :].strip()

    def _entrypoint(self, rest: str) -> None:
        self.stage.settings["ENTRYPOINT"] = rest

    def _cmd(self, rest: str) -> None:
        self.stage.settings["CMD"] = rest


def build_context(folder: Path) -> Path:
    """What an engine would be sent: .dockerignore leaves everything out but the names it takes back."""
    ignored, *rules = [
        line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert ignored == "*"
    for rule in rules:
        if rule.startswith("!"):
            origin = REPOSITORY / rule[1:]
            if origin.is_dir():
                shutil.copytree(origin, folder / origin.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(origin, folder)
        else:
            assert rule == "**/__pycache__", "a rule that this test does not read"
    return folder


def run_in(stage: Stage, home: Path, words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = stage.variables(home) | more
    program = shutil.which(words[0], path=environment["PATH"])
    assert program is not None, words[0]
    assert Path(program).is_relative_to(stage.root), f"{words[0]} is not of the image"
    return subprocess.run([program, *words[1:]], env=environment, cwd=home, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return list(read_steps((REPOSITORY / "Dockerfile").read_text()))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_context(tmp_path_factory.mktemp("context"))


@pytest.fixture(scope="module")
def image(context: Path, steps: list[Step], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Build(context, tmp_path_factory.mktemp("build")).execute(iter(steps))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_no_run_step_names_an_absolute_path(steps: list[Step]) -> None:
    """Every RUN step works below the folder that stands for /, so running it here is running it there."""
    for step in steps:
        if step.word == "RUN":
            assert not re.search(r"(?:^|[\s=\"'])/", step.rest), step.rest


def test_both_stages_stand_on_one_base(steps: list[Step]) -> None:
    """The environment's interpreter is the base's own, so the last stage has the base it was made on."""
    bases = {step.rest.split()[0] for step in steps if step.word == "FROM"}
    assert bases == {"${PYTHON_IMAGE}"}


def test_the_command_runs_from_the_last_stage_alone(image: Stage, home: Path) -> None:
    """The installed command explains itself after the build stage is gone."""
    entrypoint = json.loads(image.settings["ENTRYPOINT"])
    for arguments in (["--help"], [*json.loads(image.settings["CMD"]), "--help"], ["work", "--help"]):
        done = run_in(image, home, [*entrypoint, *arguments])
        assert done.returncode == 0, done.stderr
        assert "Usage" in done.stdout


def test_the_package_is_installed_whole(image: Stage, context: Path) -> None:
    """Every file of the package that is not code stands in the image beside the code."""
    (installed,) = image.root.glob("app/lib/python*/site-packages/consent_service")

    def files(package: Path) -> set[str]:
        found = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {str(path.relative_to(package)) for path in found}

    assert files(installed) == files(context / "consent_service")


def test_it_runs_as_nobody_of_the_image(image: Stage) -> None:
    """A container has a numeric user that is not root; it can read all of /app and change none of it."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.user)
    for path in (image.root / "app").rglob("*"):
        mode = path.stat().st_mode
        assert mode & stat.S_IROTH, path
        assert not mode & stat.S_IWOTH, path
        assert not path.is_dir() or mode & stat.S_IXOTH, path


def test_no_tool_that_builds_or_installs_is_left(image: Stage) -> None:
    """The environment of the last stage has neither pip, uv, a build backend nor a test tool."""
    names = {path.name for path in (image.root / "app").glob("bin/*")}
    assert names.isdisjoint({"pip", "pip3", "uv", "uvx", "hatchling", "pytest", "mypy", "ruff"})


def test_one_process_a_container(image: Stage) -> None:
    """The entry point is the operators' command itself, without a shell; the default is to serve."""
    assert json.loads(image.settings["ENTRYPOINT"]) == ["consent-service"]
    assert json.loads(image.settings["CMD"]) == ["serve"]


def test_the_health_check_fails_where_nothing_answers(image: Stage, home: Path) -> None:
    """A container whose service does not listen is unhealthy."""
    check = json.loads(image.settings["HEALTHCHECK"])
    assert run_in(image, home, check, CONSENT_PLATFORM_PORT="9").returncode != 0
