"""kill -9 of only one of the processes that a run is made of: noticed within seconds, told truly, nothing left alive."""

import json
import os
import pathlib
import signal
import time

import pytest
from harness import Repository, process_alive, wait_until
from projects import numbers

STATE_ID = "prod:tap-numbers-to-target-lines"
LIMIT = 5  # seconds, on the same machine


def parents():
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(stat.parent.name)] = int(fields[1])
    return found


def below(pid):
    all_parents, found = parents(), [pid]
    for each in found:
        found += [child for child, parent in all_parents.items() if parent == each]
    return found[1:]


def plugins(pid):
    found = []
    for each in below(pid):
        try:
            words = pathlib.Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith((b"/tap-numbers", b"tap_numbers.py", b"tap.py")) for word in words[:3]):
            found.append(each)
    return found


@pytest.fixture
def going(server, tmp_path):
    """A run in the midst of its work, and its supervisor's pid."""
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("data", repository)
    run = server.cupola("run", "load", "--project", "data", "--deployment", "prod", "--env", "TOP=1000", "--env", "PAUSE=0.1",
                        "--format", "json").json
    wait_until("it sends", lambda: "sent 3" in server.cupola("logs", run["id"], check=False).out)
    return run, json.loads((server.home / "runs" / run["id"] / "supervisor.json").read_text())["pid"]


def assert_ended(server, run, killed_at, pids, status):
    ended = server.wait_for_run(run["id"], timeout=30)
    took = time.monotonic() - killed_at
    assert ended["status"] in status, ended
    assert took < LIMIT, f"noticed after {took:.1f} s"
    assert server.states("data")[STATE_ID]["final"]
    wait_until("nothing of it lives", lambda: not any(process_alive(pid) for pid in pids), timeout=10)
    wait_until("its folder is wiped", lambda: not (server.home / "runs" / run["id"]).exists(), timeout=10)
    again = server.cupola("run", "load", "--project", "data", "--deployment", "prod", "--env", "TOP=1", "--format", "json").json
    assert server.wait_for_run(again["id"])["status"] == "succeeded"


def test_case_02_a_killed_supervisor_takes_its_run_along(server, going):
    run, supervisor = going
    pids = below(supervisor)
    os.kill(supervisor, signal.SIGKILL)
    assert_ended(server, run, time.monotonic(), pids, {"lost"})


def test_case_02_a_killed_plugin_fails_its_run_with_that_cause(server, going):
    run, supervisor = going
    pids = plugins(supervisor)
    assert pids, [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in below(supervisor)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert_ended(server, run, time.monotonic(), pids, {"failed"})


def test_case_02_the_whole_group_killed_is_a_lost_run(server, going):
    run, supervisor = going
    pids = below(supervisor)
    for pid in [supervisor, *pids]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert_ended(server, run, time.monotonic(), pids, {"lost"})


def test_case_02_a_killed_server_leaves_its_run_alone(server, going):
    run, supervisor = going
    server.kill()
    server.start()
    assert process_alive(supervisor)
    server.cupola("stop", run["id"])
    ended = server.wait_for_run(run["id"])
    assert ended["status"] == "cancelled", ended
    wait_until("nothing of it lives", lambda: not process_alive(supervisor), timeout=10)
