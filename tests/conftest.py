"""Fixtures of the whole-program tests: a built cupola, a server of its own, git repositories."""

import os
import pathlib
import subprocess

import pytest

from harness import Server

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


@pytest.fixture
def server(build, tmp_path, shared_server):
    """A server of this test's own, with the package cache of the shared one."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    cache = shared_server.home / "cache"
    if cache.exists():
        subprocess.run(["cp", "-a", "--reflink=auto", str(cache), str(home / "cache")], check=True)
    own = Server(build, home)
    own.start()
    yield own
    own.stop()
