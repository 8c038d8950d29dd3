"""The clock is set while the server runs, and while it is down: nothing is lost, doubled or deleted."""

import datetime
import shutil

import pytest
from harness import Repository, wait_until
from projects import numbers
from test_shifted_clock import LIBRARIES, ShiftedServer, instant

pytestmark = pytest.mark.skipif(not LIBRARIES or not shutil.which("faketime"), reason="faketime is not installed")

DAY = 86400


class SteeredServer(ShiftedServer):
    """Its clock runs as far ahead as a file says at this moment."""

    def __init__(self, build, home, file):
        super().__init__(build, home)
        self.file = file
        self.set_ahead(0)

    def set_ahead(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+}s\n")
        new.rename(self.file)

    def wrapper(self):
        self.seconds = 1
        words = [word for word in super().wrapper() if not word.startswith("FAKETIME=")]
        return [*words, f"FAKETIME_TIMESTAMP_FILE={self.file}"]


@pytest.fixture
def server(build, tmp_path, warm):
    own = SteeredServer(build, warm(tmp_path / "home"), tmp_path / "ahead")
    own.start()
    yield own
    own.stop()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def schedule(server):
    return server.request("GET", "/api/v1/projects/jumps/deployments/prod/schedules/quarterly")[1]


def fires(server):
    return server.request("GET", "/api/v1/projects/jumps/deployments/prod/schedules/quarterly/fires?limit=200")[1]["fires"]


def said(server, words):
    return any(words in line for line in server.log)


def test_case_10_a_clock_set_forward_and_back_while_the_server_runs(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("jumps", repository)
    at = ["--project", "jumps", "--deployment", "prod"]
    # Its fires are some eight minutes away, so that none comes by itself.
    server.cupola("schedule", "set", "quarterly", *at, "--offset", str((now().minute + 8) % 15))
    server.cupola("schedule", "enable", *at, "quarterly")
    wait_until("it is planned", lambda: schedule(server)["next"])

    server.set_ahead(DAY)
    wait_until("what was jumped over is on record", lambda: schedule(server)["fire_counts"]["missed"] >= 94)
    ahead = fires(server)
    assert sum(fire["outcome"] == "run" for fire in ahead) == 1
    run = next(fire["run"] for fire in ahead if fire["outcome"] == "run")
    assert server.wait_for_run(run)["status"] == "succeeded"

    server.set_ahead(0)
    wait_until("it is noticed", lambda: said(server, "The clock was set back"))
    wait_until("what was recorded ahead of time is not missed", lambda: schedule(server)["fire_counts"]["missed"] == 0)
    assert schedule(server)["fire_counts"]["run"] == 1
    assert [r["id"] for r in server.runs("jumps")] == [run]

    # To shortly before the next fire: it comes at its time, once.
    due = instant(schedule(server)["next"][0])
    server.set_ahead(int((due - now()).total_seconds()) - 3)
    wait_until("it fires", lambda: any(instant(r["due_at"]) == due for r in server.runs("jumps")), 30)
    assert schedule(server)["fire_counts"]["missed"] == 0
    assert len(server.runs("jumps")) == 2


def test_case_10_a_clock_ten_years_ahead_at_the_start_deletes_nothing(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("jumps", repository)
    run = server.cupola("run", "load", "--project", "jumps", "--deployment", "prod", "--env", "TOP=2", "--format", "json").json
    assert server.wait_for_run(run["id"])["status"] == "succeeded"
    log = server.cupola("logs", run["id"]).out
    environments = sorted(path.name for path in (server.home / "environments").iterdir())
    server.stop()

    server.set_ahead(10 * 365 * DAY)
    server.start()

    wait_until("it holds off", lambda: said(server, "Nothing old is removed until"))
    assert [r["id"] for r in server.runs("jumps")] == [run["id"]]
    assert server.cupola("logs", run["id"]).out == log
    assert sorted(path.name for path in (server.home / "environments").iterdir()) == environments
    server.stop()
    server.set_ahead(0)
    server.start()
    again = server.cupola("run", "load", "--project", "jumps", "--deployment", "prod", "--env", "TOP=1", "--format", "json").json
    assert server.wait_for_run(again["id"])["status"] == "succeeded"
