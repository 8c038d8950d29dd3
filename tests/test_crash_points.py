"""Killed at any step (case 1): at each crash point the process kills itself, and nothing is lost, doubled or left half done."""

import json
import os
import re
import subprocess
import time
import uuid

import pytest
from crash_world import crash_points
from harness import ROOT, wait_until
from postgres import PROGRAMS
from projects import numbers
from receivers import Sink
from test_shifted_clock import LIBRARIES

DATABASES = ("sqlite", "postgres")


@pytest.fixture
def world(origin, request, tmp_path):
    """A world on the database that the test is for; an absent folder where its scenario begins with one."""
    kind, scenario = request.param
    if b"CUPOLA_CRASH_AT" not in origin.program.read_bytes():
        pytest.skip("this build has no crash points: presets debug and tsan have")
    if kind == "postgres" and not PROGRAMS:
        pytest.skip("PostgreSQL is not installed")
    if scenario in BEGINNINGS:
        server = origin.empty(kind, tmp_path / "home")
        yield server
    else:
        made = origin.world(kind, tmp_path / "home")
        server = made.server
        yield made
    if server.process and server.process.poll() is None:
        server.kill()


# -- scenarios: each does what passes the point, and leaves a world at rest --


def run_by_hand(world, point, pause=0, top=3):
    server, key = world.server, uuid.uuid4().hex
    server.start_to_die(point)
    world.post_run(key, TOP=top, PAUSE=pause)
    server.wait_for_death()
    server.start()

    run = world.started_run(key, TOP=top, PAUSE=pause)
    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "succeeded" and ended["exit_code"] == 0, ended
    assert world.sent(run) == list(range(4, 4 + top))
    assert len(server.runs("data")) == 2
    world.check_exact()


def captured_run(world, point):
    run_by_hand(world, point, pause=0.3, top=12)


def fire(world, point):
    """By the clock: on SQLite it is set to some seconds before a full minute; PostgreSQL's own clock is waited for."""
    server = world.server
    if LIBRARIES and not server.database:
        server.seconds = (50 - time.time()) % 60
    server.start_to_die(point)
    if server.process.poll() is None:
        server.cupola("schedule", "enable", "--project", "data", "--deployment", "prod", "minutely", check=False)
    server.wait_for_death()
    server.start()
    world.switch_schedule("minutely", True)
    by_clock = lambda: [run for run in server.runs("data") if run["trigger"] != "manual"]
    first = wait_until("it fires", by_clock, timeout=100)[-1]
    world.switch_schedule("minutely", False)
    ended = [server.wait_for_run(run["id"]) for run in by_clock()]

    assert {run["status"] for run in ended} <= {"succeeded", "skipped"}, ended
    assert len({run["scheduled_at"] for run in ended}) == len(ended)
    nominal = [int(row[0]) for row in server.rows("SELECT nominal FROM fires ORDER BY nominal")]
    assert nominal == [nominal[0] + i * 60_000 for i in range(len(nominal))], "a fire is missing"
    if point != "fire.planned":
        died_at = server.mark.stat().st_mtime + server.seconds
        assert nominal[0] / 1000 <= died_at + 8 * 60 and first["scheduled_at"]
    world.check_exact()


def stopped_run(world, point):
    server, key = world.server, uuid.uuid4().hex
    server.start_to_die(point)
    run = world.started_run(key, TOP=1000, PAUSE=0.1)
    wait_until("it sends", lambda: world.sent(run))
    server.ask("POST", f"/api/v1/runs/{run['id']}/stop", {})
    server.wait_for_death()
    server.start()

    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "cancelled" and ended["exit_code"] == 143, ended
    sent = world.sent(run)
    assert sent == list(range(4, 4 + len(sent)))
    assert len(server.runs("data")) == 2


def adopted_run(world, point):
    """Killed once while the run goes on, and at the point when it comes back."""
    server, key = world.server, uuid.uuid4().hex
    server.start()
    run = world.started_run(key, TOP=40, PAUSE=0.1)
    wait_until("it sends", lambda: world.sent(run))
    server.kill()
    server.start_to_die(point)
    server.wait_for_death()
    server.start()

    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "succeeded" and ended["exit_code"] == 0, ended
    assert world.sent(run) == list(range(4, 44))
    world.check_exact()


def given_back_run(world, point):
    """Killed once between claim and start, and at the point when it comes back."""
    server, key = world.server, uuid.uuid4().hex
    server.start_to_die("run.claimed")
    world.post_run(key, TOP=3)
    server.wait_for_death()
    server.start_to_die(point)
    server.wait_for_death()
    server.start()

    run = world.started_run(key, TOP=3)
    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "succeeded", ended
    assert world.sent(run) == [4, 5, 6] and len(server.runs("data")) == 2
    world.check_exact()


def requeued_run(world, point):
    """A deploy changes the state ids of what waits in the queue."""
    server = world.server
    server.start_to_die(point)
    first = world.started_run(uuid.uuid4().hex, TOP=60, PAUSE=0.1)
    body = {"schedule": "minutely", "env": {"TOP": "2"}}
    status, waiting = server.ask("POST", "/api/v1/projects/data/deployments/prod/runs", body)
    assert status == 201, waiting
    changed = numbers()["meltano.yml"].replace("tasks: [tap-numbers target-lines]", "tasks: [tap-others target-lines]")
    world.repository.commit({**numbers(), "meltano.yml": changed})
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait", check=False)
    server.wait_for_death()
    server.start()

    assert server.wait_for_run(first["id"])["status"] == "succeeded"
    ended = server.wait_for_run(waiting["id"])

    assert ended["status"] == "succeeded" and world.sent(waiting) == [1, 2], ended
    assert server.rows("SELECT DISTINCT state_id FROM states WHERE run_id = '%s'" % waiting["id"]) == [["prod:tap-others-to-target-lines"]]
    world.repository.commit(numbers())
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")


def retried_run(world, point):
    """A run by the clock fails, and is tried again."""
    server = world.server
    server.start()
    policy = "  job: load\n  env: {FAIL_FIRST: '1', TOP: '3', PAUSE: '0.3'}\n  annotations: {cupola: {retries: 2, retry_wait: 1s}}\n- name: quarterly"
    changed = numbers()["meltano.yml"].replace("  job: load\n- name: quarterly", policy)
    world.repository.commit({**numbers(), "meltano.yml": changed})
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")
    world.switch_schedule("minutely", True)
    server.stop()
    if LIBRARIES and not server.database:
        server.seconds = (50 - time.time()) % 60
    server.start_to_die(point)
    server.wait_for_death(150)
    server.start()
    world.switch_schedule("minutely", False)
    run = [run for run in server.runs("data") if run["trigger"] != "manual"][-1]

    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "succeeded" and (ended["attempt"], ended["most_attempts"]) == (2, 3), ended
    assert server.rows("SELECT attempt, status FROM run_attempts WHERE run_id = '%s'" % run["id"]) == [["1", "failed"]]
    assert server.cupola("logs", run["id"]).out.count("Attempt 2 of 3.") == 1
    assert world.sent(run) == list(range(4, 10))
    world.repository.commit(numbers())
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")


def supervised_run(world, point):
    """The supervisor dies, the server sees it. What the run did until then is kept; the next one goes on from there."""
    server = world.server
    server.start_to_die(point)
    stops = point == "supervisor.stop_taken"
    run = world.started_run(uuid.uuid4().hex, TOP=1000 if stops else 3, PAUSE=0.1 if stops else 0)
    if stops:
        wait_until("it sends", lambda: world.sent(run))
        server.ask("POST", f"/api/v1/runs/{run['id']}/stop", {})

    ended = server.wait_for_run(run["id"])

    assert server.process.poll() is None and server.mark.exists()
    # Once its result has its name it is known; before, nobody can tell.
    assert ended["status"] == ("succeeded" if point == "result.renamed" else "lost"), ended
    assert ended["cause"] is None or "killed" in ended["cause"], ended
    server.stop()
    server.start()
    sent, written = world.sent(run), world.written()
    assert sent == list(range(4, 4 + len(sent)))
    # At least once: what was written may be ahead of the state, never behind it.
    assert written == list(range(1, len(written) + 1)) and world.bookmark() <= written[-1]
    if point in ("supervisor.drained", "supervisor.log_closed", "result.written", "result.synced", "result.renamed"):
        assert sent == [4, 5, 6]
        world.check_exact()
    if point in ("supervisor.begun", "supervisor.named", "supervisor.reserved", "supervisor.log_opened", "supervisor.mounted"):
        assert sent == [] and written == [1, 2, 3]


def deploy(world, point, files=None):
    server = world.server
    commit = world.repository.commit({**numbers(), **(files or {}), "marker.txt": uuid.uuid4().hex})
    server.start_to_die(point)
    status, _ = world.deploy()
    server.wait_for_death()
    before = {row[0] for row in server.rows("SELECT number FROM releases")}
    server.start()
    if status == 0 and "3" not in before:
        assert world.deploy()[0] == 202

    is_live = lambda: (found := world.deployment())["status"] == "live" and found["release"]["commit"] == commit
    wait_until("the new release is live", is_live)

    assert server.rows("SELECT number, status FROM releases ORDER BY number") == [["1", "retired"], ["2", "retired"], ["3", "live"]]
    assert not list(server.home.glob("environments/*.new"))
    world.check_next_run()
    world.check_exact()


def deploy_with_environment(world, point):
    """One plugin more, of a package that meltano needs too, so that it is at hand."""
    added = "  utilities:\n  - name: more\n    namespace: more\n    pip_url: packaging\n    executable: more\n  loaders:\n"
    deploy(world, point, {"meltano.yml": numbers()["meltano.yml"].replace("  loaders:\n", added)})
    wheels = [path for path in world.server.home.glob("environments/*/lib/python*/site-packages/packaging") if "meltano" not in str(path)]
    assert wheels


def deploy_with_build(world, point):
    """A command that leaves a file in the release; what is there is whole, and was made once from the commit's own tree."""
    yml = numbers()["meltano.yml"].replace("    persist: [output]\n", "    persist: [output]\n    build: [more:go]\n")
    more = "  utilities:\n  - name: more\n    namespace: more\n    executable: ./build.sh\n    commands: {go: go}\n  loaders:\n"
    deploy(world, point, {"meltano.yml": yml.replace("  loaders:\n", more), "build.sh": "#!/bin/sh\necho built >> built.txt\n"})
    release = world.server.rows("SELECT key FROM releases WHERE status = 'live'")[0][0]
    folder = world.server.home / "releases" / release
    assert (folder / "checkout" / "built.txt").read_text() == "built\n"
    assert sorted(path.name for path in folder.iterdir()) == ["built", "checkout", "lock"]


def kept_files(world, point):
    """Files that a run leaves are kept once, with its result."""
    server, key = world.server, uuid.uuid4().hex
    server.start()
    yml = numbers()["meltano.yml"].replace("    persist: [output]\n", "    persist: [output]\n    artifacts: ['output/*.txt']\n")
    world.repository.commit({**numbers(), "meltano.yml": yml})
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")
    server.stop()
    server.start_to_die(point)
    world.post_run(key, TOP=3)
    server.wait_for_death()
    server.start()
    run = world.started_run(key, TOP=3)

    assert server.wait_for_run(run["id"])["status"] == "succeeded"
    kept = server.cupola("artifacts", run["id"], "--format", "json").json["artifacts"]
    assert [(file["path"], file["kept"]) for file in kept] == [("output/numbers.txt", True)]
    assert server.cupola("artifacts", run["id"], "output/numbers.txt").out == "".join(f"{n}\n" for n in range(1, 7))
    wait_until("one attempt's files are there", lambda: len(list(server.home.glob(f"logs/*/{run['id']}.artifacts/*"))) == 1)
    world.repository.commit(numbers())
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")


def backfill(world, point):
    """Each interval gets one run, one after the other, also when the client asks again."""
    server, key = world.server, uuid.uuid4().hex
    server.start()
    template = "- name: daily\n  interval: '@daily'\n  job: load-others\n  env: {TOP: '0'}\n  annotations:\n    cupola:\n" \
               "      backfill: {start: TAP_FROM, end: TAP_TO, state_id_suffix: backfill}\n"
    world.repository.commit({**numbers(), "meltano.yml": numbers()["meltano.yml"] + template})
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")
    server.stop()
    server.start_to_die(point)
    place = "/api/v1/projects/data/deployments/prod"
    asked = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-04T00:00:00Z"}
    server.ask("POST", f"{place}/schedules/daily/backfills", asked, key)
    server.wait_for_death()
    server.start()

    status, made = server.ask("POST", f"{place}/schedules/daily/backfills", asked, key)

    assert status == 201 and made["number"] == 1, made
    ended = wait_until("it ends", lambda: (one := server.ask("GET", f"{place}/backfills/1")[1])["status"] == "ended" and one, timeout=240)
    assert [interval["status"] for interval in ended["intervals"]] == ["succeeded"] * 3, ended
    assert server.rows("SELECT count(*) FROM backfills") == [["1"]]
    runs = server.rows("SELECT id, started_at, ended_at FROM runs WHERE triggered_by = 'backfill' ORDER BY scheduled_at")
    assert [run for run, _, _ in runs] == [interval["run"] for interval in ended["intervals"]]
    assert all(int(before[2]) <= int(after[1]) for before, after in zip(runs, runs[1:])), runs
    world.repository.commit(numbers())
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")


def notification(world, point):
    """A run is told by webhook: at least once, and always under the same id."""
    server, key, sink = world.server, uuid.uuid4().hex, Sink()
    server.args += ["--allow-inner-receivers", "127.0.0.0/8"]
    server.start()
    made = server.cupola("notification", "set", "webhook", sink.url, "--format", "json").json
    server.stop()
    server.start_to_die(point)
    world.post_run(key, TOP=3)
    server.wait_for_death()
    server.start()

    run = world.started_run(key, TOP=3)
    assert server.wait_for_run(run["id"])["status"] == "succeeded"
    wait_until("it is told", lambda: server.rows("SELECT status FROM notification_deliveries") == [["delivered"]])

    assert len({request.headers["webhook-id"] for request in sink.requests}) == 1
    assert {json.loads(request.body)["data"]["id"] for request in sink.requests} == {run["id"]}
    assert server.rows("SELECT id FROM notification_events WHERE handled = 0") == []
    assert server.rows("SELECT id FROM notifications WHERE worker IS NOT NULL OR next_at IS NOT NULL") == []
    server.cupola("notification", "delete", made["id"])
    sink.close()
    world.check_exact()


def rotation(world, point):
    """`cupola admin rotate-key` dies beside a server that runs: both it and the next one open and seal what they should."""
    server = world.server
    server.start()
    server.cupola("secret", "set", "SPEAK", "--project", "data", input="sealed-with-the-first-key")
    server.env["CUPOLA_CRASH_AT"] = point
    killed = server.admin("rotate-key", check=False)
    del server.env["CUPOLA_CRASH_AT"]
    assert killed.code == -9 and killed.out == "", killed
    server.cupola("secret", "set", "BETWEEN", "--project", "data", input="sealed-in-between")
    server.stop()
    server.start()
    spoken = world.started_run(uuid.uuid4().hex, TOP=1)
    assert server.wait_for_run(spoken["id"])["status"] == "succeeded"
    assert "the word is ****" in server.cupola("logs", spoken["id"]).out

    done = server.admin("rotate-key")

    ids = re.findall(r"^id (\w+)$", (server.home / "key").read_text(), re.M)
    assert server.rows("SELECT value FROM settings WHERE name = 'key_id'") == [[ids[0]]] and len(ids) == 1
    assert f"The key is now {ids[0]}" in done.out
    again = world.started_run(uuid.uuid4().hex, TOP=1)
    assert server.wait_for_run(again["id"])["status"] == "succeeded"
    assert "the word is ****" in server.cupola("logs", again["id"]).out


def upkeep(world, point):
    server = world.server
    server.args += ["--keep-logs", "1s", "--keep-releases", "1", "--keep-environments", "1s"]
    if point == "upkeep.runs_deleted":
        server.args += ["--keep-runs", "1s"]
    unused = server.home / "environments" / ("0" * 40)
    unused.mkdir()
    (unused / "cupola.json").write_text("{}")
    os.utime(unused / "cupola.json", (0, 0))
    wait_until("what there is is old", lambda: server.home.stat().st_mtime + 2 < time.time())
    server.start_to_die(point)
    server.wait_for_death()
    server.start()

    wait_until("old logs are gone", lambda: not world.run_logs())
    wait_until("their rows say so", lambda: not server.rows("SELECT id FROM runs WHERE log_kept = 1"))
    if point == "upkeep.runs_deleted":
        wait_until("old runs are gone", lambda: not server.rows("SELECT id FROM runs"))
    wait_until("the files of the old release are gone", lambda: len(list((server.home / "releases").iterdir())) == 1)
    wait_until("its row says so", lambda: server.rows("SELECT files_kept FROM releases ORDER BY number") == [["0"], ["1"]])
    wait_until("the environment that nobody uses is gone", lambda: not unused.exists())
    server.stop()
    server.args = [arg for arg in server.args if not arg.startswith("--keep") and arg != "1s" and arg != "1"]
    server.start()
    world.check_exact()


def beginning(server, point):
    """A server on nothing at all."""
    server.token = "none yet"
    server.start_to_die(point)
    server.wait_for_death()
    server.token = None
    server.start()  # with an organization, a user and a token

    status, _ = server.request("GET", "/api/v1/projects")
    assert status == 200
    status, _ = server.request("POST", "/api/v1/projects", {"name": "data", "repository": "https://git.example.com/data.git"})
    assert status == 201
    server.cupola("secret", "set", "WORD", "--project", "data", input="sealed-with-the-key")
    server.stop()
    server.start()
    check_beginning(server)


def administration(server, point):
    """`cupola admin` dies before it says that it is done: its user says it again."""
    server.admin("create-organization", "first")
    commands = {"organization": ["create-organization", "acme"],
                "user": ["create-user", "ada", "--organization", "first", "--role", "owner"],
                "token": ["create-token", "ada", "--organization", "first"]}
    kind = re.match(r"admin\.(\w+)_created", point).group(1)
    if kind == "token":
        server.admin(*commands["user"])
    server.env["CUPOLA_CRASH_AT"] = point
    killed = server.admin(*commands[kind], check=False)
    del server.env["CUPOLA_CRASH_AT"]
    assert killed.code == -9 and killed.out == "", killed
    again = server.admin(*commands[kind], check=False)

    if kind == "organization":
        assert again.code == 1 and "acme" in again.err, again
        assert server.rows("SELECT name FROM organizations ORDER BY name") == [["acme"], ["first"]]
    else:
        assert again.code == 0, again
        assert server.rows("SELECT login FROM users") == [["ada"]]
        assert server.rows("SELECT role FROM members") == [["owner"]]
    if kind == "token":
        server.token = again.out.strip()
        server.start()
        assert server.request("GET", "/api/v1/projects")[0] == 200
    check_beginning(server)


def check_beginning(server):
    if not server.database:
        assert server.rows("PRAGMA integrity_check") == [["ok"]]
    made = len(list((ROOT / "migrations").glob("*.sql")))
    assert server.rows("SELECT count(*) FROM schema_migrations") == [[str(made)]]
    assert not list(server.home.glob("*.new")), "something is left half written"


BEGINNINGS = (beginning, administration)

SCENARIOS = {
    beginning: "home.made home.held home.named file.written key.linked key.written key.kept migration.locked migration.applied migration.committing migration.committed",
    administration: "admin.organization_created admin.user_created admin.token_created",
    run_by_hand: "run.asked run.queued run.locked run.claiming run.claimed run.folder_made run.states_seeded run.specified run.started"
                 " run.told_running run.exit_seen run.result_read run.ending run.ended log.compressing log.packed log.half_renamed log.compressed"
                 " log.plain_removed run.wiped write.committing write.committed",
    captured_run: "state.capturing state.captured",
    fire: "fire.planned fire.chosen fire.moved_on fire.recorded fire.queued fire.committed",
    stopped_run: "stop.asked stop.passing_on stop.passed_on",
    adopted_run: "run.adopted",
    given_back_run: "run.given_back",
    requeued_run: "run.requeued",
    retried_run: "run.attempt_kept run.queued_again",
    supervised_run: "supervisor.begun supervisor.named supervisor.reserved supervisor.log_opened supervisor.mounted supervisor.program_started"
                    " supervisor.alive supervisor.alive_told log.masked log.written log.indexed supervisor.stop_taken supervisor.exit_seen"
                    " supervisor.drained supervisor.log_closed result.written result.synced result.renamed",
    deploy: "deploy.queued deploy.claimed deploy.fetched checkout.written checkout.moved deploy.planned deploy.built deploy.switching"
            " deploy.switched deploy.told",
    deploy_with_environment: "environment.built environment.sealed environment.listed environment.moved",
    deploy_with_build: "build.done build.half_moved build.moved",
    kept_files: "artifacts.copied",
    backfill: "backfill.making backfill.made backfill.queueing backfill.queued backfill.interval_ended backfill.ending backfill.ended",
    notification: "notify.expanding notify.claimed notify.answered notify.written",
    rotation: "key.next_written key.resealing key.resealed key.old_kept key.rotated",
    upkeep: "upkeep.log_removed upkeep.logs_forgotten upkeep.runs_deleted upkeep.states_trimmed upkeep.release_removed"
            " upkeep.release_forgotten upkeep.environment_moved upkeep.environment_removed",
}

# Writes one after the other, whatever they are, of a run from the request to its end.
LATER_PASSES = {beginning: ["file.written:2"], run_by_hand: [f"{point}:{n}" for point in ("write.committing", "write.committed") for n in (2, 3, 4, 5, 6)],
                # The first run is queued with the backfill, the next when the one before it ends.
                backfill: ["backfill.queueing:2", "backfill.queued:2", "backfill.interval_ended:3"]}

# Spread over the way of a run; the others are for `make nightly`.
ALWAYS = {("sqlite", "run.claimed"), ("postgres", "run.started"), ("postgres", "run.ending"), ("sqlite", "run.queued_again"), ("sqlite", "log.half_renamed"),
          ("sqlite", "fire.recorded"), ("postgres", "deploy.switching"), ("sqlite", "result.synced"), ("sqlite", "migration.applied"), ("sqlite", "notify.answered"),
          ("postgres", "backfill.made"), ("sqlite", "backfill.queued:2"),
          ("sqlite", "key.resealing"), ("postgres", "key.resealed")}


def cases():
    for scenario, names in SCENARIOS.items():
        for point in names.split() + LATER_PASSES.get(scenario, []):
            for kind in DATABASES:
                marks = [] if (kind, point) in ALWAYS else [pytest.mark.nightly]
                yield pytest.param((kind, scenario), point, marks=marks, id=f"{point}-{kind}")


def test_case_01_each_crash_point_has_a_scenario():
    listed = crash_points()
    tried = [point for names in SCENARIOS.values() for point in names.split()]

    assert len(listed) >= 40
    assert sorted(listed) == sorted(tried)
    assert {point.partition(":")[0] for _, point in ALWAYS} <= set(listed)


@pytest.mark.parametrize("world,point", list(cases()), indirect=["world"])
def test_case_01_killed_at(world, point, request):
    scenario = request.node.callspec.params["world"][1]
    scenario(world, point)
    if scenario in BEGINNINGS:
        return
    world.check_at_rest()
    if scenario is not requeued_run:
        world.check_next_run()
    world.check_at_rest()


def test_case_01_a_release_has_no_crash_points(tmp_path):
    """The same sources, compiled as in preset release: no name, no call, no variable."""
    sources = [path for path in (ROOT / "src").rglob("*.cpp") if '"base/crash_point.h"' in path.read_text()]
    headers = [path for path in (ROOT / "src").rglob("*.h") if '"base/crash_point.h"' in path.read_text()]
    assert sources and not headers, "the definition is given to sources alone"

    objects = []
    for source in (ROOT / "src/base/crash_point.cpp", ROOT / "src/db/write_queue.cpp"):
        objects.append(tmp_path / f"{source.stem}.o")
        subprocess.run(["g++", "-std=c++20", "-O2", "-I", str(ROOT / "src"), "-c", str(source), "-o", str(objects[-1])], check=True)
    release = ROOT / "build" / "release" / "cupola"
    if release.exists() and release.stat().st_mtime > max(path.stat().st_mtime for path in sources):
        objects += [release, release.parent / "cupola-supervisor"]

    for path in objects:
        content = path.read_bytes()
        for word in ("CUPOLA_CRASH", "crash_environment", *crash_points()):
            assert word.encode() not in content, (path, word)
