"""Servers that are killed and restarted: nothing lost, nothing doubled."""

import random
import subprocess
import time

from harness import Repository, process_alive, wait_until
from projects import numbers

STATE_ID = "prod:tap-numbers-to-target-lines"


def deploy(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("data", repository)


def start(server, **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    return server.cupola("run", "load", "--project", "data", "--deployment", "prod", *extra, "--format", "json").json


def sent(server, run):
    text = server.cupola("logs", run["id"]).out
    return [int(line.rsplit("sent ", 1)[1].split()[0]) for line in text.splitlines() if "sent " in line]


def test_a_run_goes_on_over_kill_and_restart_and_no_line_is_lost(server, tmp_path):
    deploy(server, tmp_path)
    server.cupola("schedule", "enable", "--project", "data", "--deployment", "prod", "quarterly")
    run = start(server, TOP=80, PAUSE=0.1)
    wait_until("it sends", lambda: "sent 5" in server.cupola("logs", run["id"], check=False).out)

    server.kill()
    time.sleep(1)
    server.start()

    ended = server.wait_for_run(run["id"])
    assert ended["status"] == "succeeded", ended
    assert sent(server, run) == list(range(1, 81))
    assert server.states("data")[STATE_ID]["run"] == run["id"]
    assert [r["id"] for r in server.runs("data") if r["trigger"] == "manual"] == [run["id"]]


def test_result_and_state_of_a_run_that_ends_while_the_server_is_down_are_kept(server, tmp_path):
    deploy(server, tmp_path)
    run = start(server, TOP=20, PAUSE=0.1)
    wait_until("it sends", lambda: "sent 2" in server.cupola("logs", run["id"], check=False).out)

    server.kill()
    result = server.home / "runs" / run["id"] / "result.json"
    wait_until("the run ends by itself", result.exists)
    server.start()

    ended = server.wait_for_run(run["id"])
    assert ended["status"] == "succeeded" and ended["exit_code"] == 0
    status, state = server.request("GET", f"/api/v1/projects/data/states/{STATE_ID.replace(':', '%3A')}")
    assert state["payload"]["completed"]["singer_state"]["bookmarks"]["numbers"]["n"] == 20
    assert state["run"] == run["id"] and state["final"]
    assert sent(server, run) == list(range(1, 21))


def test_result_and_state_agree_wherever_a_kill_falls_between_them(server, tmp_path):
    deploy(server, tmp_path)
    done = 0
    for turn in range(6):
        run = start(server, TOP=3)
        result = server.home / "runs" / run["id"] / "result.json"
        written = wait_until("the run ends", lambda: result.exists() or server.run(run["id"])["ended_at"], every=0.001)
        pause = random.uniform(0, 0.05)
        time.sleep(pause)
        server.kill()
        server.start()

        ended = server.wait_for_run(run["id"])
        done += 3
        seen = (turn, written, pause, ended)
        assert ended["status"] == "succeeded" and ended["exit_code"] == 0, seen
        status, state = server.request("GET", f"/api/v1/projects/data/states/{STATE_ID.replace(':', '%3A')}")
        assert state["run"] == run["id"] and state["final"], seen
        assert state["payload"]["completed"]["singer_state"]["bookmarks"]["numbers"]["n"] == done, seen
        assert sent(server, run) == list(range(done - 2, done + 1)), seen


def test_a_run_reaches_no_package_index(server, tmp_path):
    deploy(server, tmp_path)
    closed = "http://127.0.0.1:9"
    server.stop()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        server.env[name] = server.env[name.lower()] = closed
    server.env.update(UV_DEFAULT_INDEX=closed + "/simple", UV_INDEX_URL=closed + "/simple", PIP_INDEX_URL=closed + "/simple", UV_OFFLINE="1")
    # What it talks to on this machine is reached without the proxy.
    server.env["NO_PROXY"] = server.env["no_proxy"] = "127.0.0.1"
    server.start()

    run = start(server, TOP=2)

    assert server.wait_for_run(run["id"])["status"] == "succeeded"
    assert sent(server, run) == [1, 2]


def test_a_second_server_on_one_folder_is_refused(server, tmp_path):
    done = subprocess.run([str(server.program), "server", "--home", str(server.home), "--listen", "127.0.0.1:0"],
                          env=server.env, capture_output=True, text=True, timeout=30)

    assert done.returncode == 1
    assert str(server.home) in done.stderr
