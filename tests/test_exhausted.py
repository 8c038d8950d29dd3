"""No file, no process to be had: what needs one fails with that reason or waits; the server stays up and heals."""

import http.client
import json
import os
import pathlib
import resource
import subprocess

import pytest
from harness import Repository, Server, wait_until
from projects import numbers

PIDS = pathlib.Path("/sys/fs/cgroup/pids")


class Talk:
    """One connection that stays open: a new one would need a file of the server."""

    def __init__(self, server):
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.connection.connect()
        self.ask("GET", "/healthz")

    def ask(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body),
                                {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/json"})
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read() or "null")

    def start_run(self):
        status, run = self.ask("POST", "/api/v1/projects/scarce/deployments/prod/runs", {"name": "load", "env": {"TOP": "1"}})
        assert status in (201, 202), run
        return run["id"]

    def wait_for(self, run, timeout=120):
        final = {"succeeded", "failed", "cancelled", "timed_out", "lost", "skipped"}
        return wait_until(f"run {run} ends", lambda: (r := self.ask("GET", f"/api/v1/runs/{run}")[1])["status"] in final and r, timeout)


@pytest.fixture
def server(build, tmp_path, warm):
    own = Server(build, warm(tmp_path / "home"))
    own.start()
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    own.deploy("scarce", repository)
    yield own
    own.stop()


def open_files(server):
    return {int(entry.name) for entry in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()}


def test_case_09_a_server_without_a_file_left_tells_so_and_heals(server):
    linked = subprocess.run(["ldd", str(server.program)], capture_output=True, text=True, check=True).stdout
    if "libubsan" in linked:
        pytest.skip("without a file the sanitizer takes sound objects for unsound; make nightly runs this on a release build")
    talk = Talk(server)
    before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    try:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (max(open_files(server)) + 1, before[1]))
        run = talk.start_run()
        for _ in range(20):
            assert talk.ask("GET", "/healthz")[0] == 200
            assert talk.ask("GET", "/api/v1/runs")[0] in (200, 503)
        seen = wait_until("it is told or waits", lambda: (r := talk.ask("GET", f"/api/v1/runs/{run}"))[0] == 200 and
                          (r[1]["cause"] or r[1]["status"] in ("queued", "succeeded")) and r[1], 60)
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)

    ended = talk.wait_for(run)
    assert ended["status"] == "succeeded" or ended["cause"], (seen, ended)
    if ended["status"] == "failed":
        assert "Too many open files" in ended["cause"] or "could not be started" in ended["cause"], ended
    again = talk.start_run()
    assert talk.wait_for(again)["status"] == "succeeded"
    assert server.process.poll() is None and server.request("GET", "/readyz")[0] == 200


@pytest.fixture
def few_processes():
    """A control group with a limit of processes; yields how to put a server in and set the limit."""
    group = PIDS / f"cupola-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control group for processes here")

    class Group:
        def hold(self, pid):
            (group / "cgroup.procs").write_text(str(pid))

        def limit(self, count):
            (group / "pids.max").write_text(str(count))

        def count(self):
            return int((group / "pids.current").read_text())

    yield Group()
    for pid in (group / "cgroup.procs").read_text().split():
        (PIDS / "cgroup.procs").write_text(pid)
    group.rmdir()


def test_case_09_a_server_that_gets_no_process_tells_so_and_heals(server, few_processes):
    few_processes.hold(server.process.pid)
    few_processes.limit(few_processes.count())
    talk = Talk(server)
    run = talk.start_run()

    ended = talk.wait_for(run)

    assert ended["status"] == "failed" and "Resource temporarily unavailable" in ended["cause"], ended
    assert server.process.poll() is None and server.request("GET", "/healthz")[0] == 200
    few_processes.limit("max")
    again = talk.start_run()
    assert talk.wait_for(again)["status"] == "succeeded"
