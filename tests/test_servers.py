"""Several servers on one PostgreSQL, with one key file, one log store, and a folder each."""

import datetime
import json
import os
import signal
import subprocess
import time

import pytest
from harness import Repository, let_others_in, process_alive, wait_until
from postgres_proxy import PostgresProxy
from projects import numbers
from receivers import Sink
from test_postgres import PROGRAMS, PostgresServer
from test_shifted_clock import LIBRARIES, ShiftedServer, instant

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")

OTHERS = "prod:tap-others-to-target-lines"
MINUTE = datetime.timedelta(minutes=1)


class Member(PostgresServer, ShiftedServer):
    """One of the servers. `seconds` ahead is its clock, where faketime is there."""

    def __init__(self, build, home, database, shared, *args):
        super().__init__(build, home, database)
        self.args += ["--key-file", str(shared / "key"), "--log-store", str(shared / "logs"), "--persist-store", str(shared / "kept"), "--lease", "10s", *args]

    def holds(self, run):
        """Whether the run's folder is here."""
        return (self.home / "runs" / run["id"]).exists()

    def pid_of(self, run):
        return json.loads((self.home / "runs" / run["id"] / "supervisor.json").read_text())["pid"]


class Fleet:
    def __init__(self, build, folder, warm, url):
        self.build, self.folder, self.warm, self.url = build, folder, warm, url
        self.servers = []
        self.token = None
        (folder / "shared").mkdir(mode=0o755)

    def start(self, name, *args, seconds=0):
        server = Member(self.build, self.warm(self.folder / name), self.url, self.folder / "shared", *args)
        server.seconds = seconds
        server.token = self.token
        server.start()
        self.token = server.token
        self.servers.append(server)
        return server

    def stop(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGCONT)
        for server in self.servers:
            server.stop()


@pytest.fixture(scope="module")
def fleet(build, tmp_path_factory, warm, postgres):
    made = Fleet(build, tmp_path_factory.mktemp("fleet"), warm, postgres.url)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def front(fleet):
    """The one that people and programs talk to; it runs nothing and fires nothing."""
    return fleet.start("front", "--components", "api")


@pytest.fixture(scope="module")
def back(fleet, front):
    """The one that works; it is asked nothing."""
    return fleet.start("back", "--components", "scheduler,runner")


@pytest.fixture(scope="module")
def project(front, back, tmp_path_factory):
    """Deployed, and firing each minute from now on."""
    repository = Repository(tmp_path_factory.mktemp("project") / "repository")
    repository.commit(numbers())
    front.deploy("data", repository)
    front.cupola("schedule", "enable", "--project", "data", "--deployment", "prod", "minutely")
    return {"name": "data", "enabled": datetime.datetime.now(datetime.timezone.utc)}


def start(server, job="load-others", **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    return server.cupola("run", job, "--project", "data", "--deployment", "prod", *extra, "--format", "json").json


def sent(server, run):
    text = server.cupola("logs", run["id"], check=False).out
    return [int(line.rsplit("sent ", 1)[1].split()[0]) for line in text.splitlines() if "sent " in line]


def fires(server):
    """The instants at which the schedule was due, with its constant offset."""
    runs = server.runs("data", schedule="minutely")
    return sorted(instant(run["due_at"]) for run in runs if run["trigger"] == "schedule")


def true_time():
    return datetime.datetime.now(datetime.timezone.utc)


def test_a_server_does_its_parts_alone(front, back, project):
    assert back.request("GET", "/healthz")[0] == 200 and back.request("GET", "/readyz")[0] == 200
    status, problem = back.request("GET", "/api/v1/runs")
    assert status == 404 and "--components" in problem["hint"], problem

    run = start(front, TOP=3)
    ended = front.wait_for_run(run["id"])
    assert ended["status"] == "succeeded", ended
    alive = instant(ended["started_at"]) - instant(ended["queued_at"])
    print(f"asked for on one server, its program was alive on the other after {alive.total_seconds():.3f} s")
    assert sent(front, run) == [1, 2, 3]
    assert not list((front.home / "runs").glob("*")) and not (front.home / "logs").exists()
    assert list((front.home.parent / "shared" / "logs").glob("*/*"))


def test_a_run_on_another_server_is_followed_live_and_stopped(front, back, project):
    run = start(front, TOP=1000, PAUSE=0.1)
    wait_until("its log comes", lambda: len(sent(front, run)) > 3)
    assert back.holds(run) and front.run(run["id"])["status"] == "running"
    follower = subprocess.Popen([str(front.program), "logs", run["id"], "--follow"], text=True, stdout=subprocess.PIPE,
                                env=dict(front.env, CUPOLA_URL=front.url, CUPOLA_TOKEN=front.token))
    for line in follower.stdout:
        if "sent 20" in line:
            break
    assert follower.poll() is None, "it follows what is written meanwhile"
    pid = back.pid_of(run)

    front.cupola("stop", run["id"])
    assert front.wait_for_run(run["id"])["status"] == "cancelled"
    assert follower.wait(30) is not None
    follower.stdout.close()
    wait_until("its supervisor ends", lambda: not process_alive(pid))


def test_a_server_with_another_key_is_refused(fleet, front, tmp_path):
    (tmp_path / "home").mkdir()
    done = subprocess.run([str(front.program), "server", "--home", str(tmp_path / "home"), "--database", fleet.url, "--listen", "127.0.0.1:0"],
                          env=front.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "sealed with the key" in done.stderr and str(tmp_path / "home" / "key") in done.stderr, done


def test_case_04_a_server_that_hangs_loses_its_run_and_does_no_harm_later(fleet, front, back, project):
    second = fleet.start("second", "--components", "scheduler,runner")
    lost = start(front, TOP=100000, PAUSE=0.1)
    wait_until("its log comes", lambda: len(sent(front, lost)) > 3)
    holder, other = (back, second) if back.holds(lost) else (second, back)
    pid = holder.pid_of(lost)
    os.kill(holder.process.pid, signal.SIGSTOP)
    hung = time.monotonic()
    try:
        waiting = start(front, TOP=5)
        ended = front.wait_for_run(lost["id"], timeout=90)
        print(f"lost after {time.monotonic() - hung:.1f} s")
        assert ended["status"] == "lost", ended
        # The other server, which never saw the release, fetches it and goes on with what it waited for.
        assert front.wait_for_run(waiting["id"])["status"] == "succeeded"
        assert (other.home / "releases").exists()
        state = front.states("data")[OTHERS]
        assert state["run"] == waiting["id"] and state["final"]
    finally:
        os.kill(holder.process.pid, signal.SIGCONT)

    wait_until("what it held ends", lambda: not process_alive(pid))
    wait_until("nothing of it is left", lambda: not holder.holds(lost))
    assert front.run(lost["id"]) == ended
    assert front.states("data")[OTHERS] == state
    again = start(front, TOP=1)
    assert front.wait_for_run(again["id"])["status"] == "succeeded"


@pytest.mark.skipif(not LIBRARIES, reason="faketime is not installed")
def test_case_05_a_server_with_a_wrong_clock_takes_over_and_fires_on_time(fleet, front, back, project):
    wrong = fleet.start("wrong", "--components", "scheduler,runner", seconds=3 * 3600)
    assert any("ahead of the database's" in line for line in wrong.log), wrong.log
    # A run that its server leaves behind would hold its schedule's next one up.
    wait_until("no run is open", lambda: not [run for run in front.runs("data") if run["ended_at"] is None])
    for server in fleet.servers:
        if server not in (front, wrong) and server.process.poll() is None:
            server.kill()
    killed = true_time()

    fire = wait_until("the next fire comes", lambda: [time for time in fires(front) if time > killed], timeout=100)[0]
    run = next(run for run in front.runs("data", schedule="minutely") if instant(run["due_at"]) == fire)
    ended = front.wait_for_run(run["id"])
    assert ended["status"] == "succeeded" and ended["trigger"] == "schedule", ended
    late = instant(ended["started_at"]) - instant(ended["due_at"])
    print(f"the fire after the kill started {late.total_seconds():.3f} s after it was due")
    assert datetime.timedelta(0) <= late < datetime.timedelta(seconds=15)
    assert instant(ended["ended_at"]) < true_time()
    status, page = front.request("GET", f"/api/v1/runs/{run['id']}/log")
    assert status == 200 and all(killed < instant(line["time"]) < true_time() for line in page["lines"]), page


def test_case_05_no_fire_was_lost_or_doubled_by_all_of_that(front, project):
    due = wait_until("there are two fires", lambda: len(found := fires(front)) >= 2 and found, timeout=100)
    assert project["enabled"] < due[0] < project["enabled"] + MINUTE and due[-1] <= true_time(), due
    runs = [run for run in front.runs("data", schedule="minutely") if run["trigger"] != "manual"]
    nominal = sorted(instant(run["scheduled_at"]) for run in runs)
    assert len(nominal) >= 2 and len(nominal) == len(set(nominal)), nominal
    assert sum(run["stands_for"] for run in runs) == (nominal[-1] - nominal[0]) // MINUTE + 1, nominal


@pytest.fixture(scope="module")
def database_behind_a_proxy(postgres):
    subprocess.run([str(PROGRAMS[-1] / "createdb"), "-h", str(postgres.folder), "-U", "postgres", "proxied"], check=True)
    proxy = PostgresProxy(postgres.folder, "proxied")
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def proxied(build, tmp_path_factory, warm, database_behind_a_proxy):
    server = PostgresServer(build, warm(tmp_path_factory.mktemp("proxied") / "home"), database_behind_a_proxy.url)
    server.start()
    repository = Repository(tmp_path_factory.mktemp("proxied-project") / "repository")
    repository.commit(numbers())
    server.deploy("data", repository)
    yield server
    server.stop()


def ask_once(server, key):
    """The run, however often it is asked for; nothing while the server cannot answer."""
    status, run = server.request("POST", "/api/v1/projects/data/deployments/prod/runs", {"name": "load-others", "env": {"TOP": "1"}},
                                 headers={"Idempotency-Key": key})
    return run if status == 201 else None


def test_case_08_commits_whose_answer_is_lost_start_each_run_once(proxied, database_behind_a_proxy):
    proxy = database_behind_a_proxy
    going_on = start(proxied, "load", TOP=60, PAUSE=0.2)
    wait_until("it sends", lambda: len(sent(proxied, going_on)) > 2)

    proxy.cut_every = 4
    asked = []
    for number in range(12):
        asked.append(wait_until("it is queued", lambda: ask_once(proxied, f"key-{number}"))["id"])
    ended = [proxied.wait_for_run(run) for run in asked]
    proxy.cut_every = 0

    assert proxy.cuts > 5
    assert len(set(asked)) == 12 and [run["status"] for run in ended] == ["succeeded"] * 12, ended
    assert proxied.wait_for_run(going_on["id"])["status"] == "succeeded"
    assert sent(proxied, going_on) == list(range(1, 61))
    assert sorted(run["id"] for run in proxied.runs("data")) == sorted([*asked, going_on["id"]])
    # One after the other on one state id: whatever was done twice would be a number too many.
    in_turn = sorted(ended, key=lambda run: run["started_at"])
    assert [sent(proxied, run) for run in in_turn] == [[n] for n in range(1, 13)]


def test_case_08_a_database_that_stalls_ends_no_run_and_starts_none_twice(proxied, database_behind_a_proxy):
    proxy = database_behind_a_proxy
    stall = float(os.environ.get("CUPOLA_TEST_STALL", "8"))
    before = {run["id"] for run in proxied.runs("data")}
    run = start(proxied, "load", TOP=int(stall * 5) + 20, PAUSE=0.2)
    queued = start(proxied, "load", TOP=1)
    wait_until("it sends", lambda: len(sent(proxied, run)) > 2)

    proxy.flows.clear()
    time.sleep(stall)  # the fault itself
    proxy.flows.set()

    assert proxied.wait_for_run(run["id"])["status"] == "succeeded"
    assert len(sent(proxied, run)) == int(stall * 5) + 20
    assert proxied.wait_for_run(queued["id"])["status"] == "succeeded"
    assert {r["id"] for r in proxied.runs("data")} - before == {run["id"], queued["id"]}


def test_one_server_asks_an_organizations_heartbeat_each_minute(fleet, front):
    sink = Sink()
    more = ["--components", "api,scheduler,notifier", "--allow-inner-receivers", "127.0.0.0/8"]
    servers = [fleet.start("beats-1", *more)]
    try:
        servers[0].cupola("notification", "heartbeat", "set", sink.url)
        servers.append(fleet.start("beats-2", *more))
        wait_until("it beats soon after its start", lambda: sink.requests, timeout=20)
        servers.append(fleet.start("beats-3", *more))
        time.sleep(5)
        assert len(sink.requests) == 1
        wait_until("the next minute's comes", lambda: len(sink.requests) == 2, timeout=75)
        time.sleep(5)
        assert len(sink.requests) == 2
    finally:
        servers[0].cupola("notification", "heartbeat", "clear")
        for server in servers:
            server.stop()
        sink.close()
