"""Schedules as people set them: settings over meltano.yml's, offsets, pauses after failures, backfills."""

import datetime
import re
import time

import pytest
from harness import Repository, wait_until
from projects import TAP, numbers

# A tap that says which interval it was told.
TELLING_TAP = TAP.replace(
    'print(f"starting after {last}", file=sys.stderr, flush=True)',
    'print(f"starting after {last}", file=sys.stderr, flush=True)\n'
    'print("told", os.environ.get("TAP_FROM"), os.environ.get("TAP_TO"), file=sys.stderr, flush=True)',
)

SCHEDULES = """- name: hourly
  interval: '0 * * * *'
  job: load
  annotations:
    cupola:
      retries: 1
      enabled: true
      backfill: {start: TAP_FROM, end: TAP_TO, state_id_suffix: backfill}
- name: by-hand
  interval: '@manual'
  job: load-others
- name: once
  interval: '@once'
  job: load-others
"""

AT = ("--project", "data", "--deployment", "prod")


def files(schedules=SCHEDULES):
    return numbers({"meltano.yml": numbers()["meltano.yml"] + schedules, "tap.py": TELLING_TAP})


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    made = Repository(tmp_path_factory.mktemp("repository") / "data")
    made.commit(files())
    return made


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory, warm, repository):
    home = warm(tmp_path_factory.mktemp("home") / "home")
    own = on_each_database(home)
    own.start()
    repository.commit(files())
    own.deploy("data", repository)
    yield own
    own.stop()


def schedule(server, name):
    return server.cupola("schedule", "show", name, *AT, "--format", "json").json


def set_schedule(server, name, *args, check=True):
    return server.cupola("schedule", "set", name, *AT, *args, check=check)


def update(server):
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait", timeout=600)


def test_no_annotation_switches_a_schedule_on(server):
    names = [one["name"] for one in server.cupola("schedule", "list", *AT, "--format", "json").json["schedules"]]

    assert sorted(names) == ["by-hand", "hourly", "minutely", "once", "quarterly"]
    for name in names:
        found = schedule(server, name)
        assert found["enabled"] is False and found["next"] == [], found
    assert "'enabled' does nothing" in server.cupola("deployment", "logs", "prod", "--project", "data").out


def test_what_is_set_holds_over_meltano_yml_says_so_and_outlives_a_deploy(server, repository):
    set_schedule(server, "hourly", "--time-zone", "Europe/Berlin", "--overlap", "skip", "--missed", "all", "--retries", "3",
                 "--retry-wait", "2m", "--timeout", "90m", "--pause-after", "5", "--offset", "-20")

    settings = schedule(server, "hourly")["settings"]
    assert settings["retries"] == {"value": 3, "from": "api", "file": 1}
    assert settings["run_timeout"] == {"value": "1h30m", "from": "api", "file": None}
    shown = server.cupola("schedule", "show", "hourly", *AT).out
    assert re.search(r"retries +3 +API +1\n", shown) and re.search(r"offset +-20 min +API", shown), shown
    plan = server.cupola("deployment", "plan", "prod", "--project", "data", "--format", "json").json
    assert {"schedule": "hourly", "setting": "retries", "value": 3, "given": 1} in plan["overrides"]

    repository.commit(files(SCHEDULES.replace("retries: 1", "retries: 2\n      overlap: allow")))
    update(server)
    settings = schedule(server, "hourly")["settings"]
    assert settings["retries"] == {"value": 3, "from": "api", "file": 2}
    assert settings["overlap"] == {"value": "skip", "from": "api", "file": "allow"}
    assert "keeps retries 3, set through the API, over 2 of meltano.yml" in server.cupola(
        "deployment", "logs", "prod", "--project", "data").out

    set_schedule(server, "hourly", "--unset", "retries", "--unset", "overlap")
    settings = schedule(server, "hourly")["settings"]
    assert settings["retries"] == {"value": 2, "from": "file", "file": 2}
    assert settings["overlap"] == {"value": "allow", "from": "file", "file": "allow"}
    set_schedule(server, "hourly", "--unset", "all")
    assert {one["from"] for one in schedule(server, "hourly")["settings"].values()} == {"file", "default"}


def test_an_offset_that_a_shorter_interval_leaves_too_long_is_warned_of(server, repository):
    set_schedule(server, "hourly", "--offset", "-20")
    repository.commit(files(SCHEDULES.replace("0 * * * *", "*/15 * * * *")))
    told = "An offset of -20 min is not shorter than the interval */15 * * * *"

    plan = server.cupola("deployment", "plan", "prod", "--project", "data")
    assert f"warning: schedule hourly, offset set through the API: {told}" in plan.err, plan
    update(server)
    assert f"warning: schedule hourly, offset: {told}" in server.cupola("deployment", "logs", "prod", "--project", "data").out

    assert schedule(server, "hourly")["offset_minutes"] == -20
    set_schedule(server, "hourly", "--retries", "1")
    set_schedule(server, "hourly", "--unset", "all")
    assert told not in server.cupola("deployment", "plan", "prod", "--project", "data").err
    repository.commit(files(SCHEDULES))
    update(server)


@pytest.mark.parametrize("args, told", [
    (["--offset", "60"], "not shorter than the interval"),
    (["--offset", "soon"], "must be random, or whole minutes"),
    (["--time-zone", "Mars/Phobos"], "Mars/Phobos"),
    (["--overlap", "never"], "queue_one, skip or allow"),
    (["--retries", "11"], "from 0 to 10"),
    (["--timeout", "0s"], "a span such as"),
    (["--pause-after", "-1"], "or 0 for never"),
])
def test_what_cannot_be_set_is_refused(server, args, told):
    before = schedule(server, "hourly")

    refused = set_schedule(server, "hourly", *args, check=False)

    assert refused.code == 1 and told in refused.err, refused
    assert schedule(server, "hourly") == before
    assert set_schedule(server, "hourly", check=False).code == 1
    assert set_schedule(server, "hourly", "--unset", "name", check=False).code == 2
    assert set_schedule(server, "none", "--retries", "1", check=False).code == 1


def test_an_offset_moves_the_times_that_are_shown(server):
    server.cupola("schedule", "enable", *AT, "hourly")
    for offset in ("0", "25", "-25"):
        set_schedule(server, "hourly", "--offset", offset)
        minutes = wait_until("it is planned", lambda: {next[14:16] for next in schedule(server, "hourly")["next"]})
        assert minutes == {f"{int(offset) % 60:02}"}, (offset, minutes)
    drawn = None
    for _ in range(2):
        set_schedule(server, "hourly", "--offset", "random")
        now = schedule(server, "hourly")["offset_minutes"]
        assert -7 <= now <= 7 and drawn in (None, now)
        drawn = now
        set_schedule(server, "hourly", "--offset", "0")
    set_schedule(server, "hourly", "--unset", "all")
    assert schedule(server, "hourly")["offset_minutes"] == drawn
    server.cupola("schedule", "disable", *AT, "hourly")


def test_switch_and_settings_outlive_an_absence_and_not_a_deployment(server, repository):
    server.cupola("schedule", "enable", *AT, "hourly")
    set_schedule(server, "hourly", "--retries", "7")
    offset = schedule(server, "hourly")["offset_minutes"]
    repository.commit(files(""))
    update(server)
    assert server.cupola("schedule", "show", "hourly", *AT, check=False).code == 1

    repository.commit(files())
    update(server)
    back = schedule(server, "hourly")
    assert back["enabled"] and back["retries"] == 7 and back["offset_minutes"] == offset

    server.cupola("deployment", "delete", "prod", "--project", "data", "--yes")
    server.cupola("deployment", "create", "--project", "data", "--name", "prod", "--environment", "prod", "--branch", "main",
                  "--wait", timeout=600)
    anew = schedule(server, "hourly")
    assert not anew["enabled"] and anew["retries"] == 1


def test_what_has_no_clock_and_what_is_off_runs_by_hand(server):
    server.cupola("schedule", "enable", *AT, "by-hand", "once")
    for name in ("by-hand", "once", "quarterly"):
        assert schedule(server, name)["next"] == []
        server.cupola("run", name, *AT, "--follow")
        assert [run["trigger"] for run in server.runs("data", schedule=name)] == ["manual"]
    for name in ("by-hand", "once"):
        assert schedule(server, name)["fires"] == []
    server.cupola("schedule", "disable", *AT, "by-hand", "once")


def test_after_failures_in_a_row_it_is_switched_off(server, repository):
    failing = "- name: failing\n  interval: '* * * * *'\n  job: load\n  env: {FAIL: '1'}\n  annotations: {cupola: {pause_after: 1, offset: 0}}\n"
    repository.commit(files(SCHEDULES + failing))
    update(server)
    server.cupola("schedule", "enable", *AT, "failing")

    paused = wait_until("it is paused", lambda: (now := schedule(server, "failing"))["paused_cause"] and now, timeout=150)

    assert not paused["enabled"] and paused["next"] == [] and paused["failures"] == 1, paused
    run = server.runs("data", schedule="failing")[0]
    assert run["status"] == "failed" and run["id"] in paused["paused_cause"]
    assert "off after failures" in server.cupola("schedule", "list", *AT).out
    assert "switched off after a failure" in server.cupola("schedule", "show", "failing", *AT).out
    entry = server.cupola("audit", "--action", "schedule.pause", "--format", "json").json["audit"][0]
    assert entry["actor_kind"] == "server" and entry["name"] == "failing", entry
    server.cupola("schedule", "enable", *AT, "failing")
    again = schedule(server, "failing")
    assert again["enabled"] and again["failures"] == 0 and again["paused_cause"] is None
    server.cupola("schedule", "disable", *AT, "failing")


def midnight(days):
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_backfill_goes_over_the_intervals_on_bookmarks_of_its_own(server):
    server.cupola("run", "hourly", *AT, "--follow")
    before = server.states("data")
    assert "prod:tap-numbers-to-target-lines" in before
    since, until = midnight(2), midnight(2).replace("T00", "T03")

    dry = server.cupola("backfill", "hourly", *AT, "--since", since, "--until", until, "--dry-run", "--format", "json").json
    assert [one["start"][11:13] for one in dry["intervals"]] == ["00", "01", "02"]
    made = server.cupola("backfill", "hourly", *AT, "--since", since, "--until", until, "--format", "json").json
    show = lambda: server.cupola("backfill", "show", str(made["number"]), *AT, "--format", "json").json
    done = wait_until("it is done", lambda: (now := show())["status"] == "ended" and now, timeout=180)

    assert done["counts"]["succeeded"] == 3, done
    for interval in done["intervals"]:
        log = server.cupola("logs", interval["run"]).out
        assert f"told {interval['start']} {interval['end']}" in log and "starting after 0" in log, log
    after = server.states("data")
    own = [state for state in after if re.fullmatch(r"prod:tap-numbers-to-target-lines:backfill-[0-9a-f]{8}-\d{8}T\d{4}Z", state)]
    assert len(own) == 3, after.keys()
    assert after["prod:tap-numbers-to-target-lines"] == before["prod:tap-numbers-to-target-lines"]
    history = server.runs("data", deployment="prod", schedule="hourly")
    assert [run["trigger"] for run in history[:4]] == ["backfill"] * 3 + ["manual"]
    assert history[0]["interval_start"].endswith("T02:00:00Z")


def test_a_backfill_survives_a_kill_and_is_stopped_as_a_whole(server):
    made = server.cupola("backfill", "hourly", *AT, "--since", midnight(3), "--limit", "40", "--order", "newest", "--parallel", "2",
                         "--format", "json").json
    path = f"/api/v1/projects/data/deployments/prod/backfills/{made['number']}"
    busy = server.cupola("backfill", "hourly", *AT, "--since", midnight(3), "--until", midnight(2), check=False)
    assert busy.code == 1 and f"Backfill {made['number']} of the schedule" in busy.err, busy
    succeeded = lambda: server.request("GET", path)[1]["counts"]["succeeded"]
    wait_until("some are done", lambda: succeeded() >= 2, timeout=120)
    server.kill()
    server.start()
    before = succeeded()
    wait_until("it goes on", lambda: succeeded() > before, timeout=120)

    server.cupola("backfill", "stop", str(made["number"]), *AT)

    ended = wait_until("nothing is open", lambda: (now := server.request("GET", path)[1])["counts"]["open"] == 0 and now)
    assert ended["status"] == "stopped" and ended["counts"]["dropped"] > 20, ended["counts"]
    time.sleep(2)
    assert server.request("GET", path)[1]["counts"] == ended["counts"]
    listed = server.cupola("backfill", "list", *AT).out
    assert re.search(rf"{made['number']} +hourly +stopped", listed), listed
    assert server.cupola("backfill", "stop", str(made["number"]), *AT, check=False).code == 1


def test_a_backfill_that_would_not_help_is_refused(server):
    refused = server.cupola("backfill", "quarterly", *AT, "--since", "1d", check=False)
    assert refused.code == 1 and "one bookmark" in refused.err and "state_id_suffix: backfill" in refused.err, refused
    for args, code in ((["hourly", *AT], 2), (["hourly", *AT, "--since", "1d", "--order", "any"], 2),
                       (["hourly", *AT, "--since", "1d", "--limit", "0"], 2), (["hourly", *AT, "--since", "soon"], 1),
                       (["hourly", *AT, "--since", "400d"], 1), (["hourly", *AT, "--since", "1m"], 1),
                       (["none", *AT, "--since", "1d"], 1), (["show", "99", *AT], 1)):
        refused = server.cupola("backfill", *args, check=False)
        assert refused.code == code and refused.err, (args, refused)
