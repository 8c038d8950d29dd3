"""Fixtures of the whole-program tests: a built cupola, a server of its own, git repositories."""

import os
import pathlib
import subprocess

import pytest

from harness import Repository, Server
from postgres import PROGRAMS, Postgres, PostgresServer
from projects import numbers

ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_configure(config):
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def build():
    """The folder of the built programs: CUPOLA_TEST_BUILD, else build/debug."""
    folder = pathlib.Path(os.environ.get("CUPOLA_TEST_BUILD", ROOT / "build" / "debug"))
    if not (folder / "cupola").exists():
        pytest.fail(f"{folder}/cupola is not built: make build")
    return folder


@pytest.fixture(scope="session")
def shared_server(build, tmp_path_factory):
    """One server for all tests that need no restart: plugin environments are built once."""
    server = Server(build, tmp_path_factory.mktemp("home"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def warm(shared_server, tmp_path_factory):
    """Gives a new server's folder links to the packages and environments of the shared one, and returns it."""
    repository = Repository(tmp_path_factory.mktemp("warm") / "repository")
    repository.commit(numbers())
    shared_server.deploy("warm", repository)

    def copy(home):
        home.mkdir(mode=0o700, exist_ok=True)
        for name in ("cache", "environments"):
            subprocess.run(["cp", "-al", str(shared_server.home / name), str(home)], check=True)
        return home

    return copy


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """A PostgreSQL of the module's own; without one its tests are skipped."""
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed")
    database = Postgres(tmp_path_factory.mktemp("pg"))
    yield database
    database.tool("stop")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def on_each_database(request, build):
    """Makes a server, not started yet, in a home: on SQLite and on PostgreSQL in turn."""
    if request.param == "sqlite":
        return lambda home: Server(build, home)
    url = request.getfixturevalue("postgres").url
    return lambda home: PostgresServer(build, home, url)


@pytest.fixture
def server(build, tmp_path, warm):
    """A server of this test's own."""
    own = Server(build, warm(tmp_path / "home"))
    own.start()
    yield own
    own.stop()


@pytest.fixture(scope="session")
def origin(build, warm, tmp_path_factory):
    """A deployed project with a run that ended, to be copied for tests that do harm (crash_world.py)."""
    from crash_world import Origin

    folder = tmp_path_factory.mktemp("origin")
    repository = Repository(folder / "repository")
    repository.commit(numbers())
    made = Origin(build, folder, warm, repository)
    yield made
    made.close()
