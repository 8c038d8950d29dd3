"""Upgrades that are killed, programs older than their database, backups that are put back (case 20)."""

import contextlib
import hashlib
import sqlite3
import subprocess
import time
import uuid

import pytest
from harness import ROOT, wait_until
from postgres import PROGRAMS
from projects import numbers
from test_shifted_clock import LIBRARIES

MIGRATIONS = sorted((ROOT / "migrations").glob("*.sql"))

nightly = pytest.mark.nightly
databases = pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=nightly)])


@pytest.fixture
def place(origin, kind, tmp_path):
    """Servers on folders and databases of this test's own."""
    if kind == "postgres" and not PROGRAMS:
        pytest.skip("PostgreSQL is not installed")
    made = []

    class Place:
        backup, restore = origin.backup, origin.restore

        def world(self):
            made.append(origin.world(kind, tmp_path / "home"))
            return made[-1]

        def empty(self):
            made.append(origin.empty(kind, tmp_path / "home"))
            return made[-1]

    yield Place()
    for one in made:
        server = getattr(one, "server", one)
        if server.process and server.process.poll() is None:
            server.stop()


def run_sql(origin, server, sql):
    if server.database:
        origin.postgres.run(sql, server.database)
    else:
        with contextlib.closing(sqlite3.connect(server.home / "cupola.db")) as db:
            db.executescript(sql)


def applied(server):
    return [int(number) for number, in server.rows("SELECT number FROM schema_migrations ORDER BY number")]


@databases
def test_case_20_an_upgrade_that_is_killed_is_done_whole_by_the_next_start(origin, place):
    first = MIGRATIONS[0]
    assert len(MIGRATIONS) > 1, "there is nothing to upgrade to"
    server = place.empty()
    server.home.mkdir(mode=0o700)
    run_sql(origin, server, first.read_text() + f"""
        CREATE TABLE schema_migrations (number bigint NOT NULL PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL);
        INSERT INTO schema_migrations VALUES (1, '{first.stem}', '{hashlib.sha256(first.read_bytes()).hexdigest()}', 0);
        INSERT INTO organizations VALUES ('{"0" * 26}', '{"1" * 26}', 'acme', 'CUP-0000000000', 0);
        """)
    if b"CUPOLA_CRASH_AT" not in origin.program.read_bytes():
        pytest.skip("this build has no crash points: presets debug and tsan have")
    server.token = "none yet"

    for point in ("migration.locked", "migration.applied", "migration.committing"):
        server.start_to_die(point)
        server.wait_for_death()
        assert applied(server) == [1], "half an upgrade"
    server.start_to_die("migration.committed")
    server.wait_for_death()
    assert applied(server) == [int(path.name[:4]) for path in MIGRATIONS]
    server.admin("create-user", "ada", "--organization", "acme", "--role", "owner")
    server.token = server.admin("create-token", "ada", "--organization", "acme").out.strip()
    server.start()

    assert server.request("GET", "/api/v1/whoami")[1]["organization"]["name"] == "acme"


@databases
def test_case_20_a_program_older_than_the_database_changes_nothing_and_says_so(origin, place):
    world = place.world()
    server = world.server
    run_sql(origin, server, "INSERT INTO schema_migrations VALUES (9999, '9999_from_the_future', 'x', 0);")
    before = server.rows("SELECT * FROM schema_migrations ORDER BY number")
    arguments = ["--database", server.database] if server.database else []

    done = subprocess.run([str(server.program), "server", "--home", str(server.home), "--listen", "127.0.0.1:0", *arguments],
                          env=server.env, capture_output=True, text=True, timeout=60)
    admin = server.admin("create-organization", "late", check=False)

    for refused in (done.returncode, done.stderr), (admin.code, admin.err):
        assert refused[0] == 1 and "from a newer version of Cupola" in refused[1], refused
        assert "9999_from_the_future" in refused[1] and f"those up to {int(MIGRATIONS[-1].name[:4])}" in refused[1]
        assert "Start that newer version, or restore a backup" in refused[1]
    assert done.stdout == "" and server.rows("SELECT * FROM schema_migrations ORDER BY number") == before
    assert server.rows("SELECT name FROM organizations") == [["acme"]]


@databases
def test_case_20_a_run_that_the_backup_believes_to_be_on_ends_lost(place, tmp_path):
    world = place.world()
    server = world.server
    server.start()
    run = world.started_run(uuid.uuid4().hex, TOP=1000, PAUSE=0.1)
    wait_until("its state is captured", lambda: server.rows(f"SELECT version FROM states WHERE run_id = '{run['id']}'"))
    server.kill()
    place.backup(server, tmp_path / "backup")
    server.start()
    server.request("POST", f"/api/v1/runs/{run['id']}/stop", {})
    assert server.wait_for_run(run["id"])["status"] == "cancelled"
    wait_until("its folder is wiped", lambda: not list(server.home.glob("runs/*")))
    server.stop()

    place.restore(server, tmp_path / "backup")
    server.start()
    ended = server.wait_for_run(run["id"], timeout=30)

    assert ended["status"] == "lost" and ended["exit_code"] is None and ended["cause"], ended
    assert len(server.runs("data")) == 2
    world.check_at_rest()
    world.check_next_run()


def with_policies():
    """Three schedules, one for each policy for missed fires."""
    schedules = "".join(f"- name: missed-{missed}\n  interval: '*/10 * * * *'\n  job: load\n  annotations:\n    cupola:\n      missed: {missed}\n"
                        for missed in ("latest", "skip", "all"))
    return numbers({"meltano.yml": numbers()["meltano.yml"] + schedules})


def fires(server, missed):
    rows = server.rows("SELECT f.nominal, f.outcome, f.run_id, f.noticed_at FROM fires f JOIN schedules s ON s.key = f.schedule_key"
                       f" WHERE s.name = 'missed-{missed}' ORDER BY f.nominal")
    return {int(nominal): (outcome, run, int(noticed)) for nominal, outcome, run, noticed in rows}


def let_it_catch_up(server):
    """Until no schedule is due at the server's own time, and what it started has ended."""
    now = lambda: int((time.time() + server.seconds) * 1000)
    wait_until("it caught up", lambda: not server.rows(f"SELECT name FROM schedules WHERE enabled = 1 AND (planned = 0 OR due_at <= {now()})"))
    wait_until("what was started has ended", lambda: not server.rows("SELECT id FROM runs WHERE ended_at IS NULL"), timeout=200)


@nightly
@pytest.mark.skipif(not LIBRARIES, reason="faketime is not installed")
@pytest.mark.parametrize("kind", ["sqlite"])  # on PostgreSQL the database's clock counts, which cannot be shifted
def test_case_20_after_a_restore_only_the_policy_decides_about_fires(place, tmp_path):
    world = place.world()
    server = world.server
    server.start()
    world.repository.commit(with_policies())
    server.cupola("deployment", "update", "prod", "--project", "data", "--wait")
    for missed in ("latest", "skip", "all"):
        world.switch_schedule(f"missed-{missed}", True)
    server.stop()
    for minutes, step in ((25, "backup"), (45, "lost with the disk"), (75, "restored")):
        if step == "restored":
            place.restore(server, tmp_path / "backup")
            before = {missed: fires(server, missed) for missed in ("latest", "skip", "all")}
        server.seconds = minutes * 60
        server.start()
        let_it_catch_up(server)
        server.stop()
        if step == "backup":
            place.backup(server, tmp_path / "backup")

    new = {}
    for missed in ("latest", "skip", "all"):
        all_of_them = fires(server, missed)
        assert {nominal: all_of_them[nominal] for nominal in before[missed]} == before[missed], "a fire of before the backup was touched"
        nominal = sorted(all_of_them)
        assert nominal == list(range(nominal[0], nominal[-1] + 1, 600_000)), "a fire is neither started nor told as missed"
        new[missed] = [outcome for at, (outcome, _, _) in sorted(all_of_them.items()) if at not in before[missed]]
    assert len(before["all"]) >= 1 and len(new["all"]) >= 4
    # The last one may have come while the server was up: then it is on time.
    assert new["latest"].count("run") in (1, 2) and "missed" in new["latest"]
    assert new["skip"].count("run") <= 1 and "missed" in new["skip"]
    assert set(new["all"]) == {"run"}
    world.check_at_rest()
