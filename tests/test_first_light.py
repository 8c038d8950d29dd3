"""The main job, from outside: register, deploy, enable, fire, log, state, next run incremental."""

import re

from harness import Repository, wait_until
from projects import numbers

STATE_ID = "prod:tap-numbers-to-target-lines"


def bookmark(state):
    return state["payload"]["completed"]["singer_state"]["bookmarks"]["numbers"]["n"]


def test_a_schedule_fires_by_the_clock_and_the_next_run_goes_on_from_its_state(shared_server, tmp_path):
    server = shared_server
    repository = Repository(tmp_path / "repository")
    commit = repository.commit(numbers())
    server.deploy("clock", repository)

    # Off at first, with an offset of at most 7 minutes either way.
    schedules = server.cupola("schedule", "list", "--project", "clock", "--deployment", "prod", "--format", "json").json["schedules"]
    assert [(s["name"], s["enabled"]) for s in schedules] == [("minutely", False), ("quarterly", False)]
    assert all(-7 <= s["offset_minutes"] <= 7 for s in schedules)
    assert server.runs("clock") == []

    server.cupola("schedule", "enable", "--project", "clock", "--deployment", "prod", "minutely")
    first, second = wait_until(
        "two fires by the clock",
        lambda: (runs := [r for r in server.runs("clock") if r["status"] == "succeeded"]) and len(runs) >= 2 and runs[::-1][:2],
        timeout=200,
        every=1,
    )
    server.cupola("schedule", "disable", "--project", "clock", "--deployment", "prod", "minutely")

    assert first["schedule"] == "minutely" and first["trigger"] == "schedule" and first["exit_code"] == 0
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$", first["scheduled_at"])
    assert first["started_at"].rstrip("Z") >= first["due_at"].rstrip("Z")

    log = server.cupola("logs", first["id"]).out
    assert "starting after 0" in log and "sent 5" in log and "wrote 5 records" in log
    assert "starting after 5" in server.cupola("logs", second["id"]).out

    versions = server.cupola("state", "history", STATE_ID, "--project", "clock", "--format", "json").json["versions"]
    assert {first["id"], second["id"]} <= {v["run"] for v in versions}
    assert all(v["final"] for v in versions if v["run"] in (first["id"], second["id"]))
    newest = server.cupola("state", "get", STATE_ID, "--project", "clock", "--format", "json").json
    assert bookmark(newest) >= 10
    assert commit.startswith(server.cupola("deployment", "list", "--project", "clock", "--format", "json").json["deployments"][0]["release"]["commit"][:12])


def test_run_now_works_while_the_schedule_is_off_and_follows_to_the_end(shared_server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    shared_server.deploy("now", repository)

    done = shared_server.cupola("run", "load", "--project", "now", "--deployment", "prod", "--follow")
    assert "sent 5" in done.out

    again = shared_server.cupola("run", "tap-numbers", "target-lines", "--project", "now", "--deployment", "prod", "--follow", "--env", "TOP=2")
    assert "starting after 5" in again.out and "sent 7" in again.out and "sent 8" not in again.out

    suffixed = shared_server.cupola("run", "load", "--project", "now", "--deployment", "prod", "--follow", "--state-id-suffix", "blue")
    assert "starting after 0" in suffixed.out
    assert set(shared_server.states("now")) == {STATE_ID, STATE_ID + ":blue"}


def test_a_failed_run_tells_its_cause_and_keeps_the_state_it_reached(shared_server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    shared_server.deploy("failing", repository)

    done = shared_server.cupola("run", "load", "--project", "failing", "--deployment", "prod", "--follow", "--env", "FAIL=1", check=False)

    assert done.code == 1
    run = shared_server.runs("failing")[0]
    assert run["status"] == "failed" and run["exit_code"] == 1
    assert run["cause"]
    assert bookmark(shared_server.request("GET", f"/api/v1/projects/failing/states/{STATE_ID.replace(':', '%3A')}")[1]) == 5


def test_secrets_reach_the_run_and_not_its_log(shared_server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    shared_server.deploy("secrets", repository)
    shared_server.cupola("secret", "set", "SPEAK", "--project", "secrets", input="open-sesame-4711")

    done = shared_server.cupola("run", "load", "--project", "secrets", "--deployment", "prod", "--follow")

    assert "the word is ****" in done.out
    assert "open-sesame" not in done.out
    listed = shared_server.cupola("secret", "list", "--project", "secrets").out
    assert "SPEAK" in listed and "open-sesame" not in listed
