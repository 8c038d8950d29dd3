"""A PostgreSQL of a test's own, and servers on it."""

import os
import pathlib
import signal
import subprocess

from harness import ROOT, Server, let_others_in, wait_until

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))


class Postgres:
    """A PostgreSQL of its own in a folder, reached by a socket there."""

    def __init__(self, folder):
        self.folder = folder
        # The server is another user's, who must get there.
        let_others_in(folder.parent)
        self.url = self.tool("start").stdout.strip()

    def tool(self, action):
        return subprocess.run([str(ROOT / "tools" / "test_postgres"), action, str(self.folder)], check=True, capture_output=True, text=True)

    def control(self, *args):
        owner = self.folder.joinpath("data").stat().st_uid
        user = ["setpriv", f"--reuid={owner}", f"--regid={self.folder.joinpath('data').stat().st_gid}", "--clear-groups"] if owner else []
        log = self.folder / "data" / "server.log"
        subprocess.run([*user, str(PROGRAMS[-1] / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-l", str(log), *args],
                       check=True, capture_output=True, cwd="/")

    def stop(self):
        self.control("-m", "fast", "stop")

    def start(self):
        self.control("-o", f"-k {self.folder} -c listen_addresses=''", "start")

    def crash(self):
        """Ends it as if it had crashed: what is open breaks without a last word that counts."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)

    def start_after_crash(self):
        def started():
            try:
                self.start()
            except subprocess.CalledProcessError:
                return False  # the one that crashed is not gone yet
            return True
        wait_until("PostgreSQL starts again", started, every=0.5)

    def url_of(self, database):
        return self.url.replace(":///postgres?", f":///{database}?")

    def query(self, sql, database="postgres"):
        """The rows of one statement, each a list of texts."""
        done = subprocess.run([str(PROGRAMS[-1] / "psql"), "-X", "-At", "-F", "\x1f", "-d", self.url_of(database), "-c", sql],
                              check=True, capture_output=True, text=True)
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def run(self, sql, url):
        """Several statements in the database of that URL."""
        subprocess.run([str(PROGRAMS[-1] / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url], input=sql, check=True, text=True, capture_output=True)


class PostgresServer(Server):
    def __init__(self, build, home, database):
        super().__init__(build, home, args=["--database", database])
        self.database = database

    def admin(self, *args, **more):
        return super().admin(*args, "--database", self.database, **more)
