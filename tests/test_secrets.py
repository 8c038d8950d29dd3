"""A secret's value is where the run reads it, and nowhere else."""

import pathlib
import threading

from harness import Repository, wait_until
from projects import numbers

VALUE = "open-sesame-4711"


class Watch(threading.Thread):
    """Looks at the command lines of all processes until it is told to stop."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self.found = []
        self.looks = 0

    def run(self):
        while not self.ended.wait(0.02):
            self.looks += 1
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                except OSError:
                    continue
                if VALUE.encode() in words:
                    self.found.append(words)


def files_with(home, text, apart_from=()):
    """Files of the server that hold the text; packages and what is built of them are older than any secret."""
    skipped = [home / name for name in ("cache", "environments", *apart_from)]
    return [str(path) for path in home.rglob("*")
            if path.is_file() and not path.is_symlink() and not any(map(path.is_relative_to, skipped)) and text in path.read_bytes()]


def test_a_secret_is_in_no_file_no_log_and_no_command_line(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    watch = Watch()
    watch.start()
    server.cupola("project", "create", "--name", "p", "--repository", repository.url)
    server.cupola("secret", "set", "SPEAK", "--project", "p", input=VALUE)
    server.cupola("deployment", "create", "--project", "p", "--name", "prod", "--environment", "prod", "--branch", "main", "--wait")

    run = server.cupola("run", "load", "--project", "p", "--deployment", "prod", "--env", "TOP=20", "--env", "PAUSE=0.1", "--format", "json").json
    wait_until("it speaks", lambda: "the word is ****" in server.cupola("logs", run["id"], check=False).out)
    # Its own folder is the run's: plugins may write there what they know, and it goes with the run.
    while_running = files_with(server.home, VALUE.encode(), apart_from=["runs"])
    assert server.wait_for_run(run["id"])["status"] == "succeeded"
    watch.ended.set()
    watch.join()

    assert while_running == [] and files_with(server.home, VALUE.encode()) == []
    assert watch.looks > 20 and watch.found == []
    assert VALUE not in "\n".join(server.log)
    answers = [server.request("GET", path)[1] for path in
               ("/api/v1/projects/p/secrets", f"/api/v1/runs/{run['id']}", f"/api/v1/runs/{run['id']}/log")]
    assert VALUE not in str(answers) and "SPEAK" in str(answers[0])
