"""What whole-program tests talk through: the program, its server, git repositories on the spot."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

TOOLS = pathlib.Path(__file__).resolve().parent.parent / "build" / "tools" / "bin"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def wait_until(what, check, timeout=60.0, every=0.1):
    """Gives the first true answer of `check()`; fails with `what` when none comes in time."""
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(every)


def let_others_in(folder):
    """Lets other users pass through the folder and those above it, down from the one for temporary files."""
    for path in (folder, *folder.parents):
        if path == pathlib.Path(tempfile.gettempdir()):
            return
        path.chmod(0o755)


class Repository:
    """A real git repository made on the spot."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self):
        return str(self.folder)

    def git(self, *args):
        env = dict(
            os.environ,
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL="/dev/null",
            GIT_AUTHOR_NAME="Ada",
            GIT_AUTHOR_EMAIL="ada@example.com",
            GIT_COMMITTER_NAME="Ada",
            GIT_COMMITTER_EMAIL="ada@example.com",
        )
        done = subprocess.run(["git", "-C", str(self.folder), *args], env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def write(self, files, executable=()):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if name in executable or text.startswith("#!"):
                path.chmod(0o755)

    def commit(self, files=None, message="change"):
        if files:
            self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


class Finished:
    """What a command printed, and how it ended."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Server:
    """`cupola server` on a free port, with an organization `acme`, its owner `ada`, and a token."""

    listen_on = "127.0.0.1"

    def __init__(self, build, home, env=None, args=()):
        self.program = pathlib.Path(build) / "cupola"
        self.home = pathlib.Path(home)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("CUPOLA_")}
        self.env.update({"PATH": f"{TOOLS}:{self.env['PATH']}", **(env or {})})
        self.args = list(args)
        self.process = None
        self.url = None
        self.port = 0
        self.log = []
        self.token = None

    def admin(self, *args, check=True, input=None):
        done = Finished(
            subprocess.run([str(self.program), "admin", *args, "--home", str(self.home)], env=self.env, text=True,
                           capture_output=True, timeout=60, input=input)
        )
        assert not check or done.code == 0, done
        return done

    def start(self):
        if self.token is None:
            self.admin("create-organization", "acme")
            self.admin("create-user", "ada", "--organization", "acme", "--role", "owner")
            self.token = self.admin("create-token", "ada", "--organization", "acme").out.strip()
        self.process = subprocess.Popen(
            [*self.wrapper(), str(self.program), "server", "--home", str(self.home), "--listen", f"{self.listen_on}:{self.port}",
             "--allow-local-repositories", *self.args],
            env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        ready = threading.Event()

        def read(process):
            for line in process.stdout:
                self.log.append(line.rstrip("\n"))
                found = re.match(r"listening on (http://[\d.]+:(\d+))", line)
                if found:
                    self.url, self.port = found.group(1), int(found.group(2))
                    ready.set()
            ready.set()

        threading.Thread(target=read, args=(self.process,), daemon=True).start()
        assert ready.wait(60) and self.url and self.process.poll() is None, "\n".join(self.log)

    def wrapper(self):
        return []

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def cupola(self, *args, check=True, input=None, timeout=300, cwd=None):
        env = dict(self.env, CUPOLA_URL=self.url, CUPOLA_TOKEN=self.token)
        done = Finished(
            subprocess.run([str(self.program), *args], env=env, text=True, capture_output=True, timeout=timeout, input=input, cwd=cwd)
        )
        assert not check or done.code == 0, done
        return done

    def request(self, method, path, body=None, token=None, headers=None):
        """(status, parsed body) of one request to the API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read().decode()
                return reply.status, json.loads(text) if text and "json" in reply.headers["Content-Type"] else text
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            return error.code, json.loads(text) if text else None

    def deploy(self, project, repository, name="prod", environment="prod", branch="main", directory=None):
        extra = ["--directory", directory] if directory else []
        self.cupola("project", "create", "--name", project, "--repository", repository.url, *extra)
        return self.cupola("deployment", "create", "--project", project, "--name", name, "--environment", environment,
                           "--branch", branch, "--wait", timeout=600)

    def runs(self, project, **filters):
        args = [word for key, value in filters.items() for word in (f"--{key}", value)]
        return self.cupola("history", "--project", project, *args, "--format", "json").json["runs"]

    def run(self, run_id):
        status, run = self.request("GET", f"/api/v1/runs/{run_id}")
        assert status == 200, run
        return run

    def wait_for_run(self, run_id, timeout=120):
        final = {"succeeded", "failed", "cancelled", "timed_out", "lost", "skipped"}
        return wait_until(f"run {run_id} ends", lambda: (r := self.run(run_id))["status"] in final and r, timeout)

    def states(self, project):
        status, answer = self.request("GET", f"/api/v1/projects/{project}/states")
        assert status == 200, answer
        return {state["state_id"]: state for state in answer["states"]}


def process_alive(pid):
    """Whether the process is there and no zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def example(name, folder):
    """A repository with the example project of that name."""
    shutil.copytree(ROOT / "examples" / name, folder, dirs_exist_ok=True)
    repository = Repository(folder)
    repository.commit(message="the example")
    return repository
