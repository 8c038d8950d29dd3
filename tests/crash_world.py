"""Servers that are killed at a crash point (src/base/crash_point.h), and what must hold when they are back."""

import contextlib
import http.client
import pathlib
import re
import signal
import sqlite3
import subprocess
import urllib.error
import uuid

from harness import ROOT, wait_until
from postgres import Postgres
from test_shifted_clock import ShiftedServer

HEADER = ROOT / "src" / "base" / "crash_point.h"
STATE_ID = "prod:tap-numbers-to-target-lines"
OPEN = ("queued", "starting", "running", "stopping")


def crash_points():
    """The names of the header's list."""
    listed = re.search(r"crash_points\[\] = \{(.*?)\n\};", HEADER.read_text(), re.DOTALL).group(1)
    return re.findall(r'"([a-z_.]+)"', listed)


class CrashServer(ShiftedServer):
    """Runs on SQLite or, where `database` is given, on PostgreSQL; can be told where to die."""

    def __init__(self, build, home, database=None, query=None):
        super().__init__(build, home, args=["--database", database] if database else [])
        self.database = database
        self.query = query
        self.mark = self.home.parent / (self.home.name + ".crashed")

    def admin(self, *args, **more):
        return super().admin(*args, *(["--database", self.database] if self.database else []), **more)

    def start_to_die(self, point):
        """Starts a server whose first process that passes `point` dies there; that may be before it is ready."""
        self.mark.unlink(missing_ok=True)
        self.env.update(CUPOLA_CRASH_AT=point, CUPOLA_CRASH_MARK=str(self.mark))
        with contextlib.suppress(AssertionError):
            self.start()
        del self.env["CUPOLA_CRASH_AT"], self.env["CUPOLA_CRASH_MARK"]

    def wait_for_death(self, timeout=90):
        self.process.wait(timeout)
        assert self.process.returncode == -signal.SIGKILL and self.mark.exists(), "\n".join(self.log[-20:])

    def ask(self, method, path, body=None, key=None):
        """As `request`; (0, None) when no answer came: the client cannot know whether it was done."""
        try:
            return self.request(method, path, body, headers={"Idempotency-Key": key} if key else None)
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return 0, None

    def rows(self, sql):
        """Rows of the database itself, as texts."""
        if self.query:
            return self.query(sql)
        with contextlib.closing(sqlite3.connect(f"file:{self.home}/cupola.db?mode=ro", uri=True, timeout=30)) as db:
            return [["" if value is None else str(value) for value in row] for row in db.execute(sql)]


class World:
    """A server with the project `data` deployed, on a folder and a database of its own."""

    def __init__(self, server, repository):
        self.server = server
        self.repository = repository

    # -- what is done --

    def post_run(self, key, **env):
        body = {"name": "load", "env": {name: str(value) for name, value in env.items()}}
        return self.server.ask("POST", "/api/v1/projects/data/deployments/prod/runs", body, key)

    def started_run(self, key, **env):
        """The run of that key, which was asked for before or is now: the same answer to the same key."""
        status, run = self.post_run(key, **env)
        assert status == 201, run
        return run

    def deploy(self):
        return self.server.ask("POST", "/api/v1/projects/data/deployments/prod/update", {})

    def deployment(self):
        listed = self.server.cupola("deployment", "list", "--project", "data", "--format", "json").json
        return listed["deployments"][0]

    def switch_schedule(self, name, enabled):
        self.server.cupola("schedule", "enable" if enabled else "disable", "--project", "data", "--deployment", "prod", name)

    def sent(self, run):
        """The numbers that the tap says in the run's log that it sent, of whole lines."""
        text = self.server.cupola("logs", run["id"]).out
        return [int(number) for number in re.findall(r"sent (\d+)\"?", text)]

    def written(self):
        """The numbers that the target wrote, over all runs."""
        files = list(self.server.home.glob("persisted/*/output/numbers.txt"))
        assert len(files) == 1, files
        return [int(line) for line in files[0].read_text().split()]

    def bookmark(self):
        status, state = self.server.request("GET", f"/api/v1/projects/data/states/{STATE_ID.replace(':', '%3A')}")
        assert status == 200 and state["final"], state
        return state["payload"]["completed"]["singer_state"]["bookmarks"]["numbers"]["n"]

    # -- what must hold --

    def check_at_rest(self):
        """Nothing is half done: rows, folders, processes, logs. Nothing may be going on."""
        server = self.server
        open_runs = f"SELECT id, status FROM runs WHERE status IN {OPEN}"
        wait_until("no run is open", lambda: not server.rows(open_runs))
        assert server.rows("SELECT * FROM run_locks") == []
        assert server.rows("SELECT * FROM run_state_ids") == []
        assert server.rows("SELECT run_id FROM states WHERE final = 0") == []
        assert server.rows("SELECT id FROM runs WHERE ended_at IS NULL") == []
        assert server.rows("SELECT number FROM releases WHERE status = 'building'") == []
        assert server.rows("SELECT count(*) FROM releases WHERE status = 'live'") == [["1"]]
        if not server.database:
            assert server.rows("PRAGMA integrity_check") == [["ok"]]
            assert server.rows("PRAGMA foreign_key_check") == []
        self.check_fires()
        wait_until("no folder of a run is left", lambda: not list(server.home.glob("runs/*")))
        assert not list(server.home.glob("releases/*/checkout.new"))
        self.check_logs()
        wait_until(f"no process is left: {self.processes()}", lambda: not self.processes(), timeout=30)

    def check_fires(self):
        """Each fire is one run or one recorded miss, and no run of the clock has no fire."""
        rows = self.server.rows
        fired = rows("SELECT f.nominal, f.run_id, r.scheduled_at FROM fires f LEFT JOIN runs r ON r.id = f.run_id"
                     " WHERE f.outcome = 'run'")
        assert all(nominal == scheduled for nominal, _, scheduled in fired), fired
        by_clock = rows("SELECT id FROM runs WHERE triggered_by NOT IN ('manual', 'backfill')")
        assert sorted(run for _, run, _ in fired) == sorted(run for run, in by_clock)

    def run_logs(self):
        return [path for path in (self.server.home / "logs").rglob("*.*") if "deploys" not in path.parts and not any(part.endswith(".artifacts") for part in path.parts)]

    def check_logs(self):
        """What ended is compressed, and nothing lies beside it."""
        kept = {run for run, in self.server.rows("SELECT id FROM runs WHERE log_kept = 1")}
        endings = {}

        def torn():
            endings.clear()
            for path in self.run_logs():
                run, _, ending = path.name.partition(".")
                endings.setdefault(run, set()).add(ending)
            return {run: found for run, found in endings.items() if found != {"log.zst", "index.zst"}}

        wait_until("all logs are compressed", lambda: not torn(), timeout=20)
        assert set(endings) <= kept, (endings, kept)

    def processes(self):
        """Processes of runs of this folder, and those that hold something open in it but the server."""
        runs = {f"CUPOLA_RUN_ID={run}".encode() for run, in self.server.rows("SELECT id FROM runs")}
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            if int(folder.name) == self.server.process.pid:
                continue
            with contextlib.suppress(OSError):
                if runs & set((folder / "environ").read_bytes().split(b"\0")):
                    found.append((folder.name, "of a run", (folder / "cmdline").read_bytes()))
                places = [link.readlink() for link in [folder / "cwd", *(folder / "fd").iterdir()]]
                if any(place.is_relative_to(self.server.home) for place in places):
                    found.append((folder.name, "in the folder", (folder / "cmdline").read_bytes()))
        return found

    def check_exact(self):
        """Each number was sent and written once, and the state says which was the last."""
        written = self.written()
        assert written == list(range(1, len(written) + 1)), written
        assert self.bookmark() == written[-1]

    def check_next_run(self):
        """One more run goes on from the state that there is."""
        before = self.bookmark()
        run = self.started_run(uuid.uuid4().hex, TOP=2)
        ended = self.server.wait_for_run(run["id"])
        assert ended["status"] == "succeeded", ended
        assert self.sent(run) == [before + 1, before + 2]
        assert self.bookmark() == before + 2


class Origin:
    """What each world is a copy of: a folder with two releases of a project and a run that ended, on either database."""

    def __init__(self, build, folder, warm, repository):
        self.build = build
        self.program = build / "cupola"
        self.folder = folder
        self.warm = warm
        self.repository = repository
        self.postgres = None
        self.made = {}

    def close(self):
        if self.postgres:
            self.postgres.tool("stop")

    def server_on(self, kind, home):
        """A server with a folder and a database that are not there yet."""
        if kind == "sqlite":
            return CrashServer(self.build, home)
        if not self.postgres:
            (self.folder / "cluster").mkdir()
            self.postgres = Postgres(self.folder / "cluster")
        name = "home_" + uuid.uuid4().hex
        return CrashServer(self.build, home, self.postgres.url_of(name), lambda sql: self.postgres.query(sql, name))

    def create_database(self, server, template="template1"):
        if server.database:
            self.copy_database(template, name_of(server.database))

    def copy_database(self, source, target):
        def copied():
            with contextlib.suppress(subprocess.CalledProcessError):
                return self.postgres.query(f"CREATE DATABASE {target} TEMPLATE {source}") is not None

        wait_until("nobody is connected to the database any more", copied)

    def backup(self, server, folder):
        """A copy of the folder and of the database of a server that is not running."""
        copy_home(server.home, folder)
        if server.database:
            self.copy_database(name_of(server.database), name_of(server.database) + "_backup")

    def restore(self, server, folder):
        """What `backup` copied, in the place of what there is."""
        server.home.rename(server.home.with_suffix(".before"))
        copy_home(folder, server.home)
        if server.database:
            name = name_of(server.database)
            self.postgres.query(f"DROP DATABASE {name} WITH (FORCE)")
            self.copy_database(name + "_backup", name)

    def original(self, kind):
        if kind not in self.made:
            server = self.server_on(kind, self.warm(self.folder / kind))
            self.create_database(server)
            server.start()
            server.deploy("data", self.repository)
            self.repository.commit({"more.txt": f"for {kind}"})
            server.cupola("deployment", "update", "prod", "--project", "data", "--wait")
            server.cupola("run", "load", "--project", "data", "--deployment", "prod", "--follow", "--env", "TOP=3")
            wait_until("its folder is wiped", lambda: not list(server.home.glob("runs/*")))
            server.stop()
            self.made[kind] = server
        return self.made[kind]

    def world(self, kind, home):
        original = self.original(kind)
        server = self.server_on(kind, home)
        server.token = original.token
        copy_home(original.home, home)
        if server.database:
            self.create_database(server, name_of(original.database))
        return World(server, self.repository)

    def empty(self, kind, home):
        """A server that finds no folder, and no table in its database."""
        server = self.server_on(kind, home)
        self.create_database(server)
        return server


def name_of(database):
    return re.search(r":///(\w+)\?", database).group(1)


def copy_home(source, target):
    """A copy of a stopped server's folder. What is read-only and large is linked."""
    target.mkdir(mode=0o700)
    for path in source.iterdir():
        links = ["-l"] if path.name in ("cache", "environments") else []
        subprocess.run(["cp", "-a", *links, str(path), str(target)], check=True)


