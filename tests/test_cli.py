"""The command line from outside: usage, errors, completion, and what needs no server."""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture
def cupola(build, tmp_path):
    """Runs the program with nothing of this user's own settings."""
    base = {k: v for k, v in os.environ.items() if not k.startswith("CUPOLA_")}
    base.update(XDG_CONFIG_HOME=str(tmp_path / "config"), XDG_DATA_HOME=str(tmp_path / "data"))

    def run(*args, input="", env=None):
        return subprocess.run([str(pathlib.Path(build) / "cupola"), *args], env={**base, **(env or {})}, input=input,
                              capture_output=True, text=True, timeout=60)

    return run


class Fake(http.server.BaseHTTPRequestHandler):
    """A server that answers as `answers` says: (method, path) to (status, type, body) or a function."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, body.decode(), dict(self.headers)))
        reply = self.server.answers.get((self.command, self.path.partition("?")[0]))
        if callable(reply):
            return reply(self)
        status, kind, text = reply or (404, "application/problem+json", json.dumps({"title": "Not found", "detail": "There is no such thing.", "status": 404}))
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *args):
        pass


@pytest.fixture
def fake():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    server.answers, server.asked = {}, []
    server.env = {"CUPOLA_URL": f"http://127.0.0.1:{server.server_port}", "CUPOLA_TOKEN": "cup_test"}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


RUN = {"id": "0" * 32, "project": "p", "deployment": "d", "schedule": None, "tasks": ["tap", "target"], "status": "succeeded",
       "trigger": "manual", "queued_at": "2026-11-23T03:18:00Z", "started_at": "2026-11-23T03:18:01Z",
       "ended_at": "2026-11-23T03:18:42Z", "exit_code": 0, "cause": None, "state_ids": ["prod:tap-to-target"]}


def as_json(value, status=200):
    return status, "application/json", json.dumps(value)


def test_wrong_usage_is_told_with_a_remedy(cupola):
    for words, expected in [
        (["scedule", "list"], "Did you mean schedule?"),
        (["schedule", "lst"], "Did you mean list?"),
        (["history", "--projct", "x"], "Did you mean --project?"),
        (["deployment"], "cupola deployment --help"),
        (["run", "--deployment", "d"], "Missing: NAME_OR_TASKS, --project"),
        (["run", "x", "--project", "p", "--deployment", "d", "--fo"], "Did you mean --follow?"),
        (["history", "--format", "xml"], "xml"),
        ([], "cupola --help"),
    ]:
        done = cupola(*words)
        assert done.returncode == 2, (words, done)
        assert done.stderr.startswith("cupola: ") and expected in done.stderr, (words, done.stderr)
        assert done.stdout == ""


def test_help_and_version(cupola):
    assert cupola("--version").stdout.startswith("cupola 0.")
    done = cupola("deployment", "create", "--help")
    assert done.returncode == 0 and "--branch" in done.stdout


def test_a_server_that_is_not_there_is_named_with_the_way_to_start_one(cupola):
    done = cupola("project", "list", env={"CUPOLA_URL": "http://127.0.0.1:9", "CUPOLA_TOKEN": "cup_x"})

    assert done.returncode == 1
    assert "http://127.0.0.1:9" in done.stderr and "cupola server --listen 127.0.0.1:9" in done.stderr


def test_without_a_token_one_is_told_how_to_sign_in(cupola):
    done = cupola("project", "list")

    assert done.returncode == 1
    assert "cupola login" in done.stderr


def test_login_checks_and_keeps_the_token_for_its_server_alone(cupola, fake, tmp_path):
    who = {"login": "ada", "role": "owner", "organization": {"id": "x", "name": "acme", "account_number": "CUP-1"}, "token": "t"}
    fake.answers["GET", "/api/v1/whoami"] = as_json(who)
    url = fake.env["CUPOLA_URL"]

    assert cupola("login", url, input="cup_typed\n").returncode == 0
    kept = tmp_path / "config" / "cupola" / "login.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    done = cupola("whoami", "--format", "json")
    assert json.loads(done.stdout) == who
    assert fake.asked[-1][3]["Authorization"] == "Bearer cup_typed"
    assert "not signed in" in cupola("whoami", env={"CUPOLA_URL": "http://127.0.0.1:9"}).stderr
    cupola("logout")
    assert not kept.exists()

    fake.answers["GET", "/api/v1/whoami"] = (401, "application/problem+json", json.dumps({"title": "Not signed in", "status": 401, "detail": "The token is not known."}))
    refused = cupola("login", url, input="cup_wrong\n")
    assert refused.returncode == 1 and "The token is not known." in refused.stderr and not kept.exists()


def test_problems_of_the_server_come_with_their_hint(cupola, fake):
    problem = {"title": "Conflict", "status": 409, "detail": "There is a project shop.", "hint": "Choose another name."}
    fake.answers["POST", "/api/v1/projects"] = (409, "application/problem+json", json.dumps(problem))

    done = cupola("project", "create", "--name", "shop", "--repository", "x", env=fake.env)

    assert done.returncode == 1
    assert done.stderr == "cupola: There is a project shop. Choose another name.\n"


def test_lists_follow_their_cursors_and_names_are_encoded(cupola, fake):
    def page(request):
        first = "cursor" not in request.path
        number = 1 if first else 2
        text = json.dumps({"states": [{"state_id": f"id-{number}", "version": number, "run": None, "origin": "set", "updated_at": "2026-11-23T03:18:00Z"}], "next": "c 1" if first else None}).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    fake.answers["GET", "/api/v1/projects/a%2Fb/states"] = page

    as_table = cupola("state", "list", "--project", "a/b", env=fake.env)
    assert as_table.stdout.splitlines()[1].split() == ["id-1", "1", "set", "2026-11-23", "03:18:00"]
    assert "cursor=c%201" in fake.asked[-1][1]
    listed = json.loads(cupola("state", "list", "--project", "a/b", "--format", "json", env=fake.env).stdout)
    assert [s["state_id"] for s in listed["states"]] == ["id-1", "id-2"] and listed["next"] is None
    assert "| id-2 |" in cupola("state", "list", "--project", "a/b", "--format", "markdown", env=fake.env).stdout


def stream(*pieces):
    """Answers with one piece of an event stream a connection, each cut off after it."""
    rest = list(pieces)

    def send(request):
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(rest.pop(0).encode())
        request.close_connection = True

    return send


def line(number, text, level="info"):
    data = {"number": number, "time": "2026-11-23T03:18:01Z", "stream": "error", "plugin": "tap", "level": level, "text": text}
    return f"event: line\nid: {number}\ndata: {json.dumps(data)}\n\n"


def test_following_goes_on_over_a_broken_connection(cupola, fake):
    fake.answers["POST", "/api/v1/projects/p/deployments/d/runs"] = as_json(dict(RUN, status="queued"), 201)
    fake.answers["GET", f"/api/v1/runs/{RUN['id']}/log"] = stream(
        line(0, "sent 1") + line(1, "se"), line(2, "sent 3\x1b[2J") + f"event: end\ndata: {json.dumps(RUN)}\n\n")

    done = cupola("run", "tap", "target", "--project", "p", "--deployment", "d", "--env", "A=1", "--env", "B=x=y", "--follow", env=fake.env)

    assert done.returncode == 0, done
    assert done.stdout.splitlines() == [
        "03:18:01 tap           sent 1",
        "03:18:01 tap           se",
        "03:18:01 tap           sent 3\\x1b[2J",
        "succeeded in 41 s, exit code 0; state prod:tap-to-target",
    ]
    asked = json.loads(next(body for method, _, body, _ in fake.asked if method == "POST"))
    assert asked == {"words": ["tap", "target"], "env": {"A": "1", "B": "x=y"}}
    assert fake.asked[-1][3]["Last-Event-ID"] == "1"


def test_a_followed_run_that_failed_gives_exit_code_1_and_its_cause(cupola, fake):
    failed = dict(RUN, status="failed", exit_code=1, cause="tap could not connect")
    fake.answers["GET", f"/api/v1/runs/{RUN['id']}/log"] = stream(line(0, "boom", "error") + f"event: end\ndata: {json.dumps(failed)}\n\n")

    done = cupola("logs", RUN["id"], "--follow", env=fake.env)

    assert done.returncode == 1
    assert "failed in 41 s, exit code 1: tap could not connect" in done.stdout


def test_ctrl_c_leaves_a_followed_run_going_and_says_how_to_stop_it(build, cupola, fake):
    reached, over = threading.Event(), threading.Event()

    def hang(request):
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        request.wfile.write(line(0, "sent 1").encode())
        request.wfile.flush()
        reached.set()
        over.wait(30)

    fake.answers["GET", f"/api/v1/runs/{RUN['id']}/log"] = hang
    process = subprocess.Popen([str(pathlib.Path(build) / "cupola"), "logs", RUN["id"], "--follow"], env={**os.environ, **fake.env},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reached.wait(30)
    assert "sent 1" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    over.set()

    assert process.returncode == -signal.SIGINT
    assert f"cupola stop {RUN['id']}" in told
    assert not any(method == "POST" for method, *_ in fake.asked)


def test_a_failed_deploy_is_told_with_its_reason(cupola, fake):
    deployment = {"name": "prod", "slug": "prod", "last_release": {"number": 3, "status": "queued", "error": None, "commit": None}}
    fake.answers["POST", "/api/v1/projects/p/deployments"] = as_json(deployment, 201)
    end = {"status": "failed", "error": "meltano.yml:3: there is no job nightly"}
    fake.answers["GET", "/api/v1/projects/p/deployments/prod/releases/3/log"] = stream(
        'event: line\nid: 9\ndata: {"text": "Fetching"}\n\n' + f"event: end\ndata: {json.dumps(end)}\n\n")

    done = cupola("deployment", "create", "--project", "p", "--name", "prod", "--environment", "prod", "--branch", "main", "--wait", env=fake.env)

    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Fetching"
    assert "meltano.yml:3: there is no job nightly" in done.stderr


def test_a_secret_comes_from_standard_input_without_its_newline(cupola, fake):
    fake.answers["PUT", "/api/v1/projects/p/secrets/KEY"] = (204, "text/plain", "")

    assert cupola("secret", "set", "KEY", "--project", "p", "--deployment", "d", input="s3cret\n", env=fake.env).returncode == 0

    method, path, body, _ = fake.asked[-1]
    assert path.endswith("?deployment=d") and json.loads(body) == {"value": "s3cret"}
    assert cupola("secret", "set", "KEY", "--project", "p", env=fake.env).returncode == 1


def test_state_set_refuses_what_is_no_json_before_it_asks(cupola, fake):
    done = cupola("state", "set", "x", "--project", "p", input="{torn", env=fake.env)

    assert done.returncode == 1 and "no JSON" in done.stderr and fake.asked == []


def test_cron_tells_words_and_fires(cupola):
    done = cupola("cron", "*/15 * * * *", "--from", "2026-11-23T00:00:00Z", "--count", "3", "--offset", "3", "--format", "json")
    answer = json.loads(done.stdout)
    assert list(answer) == ["expression", "description", "fires"]
    assert answer["fires"] == ["2026-11-23T00:03:00Z", "2026-11-23T00:18:00Z", "2026-11-23T00:33:00Z"]

    shifted = json.loads(cupola("cron", "0 9 * * *", "--timezone", "Europe/Berlin", "--from", "2026-11-23", "--count", "1", "--format", "json").stdout)
    assert shifted["fires"] == ["2026-11-23T08:00:00Z"]
    assert "2026-11-23 09:00:00" in cupola("cron", "0", "9", "*", "*", "*", "--timezone", "Europe/Berlin", "--from", "2026-11-23").stdout
    assert json.loads(cupola("cron", "@manual", "--format", "json").stdout)["fires"] == []
    refused = cupola("cron", "0 0 9 * * *")
    assert refused.returncode == 1 and refused.stderr.startswith("cupola: ")


def test_inspect_shows_a_project_and_every_fault(cupola, tmp_path):
    good = cupola("inspect", str(ROOT / "examples" / "shop"), "--format", "json")
    assert good.returncode == 0, good
    assert json.loads(good.stdout)["ok"]
    assert "orders-quarter-hourly" in cupola("inspect", str(ROOT / "examples" / "shop")).stdout

    (tmp_path / "meltano.yml").write_text("version: 1\nschedules:\n- name: nightly\n")
    bad = cupola("inspect", str(tmp_path))
    assert bad.returncode == 1
    assert "meltano.yml:3:" in bad.stdout
    assert json.loads(cupola("inspect", str(tmp_path), "--format", "json").stdout)["faults"]


def test_completion_in_bash_asks_the_program(build, cupola, tmp_path):
    script = tmp_path / "completion.bash"
    script.write_text(cupola("completion", "bash").stdout)
    subprocess.run(["bash", "-n", str(script)], check=True)
    asked = f"""
      source {script}
      complete -p cupola
      COMP_WORDS=({pathlib.Path(build) / "cupola"} schedule en); COMP_CWORD=2; _cupola; echo "${{COMPREPLY[*]}}"
      COMP_WORDS=({pathlib.Path(build) / "cupola"} history --format ""); COMP_CWORD=3; _cupola; echo "${{COMPREPLY[*]}}"
    """
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["enable", "json", "markdown", "table"] or done.stdout.split()[-4:] == ["enable", "json", "markdown", "table"]
    for shell in ("zsh", "fish"):
        assert "__complete" in cupola("completion", shell).stdout


def test_doctor_says_what_is_there_and_what_is_missing(cupola, tmp_path):
    found = {check["name"]: check for check in json.loads(cupola("doctor", "--format", "json").stdout)["checks"]}
    assert set(found) == {"git", "uv", "python3", "bwrap", "sandbox", "disk", "server"}
    assert found["git"]["state"] == "ok" and "git version" in found["git"]["found"]

    done = cupola("doctor", env={"PATH": str(tmp_path)})
    assert done.returncode == 1 and "apt-get install git" in done.stdout


def test_admin_makes_the_home_and_prints_the_token_alone(cupola, tmp_path):
    home = tmp_path / "home"
    assert cupola("admin", "create-organization", "acme", "--home", str(home)).returncode == 0
    assert home.stat().st_mode & 0o777 == 0o700
    user = ["admin", "create-user", "ada", "--organization", "acme", "--home", str(home)]
    assert cupola(*user, "--role", "owner", "--password-stdin", input="a long password\n").returncode == 0
    token = cupola("admin", "create-token", "ada", "--organization", "acme", "--home", str(home))
    assert token.returncode == 0 and token.stdout.startswith("cup_") and len(token.stdout.split()) == 1

    again = cupola("admin", "create-organization", "acme", "--home", str(home))
    assert again.returncode == 1 and "acme" in again.stderr
    assert cupola(*user, "--role", "king").returncode == 2
    nobody = cupola("admin", "create-token", "eve", "--organization", "acme", "--home", str(home))
    assert nobody.returncode == 1 and "cupola admin create-user eve" in nobody.stderr and nobody.stdout == ""
    assert "create-organization other" in cupola("admin", "create-token", "ada", "--organization", "other", "--home", str(home)).stderr
