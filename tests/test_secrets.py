"""A secret's value is where the run reads it, and nowhere else."""

import pathlib
import threading

import pytest
from harness import Repository, Server, let_others_in, wait_until
from projects import TAP, numbers

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


SHOWING_TAP = TAP.replace("last = 0\n", '''last = 0
for name in os.environ.get("SHOW", "").split():
    print(f"{name} is [{os.environ.get(name)}]", file=sys.stderr, flush=True)
if os.environ.get("KEY_FILE"):
    text = open(os.environ["KEY_FILE"]).read()
    print(f"the file {os.environ['KEY_FILE']} has {len(text)} characters: {text!r}", file=sys.stderr, flush=True)
''', 1)


@pytest.fixture(scope="module")
def allowed(tmp_path_factory):
    """A folder from which values may be fetched, and a program that may be asked."""
    folder = tmp_path_factory.mktemp("allowed")
    let_others_in(folder)
    (folder / "files").mkdir()
    program = folder / "vault"
    program.write_text('#!/bin/sh\n[ "$1" = get ] || { echo "sealed: $1" >&2; exit 7; }\nprintf "%s" "$2-from-the-vault"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def many(on_each_database, tmp_path_factory, warm, allowed):
    """A server on each database with the project `p`, whose tap shows what it was given."""
    home = warm(tmp_path_factory.mktemp("secrets") / "home")
    own = on_each_database(home)
    own.args += ["--secret-files", str(allowed / "files"), "--secret-programs", str(allowed / "vault")]
    own.start()
    repository = Repository(tmp_path_factory.mktemp("repository"))
    repository.commit(numbers({"tap.py": SHOWING_TAP}))
    own.deploy("p", repository)
    own.repository = repository
    yield own
    own.stop()


def log_of(server, *more, status="succeeded"):
    run = server.cupola("run", "load", "--project", "p", "--deployment", "prod", "--env", "TOP=1", *more, "--format", "json").json
    ended = server.wait_for_run(run["id"])
    assert ended["status"] == status, (ended, server.cupola("logs", run["id"], check=False).out)
    return server.cupola("logs", run["id"], check=False).out, ended


def test_each_form_reaches_the_run_as_it_should(many):
    many.cupola("secret", "set", "KEY_FILE", "--project", "p", "--as-file", input="first line of it\nsecond line of it\n")
    many.cupola("secret", "set", "REGION", "--project", "p", "--plain", input="eu-west-1")
    many.cupola("secret", "set", "GIT_SSH_PRIVATE_KEY", "--project", "p", input="the private key of git")
    short = many.cupola("secret", "set", "PIN", "--project", "p", input="12345")
    assert "under 6 characters are not masked" in short.err, short

    log, _ = log_of(many, "--env", "SHOW=REGION PIN GIT_SSH_PRIVATE_KEY")

    assert "REGION is [eu-west-1]" in log and "PIN is [12345]" in log and "GIT_SSH_PRIVATE_KEY is [None]" in log, log
    assert "the file /run/secrets/KEY_FILE has 34 characters: '****" in log and "line of it" not in log, log
    assert many.cupola("secret", "get", "REGION", "--project", "p").out == "eu-west-1\n"
    refused = many.cupola("secret", "get", "PIN", "--project", "p", check=False)
    assert refused.code == 1 and "never shown" in refused.err
    listed = many.cupola("secret", "list", "--project", "p").out
    assert "eu-west-1" in listed and "secret, as a file" in listed and "12345" not in listed
    for name in ("KEY_FILE", "REGION", "GIT_SSH_PRIVATE_KEY", "PIN"):
        many.cupola("secret", "delete", name, "--project", "p")


def test_a_file_of_secrets_is_set_whole_or_not_at_all(many, tmp_path):
    file = tmp_path / ".env"
    file.write_text("# for p\nA='first of all'\n\nLD_PRELOAD=/tmp/x.so\nB=\"never closed\nMELTANO_RUN_ID=1\n")
    refused = many.cupola("secret", "import", str(file), "--project", "p", check=False)
    assert refused.code == 1 and all(part in refused.err for part in ("line 4: ", "puts foreign code", "line 5: ", "line 6: ")), refused
    assert many.cupola("secret", "list", "--project", "p", "--format", "json").json["secrets"] == []

    file.write_text("export A='first of all'\nSHORT=abc # so it is\nB=\"${A},\n and more\"\n")
    done = many.cupola("secret", "import", str(file), "--project", "p")
    assert "3 variables are set" in done.out and "too short to be masked in logs: SHORT" in done.err, done
    log, _ = log_of(many, "--env", "SHOW=A B SHORT")
    assert "A is [****]" in log and "SHORT is [abc]" in log and "first of all" not in log, log
    audit = many.cupola("audit", "--kind", "secret", "--format", "json").json["audit"][0]
    assert audit["action"] == "secret.import" and audit["after"]["names"] == ["A", "B", "SHORT"] and "first" not in str(audit)
    for name in ("A", "B", "SHORT"):
        many.cupola("secret", "delete", name, "--project", "p")


def test_names_that_would_take_over_the_run_are_refused_with_the_reason(many):
    for name, reason in [("LD_PRELOAD", "foreign code"), ("PYTHONPATH", "what Meltano and its plugins load"), ("PATH", "which programs"),
                         ("GIT_SSH_COMMAND", "what git does"), ("MELTANO_STATE_BACKEND_URI", "state: project"), ("BASH_ENV", "shell")]:
        refused = many.cupola("secret", "set", name, "--project", "p", input="value-of-it", check=False)
        assert refused.code == 1 and reason in refused.err, refused
    assert many.cupola("secret", "set", "MELTANO_CLI_LOG_LEVEL", "--project", "p", input="info-or-so", check=False).code == 0
    many.cupola("secret", "delete", "MELTANO_CLI_LOG_LEVEL", "--project", "p")


def test_an_operator_sees_neither_names_nor_values(many):
    many.cupola("secret", "set", "HIDDEN", "--project", "p", input=VALUE)
    many.cupola("service-account", "create", "op", "--role", "operator")
    token = many.cupola("token", "create", "--service-account", "op").out.strip()
    for method, path, body in [("GET", "", None), ("GET", "/HIDDEN", None), ("PUT", "/HIDDEN", {"value": "x"}), ("DELETE", "/HIDDEN", None),
                               ("POST", "/import", {"dotenv": "A=b"})]:
        status, answer = many.request(method, "/api/v1/projects/p/secrets" + path, body, token=token)
        assert status == 403 and "HIDDEN" not in str(answer) and VALUE not in str(answer), (method, path, answer)
    many.cupola("service-account", "delete", "op", "--yes")
    many.cupola("secret", "delete", "HIDDEN", "--project", "p")


def test_a_value_that_lies_elsewhere_is_fetched_when_the_run_starts(many, allowed):
    (allowed / "files" / "token").write_text("value-in-a-file\n")
    many.cupola("secret", "set", "A", "--project", "p", "--from", f"file:{allowed}/files/token")
    many.cupola("secret", "set", "B", "--project", "p", "--from", f"exec:{allowed}/vault get word")
    assert f"from file:{allowed}/files/token" in many.cupola("secret", "list", "--project", "p").out
    log, _ = log_of(many, "--env", "SHOW=A B")
    assert "A is [****]" in log and "B is [****]" in log and "in-a-file" not in log and "from-the-vault" not in log, log

    for source in ("file:/etc/passwd", f"file:{allowed}/files/../vault", "exec:/bin/cat /etc/passwd", "vault:x"):
        refused = many.cupola("secret", "set", "C", "--project", "p", "--from", source, check=False)
        assert refused.code == 1 and refused.err, refused
    many.cupola("secret", "set", "B", "--project", "p", "--from", f"exec:{allowed}/vault lost")
    _, ended = log_of(many, status="failed")
    assert "The secret B cannot be had" in ended["cause"] and "exit code 7: sealed: lost" in ended["cause"], ended
    many.cupola("secret", "delete", "A", "--project", "p")
    many.cupola("secret", "delete", "B", "--project", "p")


def test_a_root_env_that_beats_a_secret_is_a_warning_of_the_plan(many):
    many.cupola("secret", "set", "REGION", "--project", "p", input="eu-west-1-secret")
    many.repository.commit({"meltano.yml": numbers()["meltano.yml"] + "env:\n  REGION: us-east-1\n"})
    plan = many.cupola("deployment", "plan", "prod", "--project", "p")
    assert "sets REGION, which beats the secret" in plan.err and "us-east-1" not in plan.err and plan.code == 0, plan
    many.repository.commit({"meltano.yml": numbers()["meltano.yml"]})
    many.cupola("secret", "delete", "REGION", "--project", "p")


def test_the_key_is_rotated_beside_a_server_that_runs(many):
    many.cupola("secret", "set", "SPEAK", "--project", "p", input=VALUE)
    before = (many.home / "key").read_text()

    done = many.admin("rotate-key")

    assert "sealed anew" in done.out and (many.home / "key").read_text() != before
    log, _ = log_of(many)
    assert "the word is ****" in log
    told = many.cupola("audit", "--actor", "admin", "--format", "json").json["audit"][0]
    assert told["action"] == "organization.rotate_key" and told["after"]["key"] in done.out
    many.cupola("secret", "delete", "SPEAK", "--project", "p")


FAKE_SSH = '''#!/bin/sh
for word in "$@"; do
  case $word in IdentityFile=*) key=$(printf %s "${word#IdentityFile=}" | tr -d '"');; esac
  last=$word
done
echo "$*" >> FOLDER/calls
cat "$key" >> FOLDER/keys
exec sh -c "$last"
'''


def test_gits_key_is_used_for_git_alone(build, tmp_path, warm):
    """ssh is another program here, which notes the key that it was given and goes to the folder itself."""
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin" / "ssh"
    ssh.write_text(FAKE_SSH.replace("FOLDER", str(tmp_path)))
    ssh.chmod(0o755)
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers({"tap.py": SHOWING_TAP}))
    server = Server(build, warm(tmp_path / "home"))
    server.env["PATH"] = f"{tmp_path / 'bin'}:{server.env['PATH']}"
    server.start()
    try:
        server.cupola("project", "create", "--name", "p", "--repository", f"ssh://git@git.example{repository.folder}")
        server.cupola("secret", "set", "GIT_SSH_PRIVATE_KEY", "--project", "p", input="-----BEGIN KEY-----\nopen-sesame-4711\n-----END KEY-----")
        server.cupola("deployment", "create", "--project", "p", "--name", "prod", "--environment", "prod", "--branch", "main", "--wait")
        log, _ = log_of(server, "--env", "SHOW=GIT_SSH_PRIVATE_KEY")
    finally:
        server.stop()
    assert (tmp_path / "keys").read_text().startswith("-----BEGIN KEY-----\nopen-sesame-4711\n-----END KEY-----\n")
    assert "IdentitiesOnly=yes" in (tmp_path / "calls").read_text() and VALUE not in (tmp_path / "calls").read_text()
    assert "GIT_SSH_PRIVATE_KEY is [None]" in log
    assert files_with(server.home, VALUE.encode()) == []
