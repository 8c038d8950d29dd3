"""Servers that cannot start, or lack a program: what happened, what to do; nothing is changed."""

import os
import shutil
import socket
import sqlite3
import subprocess

import pytest
from harness import Repository, Server, let_others_in
from projects import MELTANO_YML, numbers

ORDINARY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@pytest.fixture
def folder(tmp_path):
    """A folder that ordinary users can reach."""
    let_others_in(tmp_path)
    return tmp_path


@pytest.fixture
def start(build, folder):
    """Starts a server that is to end by itself; gives what it said."""
    env = Server(build, folder / "unused").env

    def run(home, *args, wrapper=(), **more):
        listen = () if "--listen" in args else ("--listen", "127.0.0.1:0")
        done = subprocess.run([*wrapper, str(build / "cupola"), "server", "--home", str(home), *listen, *args],
                              env={**env, **more}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and done.stdout == "", done
        return done.stderr

    return run


@pytest.fixture
def home(build, folder):
    """A folder with the database and the key of a server that ran."""
    server = Server(build, folder / "home")
    server.start()
    server.cupola("project", "create", "--name", "kept", "--repository", str(folder))
    server.cupola("secret", "set", "WORD", "--project", "kept", input="open-sesame")
    server.stop()
    return server.home


def said(text, *words):
    for word in words:
        assert word in text, (word, text)


def rows(home):
    with sqlite3.connect(home / "cupola.db") as database:
        return list(database.iterdump())


def test_a_span_that_is_out_of_bounds_is_named(start, folder):
    said(start(folder / "home", "--shortest-interval", "25h"), "--shortest-interval '25h' is too long", "24h or less")
    said(start(folder / "home", "--lease", "5s"), "--lease '5s' is too short", "6s or more")


def test_a_taken_port_is_named(start, folder):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said(start(folder / "home", "--listen", f"127.0.0.1:{port}"),
             f"Cannot listen on 127.0.0.1 port {port}: Address already in use", "stop it, or choose another port with --listen")


def test_what_cannot_be_listened_on_is_said_with_what_can(start, folder):
    said(start(folder / "home", "--listen", "nonsense"), "'nonsense' is no address to listen on", "Give HOST:PORT")
    said(start(folder / "home", "--listen", "192.0.2.1:80"), "Cannot listen on 192.0.2.1 port 80", "--listen")


def test_a_folder_that_cannot_be_written_is_named(start, folder):
    locked, dark, file = folder / "locked", folder / "dark", folder / "file"
    locked.mkdir()
    dark.mkdir()
    file.write_text("")
    locked.chmod(0o555)
    dark.chmod(0o000)
    wrapper = ORDINARY if os.geteuid() == 0 else []

    said(start(locked, wrapper=wrapper), f"Cannot write in the folder {locked}: Permission denied", "--home, or make it writable")
    for home in (locked / "new", dark / "new"):
        said(start(home, wrapper=wrapper), f"Cannot make the folder {home}: Permission denied", "Make the one above it writable")
    said(start(file), f"the folder {file}: Not a directory", "--home")
    dark.chmod(0o755)
    assert os.listdir(locked) == os.listdir(dark) == [] and file.read_text() == ""


@pytest.mark.parametrize("option", ["--log-limit", "--run-memory", "--run-disk", "--build-memory", "--build-disk"])
def test_an_amount_that_is_none_is_refused(start, folder, option):
    said(start(folder / "home", option, "plenty"), "plenty", "is no amount of bytes")


def test_a_database_of_a_newer_version_is_left_alone(start, home):
    with sqlite3.connect(home / "cupola.db") as database:
        database.execute("INSERT INTO schema_migrations VALUES (9999, '9999_of_tomorrow', 'x', 0)")
    before = rows(home)

    said(start(home), str(home / "cupola.db"), "is from a newer version of Cupola: it has the migration 9999_of_tomorrow",
         "Start that newer version, or restore a backup")

    assert rows(home) == before


def test_a_file_that_is_no_database_is_left_alone(start, folder):
    (folder / "home").mkdir()
    (folder / "home" / "cupola.db").write_text("no database\n" * 1000)

    said(start(folder / "home"), "file is not a database", "choose another --home, or restore a backup")

    assert (folder / "home" / "cupola.db").read_text() == "no database\n" * 1000


def test_a_key_that_is_not_the_databases_is_refused(start, build, home, folder):
    before, key = rows(home), (home / "key").read_text()
    other = Server(build, folder / "other")
    other.start()
    other.stop()

    said(start(home, "--key-file", str(other.home / "key")), str(other.home / "key"), "sealed with the key",
         "Give the key file that belongs to this database")
    (home / "key").write_text(key[:-8] + "\n")
    said(start(home), str(home / "key"), "damaged", "Restore it from a backup")
    (home / "key").unlink()
    said(start(home), str(home / "key"), "it is not there", "Put that key file back")
    assert not (home / "key").exists() and rows(home) == before

    (home / "key").write_text(key)
    healed = Server(build, home)
    healed.token = "unused"
    healed.start()
    healed.stop()


def test_a_database_that_cannot_be_reached_is_named_without_its_password(start, folder):
    text = start(folder / "home", "--database", "postgresql://ada:open-sesame@127.0.0.1:9/cupola")
    said(text, "Cannot reach the database postgresql://ada", "Connection refused", "Check that the server runs and that --database is right")
    assert "open-sesame" not in text

    said(start(folder / "home", "--database", "mysql://x"), "postgresql://USER@HOST/DATABASE")


# -- programs that are not installed ----------------------------------------------------------------


def copied(build, folder, *names):
    """The programs alone, away from the tools that a build has."""
    place = folder / "bin"
    place.mkdir()
    for name in names:
        try:
            os.link(build / name, place / name)
        except OSError:
            shutil.copy2(build / name, place / name)
    return place


def failed_deploy(server, tmp_path, project):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers({"meltano.yml": MELTANO_YML}))
    server.start()
    try:
        server.cupola("project", "create", "--name", project, "--repository", repository.url)
        done = server.cupola("deployment", "create", "--project", project, "--name", "prod", "--environment", "prod",
                             "--branch", "main", "--wait", check=False)
        assert done.code == 1
        return done.err
    finally:
        server.stop()


def test_without_git_one_is_told_to_install_it(build, folder):
    server = Server(build, folder / "home", env={"PATH": str(folder)})
    said(failed_deploy(server, folder, "no-git"), "git is not installed on this server", "apt install git")


def test_without_uv_one_is_told_to_install_it(build, folder):
    place = copied(build, folder, "cupola", "cupola-supervisor", "cupola-launch")
    server = Server(place, folder / "home", env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
    said(failed_deploy(server, folder, "no-uv"), "uv, which builds plugin environments, is not installed", "pip install uv", "--uv or CUPOLA_UV")
    server = Server(build, folder / "home2", args=["--uv", "/nowhere/uv"])
    said(failed_deploy(server, folder, "wrong-uv"), "There is no program uv at /nowhere/uv", "CUPOLA_UV")


def test_without_the_supervisor_the_server_does_not_start(start, build, folder):
    place = copied(build, folder, "cupola")
    done = subprocess.run([str(place / "cupola"), "server", "--home", str(folder / "home"), "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    said(done.stderr, f"The program {place}/cupola-supervisor is missing", "install both")


def test_without_the_launcher_the_server_does_not_start(build, folder):
    place = copied(build, folder, "cupola", "cupola-supervisor")
    done = subprocess.run([str(place / "cupola"), "server", "--home", str(folder / "home"), "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    said(done.stderr, f"The program {place}/cupola-launch is missing", "install both")


def test_root_without_a_sandbox_is_refused_unless_that_is_wanted(start, build, folder):
    if os.geteuid() != 0:
        pytest.skip("not root")
    wrapper = WithoutBubblewrap(build, folder / "unused2").wrapper()
    said(start(folder / "home", wrapper=wrapper), "Runs cannot be isolated on this machine", "would run as root",
         "apt install bubblewrap", "--sandbox off")

    trusting = WithoutBubblewrap(build, folder / "home", args=["--sandbox", "off"])
    trusting.start()
    trusting.stop()
    assert any("no sandbox (switched off)" in line for line in trusting.log), trusting.log


class WithoutPython(Server):
    """A server for which /usr/bin/python3… are no programs."""

    hide = 'for python in /usr/bin/python3 /usr/bin/python3.*; do mount --bind /dev/null "$(readlink -f "$python")"; done'

    def wrapper(self):
        return ["unshare", "--mount", "sh", "-c", f'set -e; {self.hide}; exec "$@"', "sh"]


def test_without_python_one_is_told_to_install_it(build, folder):
    server = WithoutPython(build, folder / "home")
    if subprocess.run([*server.wrapper(), "true"], capture_output=True).returncode != 0:
        pytest.skip("mounts are not allowed here")
    said(failed_deploy(server, folder, "no-python"), "There is no Python 'python3' on this server", "Install it on the server")


class WithoutBubblewrap(WithoutPython):
    """A server for which bubblewrap does not work."""

    hide = 'mount --bind /bin/false "$(command -v bwrap)"'
