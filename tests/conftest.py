"""What every Python test shares: the interpreters of this machine as a fixture, and the matrix printed at the end.

    def test_something(python: Interpreter, pysnap_binary: Path) -> None: ...

runs once for each CPython that scripts/interpreters.sh finds. Choose with --python 3.12 --python debug.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# Before they are imported: their assertions tell what they found, like those of the tests themselves.
pytest.register_assert_rewrite("support_py")

from support_py import matrix
from support_py.interpreters import Interpreter, find_interpreters, is_newest

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pysnap")
    group.addoption(
        "--python",
        action="append",
        default=[],
        metavar="NAME",
        help="only these interpreters: a minor version (3.12), a tag (3.14.8d), or release|debug; repeatable",
    )
    group.addoption(
        "--require-builds",
        action="store_true",
        help="fail when a build of tests/required-builds.txt did not run",
    )
    group.addoption("--build-dir", default=os.environ.get("PYSNAP_BUILD", str(ROOT / "build")), metavar="DIR")


def pytest_configure(config: pytest.Config) -> None:
    # What is started in the background by a shell ignores them, and so would the programs that are tested.
    for number in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if not hasattr(config, "workerinput"):  # Not in the workers of pytest-xdist.
        config.pluginmanager.register(matrix.Matrix(config), "pysnap-matrix")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "python" in metafunc.fixturenames:
        chosen = find_interpreters(metafunc.config.getoption("--python"))
        metafunc.parametrize("python", chosen, ids=[python.tag for python in chosen], scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        callspec = getattr(item, "callspec", None)
        python = callspec.params.get("python") if callspec else None
        if isinstance(python, Interpreter):
            item.user_properties.append(("python", python.tag))
            if is_replay_of_another_micro_version(item, python):
                item.add_marker(
                    pytest.mark.skip(reason="replay is the same for all micro versions: the newest does it")
                )


# Of tests/replay, what asks most of the capture: that is done with every build.
REPLAYED_WITH_EVERY_BUILD = {"test_catalogue.py", "test_rebuilt_frames.py", "test_replay_crash.py", "test_tasks.py"}


def is_replay_of_another_micro_version(item: pytest.Item, python: Interpreter) -> bool:
    """There is one replay extension for all micro versions; tests/integration is about how they differ."""
    if item.path.parent.name != "replay" or item.path.name in REPLAYED_WITH_EVERY_BUILD:
        return False
    return not python.debug and not is_newest(python)


@pytest.fixture(scope="session")
def build_dir(pytestconfig: pytest.Config) -> Path:
    """The build tree under test."""
    return Path(pytestconfig.getoption("--build-dir"))


@pytest.fixture(scope="session")
def pysnap_binary(build_dir: Path) -> Path:
    """The tool under test; a test that needs it fails when it was not built."""
    path = build_dir / "bin" / "pysnap"
    if not path.exists():
        pytest.fail(f"{path} is not there: build first (scripts/dev.sh build)")
    return path


@pytest.fixture(scope="session")
def python_package(build_dir: Path) -> Path:
    """The folder to put on PYTHONPATH for `import pysnap`."""
    return build_dir / "python"
