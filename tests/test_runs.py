"""Runs from outside: stop, time limit, one at a time for a state id, private copies, foreign state."""

import json
import pathlib
import time

import pytest
from harness import Repository, process_alive, wait_until
from projects import TARGET, numbers

STATE_ID = "prod:tap-numbers-to-target-lines"


@pytest.fixture(scope="module")
def project(shared_server, tmp_path_factory):
    repository = Repository(tmp_path_factory.mktemp("runs") / "repository")
    repository.commit(numbers())
    shared_server.deploy("runs", repository)
    return shared_server


def start(server, *words, **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    return server.cupola("run", *words, "--project", "runs", "--deployment", "prod", *extra, "--format", "json").json


def log_has(server, run, text):
    return lambda: text in server.cupola("logs", run["id"], check=False).out


def pids_of(run):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"CUPOLA_RUN_ID={run['id']}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def test_case_03_stop_ends_meltano_and_its_plugins_and_keeps_the_state(project):
    run = start(project, "load", TOP=1000, PAUSE=0.1)
    wait_until("it sends", log_has(project, run, "sent 3"))
    pids = pids_of(run)
    assert pids

    project.cupola("stop", run["id"])
    ended = project.wait_for_run(run["id"])

    assert ended["status"] == "cancelled" and ended["exit_code"] == 143
    assert not any(process_alive(pid) for pid in pids)
    state = project.states("runs")[STATE_ID]
    assert state["run"] == run["id"] and state["final"]
    wait_until("its folder is wiped", lambda: not (project.home / "runs" / run["id"]).exists())


def test_a_run_over_the_time_of_its_schedule_is_ended_and_keeps_its_state(shared_server, tmp_path):
    repository = Repository(tmp_path / "repository")
    yml = numbers()["meltano.yml"] + "- name: brief\n  interval: '@daily'\n  job: load\n  annotations:\n    cupola:\n      run_timeout: 4s\n"
    repository.commit(numbers({"meltano.yml": yml}))
    shared_server.deploy("brief", repository)

    begun = time.monotonic()
    done = shared_server.cupola("run", "brief", "--project", "brief", "--deployment", "prod", "--follow", "--env", "TOP=1000", "--env", "PAUSE=0.1",
                                check=False)

    assert done.code == 1 and time.monotonic() - begun < 30
    run = shared_server.runs("brief")[0]
    assert run["status"] == "timed_out" and run["cause"] == "It ran longer than its limit of 4 s.", run
    assert "The run is over its time of 4 s" in done.out
    wait_until("its processes are gone", lambda: not pids_of(run))
    state = shared_server.states("brief")[STATE_ID]
    assert state["run"] == run["id"] and state["final"]
    assert "sent " in shared_server.cupola("run", "load", "--project", "brief", "--deployment", "prod", "--follow", "--env", "TOP=1").out


def test_two_runs_on_one_state_id_exclude_each_other_and_others_go_on(project):
    first = start(project, "load", TOP=30, PAUSE=0.1)
    second = start(project, "tap-numbers", "target-lines", TOP=1)
    other = start(project, "load-others", TOP=1)

    assert project.wait_for_run(other["id"])["status"] == "succeeded"
    first, second = project.wait_for_run(first["id"]), project.wait_for_run(second["id"])
    assert first["status"] == second["status"] == "succeeded"
    assert second["started_at"] >= first["ended_at"]
    assert other["id"] != first["id"]


def test_two_runs_at_once_meet_in_no_file(project):
    first = start(project, "load", TOP=1000, PAUSE=0.1)
    second = start(project, "load-others", TOP=1000, PAUSE=0.1)
    wait_until("both run", lambda: {project.run(r["id"])["status"] for r in (first, second)} == {"running"})
    wait_until("both send", lambda: log_has(project, first, "sent")() and log_has(project, second, "sent")())

    folders = [project.home / "runs" / r["id"] / "upper" for r in (first, second)]
    inodes = [{path.stat().st_ino for path in folder.rglob("*") if path.is_file() and not path.is_symlink()} for folder in folders]
    assert inodes[0] and inodes[1] and not inodes[0] & inodes[1]
    owners = [folder.stat().st_uid for folder in folders]
    assert owners[0] != owners[1]
    for run in (first, second):
        project.cupola("stop", run["id"])
        assert project.wait_for_run(run["id"])["status"] == "cancelled"


def test_the_api_lists_one_page_of_a_deep_log(project):
    run = start(project, "load", TOP=300)
    project.wait_for_run(run["id"])

    status, page = project.request("GET", f"/api/v1/runs/{run['id']}/log?from=200&limit=10")

    assert status == 200
    assert [line["number"] for line in page["lines"]] == list(range(200, 210))
    assert page["finished"] and page["total"] > 300
    first = project.request("GET", f"/api/v1/runs/{run['id']}/log?limit=50")[1]["lines"]
    assert {"tap-numbers", ""} <= {line["plugin"] for line in first}


def test_a_run_sees_neither_the_servers_secrets_nor_other_runs(shared_server, tmp_path):
    spy = '''#!/usr/bin/env python3
import os, sys
for path in sys.argv[1:] and [] or os.environ["PATHS"].split(":"):
    try:
        print("READ" if os.path.isdir(path) and os.listdir(path) or open(path).read(1) else "EMPTY", path, file=sys.stderr)
    except OSError as error:
        print("CANNOT", path, type(error).__name__, file=sys.stderr)
print("uid", os.getuid(), "project", os.path.realpath("/project"), file=sys.stderr)
'''
    repository = Repository(tmp_path / "repository")
    yml = numbers()["meltano.yml"].replace("  loaders:\n", "  utilities:\n  - name: spy\n    namespace: spy\n    executable: ./spy.py\n    commands:\n      look: look\n  loaders:\n")
    yml = yml.replace("jobs:\n", "jobs:\n- name: look\n  tasks: ['spy:look']\n")
    repository.commit(numbers({"meltano.yml": yml, "spy.py": spy.replace("sys.argv[1:] and [] or ", "")}))
    shared_server.deploy("spy", repository)
    home = shared_server.home
    paths = [home, home / "key", home / "cupola.db", home / "runs", "/etc/shadow", "/root", "/proc/1/environ"]

    done = shared_server.cupola("run", "look", "--project", "spy", "--deployment", "prod", "--follow", "--env", "PATHS=" + ":".join(map(str, paths)))

    if "not isolated" in done.out:
        pytest.skip("no sandbox on this machine")
    for path in paths:
        assert f"CANNOT {path}" in done.out, done.out
    assert "project /repository" in done.out


def test_a_torn_or_linked_state_file_harms_nobody(shared_server, tmp_path):
    evil = TARGET + '''
folder = next(f.path for f in os.scandir("/state"))
for name in ("state.json",):
    os.remove(os.path.join(folder, name))
    if os.environ.get("LINK"):
        os.symlink("/etc/shadow", os.path.join(folder, name))
    else:
        open(os.path.join(folder, name), "w").write('{"completed": {"singer_state": {"bookm')
'''
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    shared_server.deploy("torn", repository)
    shared_server.cupola("run", "load", "--project", "torn", "--deployment", "prod", "--follow")
    before = shared_server.request("GET", f"/api/v1/projects/torn/states/{STATE_ID.replace(':', '%3A')}")[1]["payload"]

    repository.commit({"target.py": evil})
    shared_server.cupola("deployment", "update", "prod", "--project", "torn", "--wait")
    for env in ("LINK=1", "TORN=1"):
        shared_server.cupola("run", "load", "--project", "torn", "--deployment", "prod", "--follow", "--env", env, check=False)
        after = shared_server.request("GET", f"/api/v1/projects/torn/states/{STATE_ID.replace(':', '%3A')}")[1]["payload"]
        assert after["completed"]["singer_state"]["bookmarks"]["numbers"]["n"] >= before["completed"]["singer_state"]["bookmarks"]["numbers"]["n"]
        assert "root:" not in json.dumps(after)
