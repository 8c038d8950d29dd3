"""A disk that fills up under the server: what needs it waits or fails and says so; then all heals."""

import os
import sqlite3
import subprocess

import pytest
from harness import Repository, Server, wait_until
from projects import numbers

STATE_ID = "prod:tap-numbers-to-target-lines"


class SmallDisk:
    """A file system of 48 MB; environments and packages lie on the large one."""

    def __init__(self, folder, large):
        self.folder = folder
        self.mounts = []
        self.mount("-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(folder))
        for name in ("environments", "cache"):
            (large / name).mkdir(mode=0o755, exist_ok=True)
            (folder / name).mkdir()
            self.mount("--bind", str(large / name), str(folder / name))

    def mount(self, *args):
        subprocess.run(["mount", *args], check=True, capture_output=True)
        self.mounts.append(args[-1])

    def close(self):
        for place in reversed(self.mounts):
            subprocess.run(["umount", "-l", place], check=True)

    def fill(self, leave=0):
        with open(self.folder / "filler", "wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
            file.truncate(file.tell() - leave)

    def make_room(self):
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path, warm):
    if os.geteuid() != 0:
        pytest.skip("needs to mount a small file system")
    (tmp_path / "home").mkdir()
    try:
        small = SmallDisk(tmp_path / "home", warm(tmp_path / "large"))
    except subprocess.CalledProcessError:
        pytest.skip("mounts are not allowed here")
    yield small
    small.close()


@pytest.fixture
def server(build, disk):
    own = Server(build, disk.folder)
    own.start()
    yield own
    own.stop()


def run_words(*words, **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    return ["run", *words, "--project", "disk", "--deployment", "prod", *extra, "--format", "json"]


def live_commit(server):
    answer = server.cupola("deployment", "list", "--project", "disk", "--format", "json").json
    return answer["deployments"][0]["release"]["commit"]


def test_case_06_a_full_disk_is_told_and_healed_from(server, disk, tmp_path):
    repository = Repository(tmp_path / "repository")
    good = repository.commit(numbers())
    server.deploy("disk", repository)
    ready = server.cupola(*run_words("load", TOP=3)).json
    assert server.wait_for_run(ready["id"])["status"] == "succeeded"
    repository.commit({"data.bin": "x" * (2 << 20), "meltano.yml": numbers()["meltano.yml"]})

    # Too little for the checkout of a release, and for runs to start.
    disk.fill(leave=1 << 20)
    waiting = server.cupola(*run_words("load-others", TOP=1)).json
    cause = wait_until("it is told why no run starts", lambda: server.run(waiting["id"])["cause"])
    assert cause.startswith("No run starts:") and str(disk.folder) in cause and "5 % are needed" in cause
    failed = server.cupola("deployment", "update", "prod", "--project", "disk", "--wait", check=False)
    assert failed.code == 1 and "The disk was full" in failed.err, failed
    assert "Make room on the disk" in failed.err
    assert live_commit(server) == good
    assert not list(disk.folder.glob("releases/*/checkout.new"))
    assert server.run(waiting["id"])["status"] == "queued"

    disk.make_room()
    assert server.wait_for_run(waiting["id"])["status"] == "succeeded"
    server.cupola("deployment", "update", "prod", "--project", "disk", "--wait")
    assert live_commit(server) != good


def test_case_06_a_run_on_a_disk_that_fills_up_ends_in_a_true_state(server, disk, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("disk", repository)
    run = server.cupola(*run_words("load", TOP=300, PAUSE=0.1)).json
    wait_until("it sends", lambda: "sent 3" in server.cupola("logs", run["id"], check=False).out)

    disk.fill()
    result = disk.folder / "runs" / run["id"] / "result.json"
    wait_until("the run ends", result.exists)
    tries = lambda: sum(f"error run {run['id']}:" in line and "The disk is full: make room" in line for line in server.log)
    wait_until("its end is tried again and again", lambda: tries() >= 3 or server.request("GET", f"/api/v1/runs/{run['id']}")[1]["ended_at"])
    status, problem = server.request("POST", "/api/v1/projects/disk/deployments/prod/update", {})
    assert status in (202, 503), problem
    # What only reads goes on.
    for path in ("/healthz", "/api/v1/projects", "/api/v1/runs", "/api/v1/schedules", f"/api/v1/runs/{run['id']}/log"):
        assert server.request("GET", path)[0] == 200, path
    disk.make_room()

    ended = server.wait_for_run(run["id"], timeout=30)
    assert ended["status"] == "failed" and ended["exit_code"] == 1 and ended["cause"], ended
    state = server.states("disk")[STATE_ID]
    assert state["run"] == run["id"] and state["final"]
    again = server.cupola(*run_words("load", TOP=1)).json
    assert server.wait_for_run(again["id"])["status"] == "succeeded"


def test_case_06_a_server_does_not_start_on_a_full_disk(build, server, disk):
    server.stop()
    disk.fill()

    done = subprocess.run([str(build / "cupola"), "server", "--home", str(disk.folder), "--listen", "127.0.0.1:0"],
                          env=server.env, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1 and done.stdout == ""
    assert "No space left on device" in done.stderr and "make room" in done.stderr, done.stderr
    disk.make_room()
    server.start()


def test_case_06_what_was_acknowledged_on_a_disk_that_fills_is_kept(server, disk, tmp_path):
    """Commits and checkpoints of the write-ahead log meet the end of the disk at some point."""
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.cupola("project", "create", "--name", "disk", "--repository", repository.url)

    def write(name):
        return server.request("PUT", f"/api/v1/projects/disk/secrets/{name}", {"value": "x" * 4000})

    disk.fill(leave=10 << 20)
    acknowledged, refused = set(), 0
    for n in range(8000):
        status, answer = write(f"S{n}")
        assert status in (200, 503), answer
        if status == 200:
            acknowledged.add(f"S{n}")
        refused += status == 503
        if refused >= 5:
            break
    assert refused and acknowledged
    assert server.request("GET", "/api/v1/projects/disk/secrets")[0] == 200
    assert any("make room" in line for line in server.log), server.log[-5:]

    disk.make_room()
    wait_until("it heals", lambda: write("AFTER")[0] == 200, 20)
    server.kill()
    with sqlite3.connect(disk.folder / "cupola.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = {name for (name,) in database.execute("SELECT name FROM secrets")}
    server.start()

    assert kept == acknowledged | {"AFTER"}


def test_case_06_a_log_that_meets_a_full_disk_is_whole_up_to_there(server, disk, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("disk", repository)
    run = server.cupola(*run_words("load", TOP=400, PAUSE=0.02)).json
    wait_until("it sends", lambda: "sent 3" in server.cupola("logs", run["id"], check=False).out)
    disk.fill()
    wait_until("the run ends", (disk.folder / "runs" / run["id"] / "result.json").exists, 120)
    disk.make_room()

    ended = server.wait_for_run(run["id"], timeout=60)
    lines = server.cupola("logs", run["id"]).out.splitlines()
    sent = [int(line.rsplit("sent ", 1)[1].split()[0]) for line in lines if "sent " in line]
    assert ended["status"] in ("failed", "succeeded") and (ended["status"] == "succeeded" or ended["cause"]), ended
    assert sent == list(range(1, len(sent) + 1)) and len(sent) >= 3
