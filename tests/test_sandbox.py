"""A hostile run: what it tries, and that it gets nowhere; its network; what it leaves behind."""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest
from harness import Repository, Server, let_others_in, wait_until
from networks import Machine
from projects import numbers

# Each line of output is a try: "@@NAME: what came of it@@".
TRIES = '''#!/usr/bin/env python3
import ctypes, errno, os, socket, subprocess, sys, time

def attempt(name, work):
    try:
        came_of_it = work()
    except OSError as error:
        came_of_it = f"no ({errno.errorcode.get(error.errno, type(error).__name__)})"
    print(f"@@{name}: {came_of_it}@@", file=sys.stderr, flush=True)

def reach(address, port, send=b""):
    with socket.create_connection((address, int(port)), timeout=3) as connection:
        connection.sendall(send)
        try:
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(100).decode() or "reached"
        except OSError:
            return "reached"

def read(path):
    return "READ" if (os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)) else "empty"

def sh(words):
    done = subprocess.run(["/bin/sh", "-c", words], capture_output=True, text=True)
    return "DONE" if done.returncode == 0 else "no"

def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
    return "DONE"

def fork_bomb():
    children = []
    try:
        for _ in range(5000):
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        return "NO END"
    except OSError as error:
        return f"ended by {errno.errorcode[error.errno]}"
    finally:
        for pid in children:
            os.kill(pid, 9)
        for pid in children:
            os.waitpid(pid, 0)

def write(path):
    open(path, "w").write("left")
    return "written"

def leave_process():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            null = os.open("/dev/null", os.O_RDWR)  # meltano waits while somebody holds its pipes
            for stream in range(3):
                os.dup2(null, stream)
            os.execv("/bin/sleep", ["sleep", "987.65"])
        os._exit(0)
    os.wait()
    return "started"

what = sys.argv[1]
if what == "attack":
    for path in os.environ["PATHS"].split(":"):
        attempt(f"read {path}", lambda: read(path))
    attempt("mount", lambda: sh("mount -t tmpfs none /tmp"))
    attempt("user namespace", lambda: sh("unshare -U true"))
    attempt("ptrace", lambda: call(101 if os.uname().machine == "x86_64" else 117, 16, 1, 0, 0))
    attempt("packet socket", lambda: socket.socket(17, 3, 0) and "OPEN")
    attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and "OPEN")
    attempt("vsock", lambda: socket.socket(40, 1, 0) and "OPEN")
    attempt("setuid", lambda: os.setuid(0) or "DONE")
    attempt("signal to the first process", lambda: os.kill(1, 9) or "SENT")
    attempt("fork bomb", fork_bomb)
if what in ("attack", "reach"):
    attempt("warehouse", lambda: reach("10.77.0.2", 5432, b"x" * int(os.environ.get("SEND", "1"))))
    attempt("warehouse by name", lambda: reach("warehouse.example", 5432))
    attempt("metadata", lambda: reach("169.254.169.254", 80))
    attempt("server on loopback", lambda: reach("127.0.0.1", os.environ["PORT"]))
    attempt("server at gateway", lambda: reach("198.18.0.1", os.environ["PORT"]))
    attempt("server in its network", lambda: reach("10.77.0.1", os.environ["PORT"]))
if what == "attack":
    for path in ("/tmp/left", "/dev/shm/left", "/var/tmp/left", "/repository/left", "/home/run/left", "/state/left"):
        attempt(f"leave {path}", lambda: write(path))
    attempt("leave a process", leave_process)
if what == "look":
    for path in ("/tmp/left", "/dev/shm/left", "/var/tmp/left", "/repository/left", "/home/run/left", "/state/left"):
        attempt(f"left {path}", lambda: read(path))
    others = [name for name in os.listdir("/proc") if name.isdigit() and b"987.65" in open(f"/proc/{name}/cmdline", "rb").read()]
    print(f"@@left processes: {others}@@", file=sys.stderr)
if what == "fill":
    with open("/repository/much", "wb") as file:
        while True:
            file.write(b"x" * 1_000_000)
            file.flush()
            time.sleep(0.02)
if what == "swell":
    held = bytearray(b"x" * 600_000_000)
    print("SWELLED", len(held), file=sys.stderr)
'''


def project():
    words = ("attack", "reach", "look", "fill", "swell")
    utility = "  utilities:\n  - name: spy\n    namespace: spy\n    executable: ./spy.py\n    commands:\n"
    yml = numbers()["meltano.yml"].replace("  loaders:\n", utility + "".join(f"      {word}: {word}\n" for word in words) + "  loaders:\n")
    yml = yml.replace("jobs:\n", "jobs:\n" + "".join(f"- name: {word}\n  tasks: ['spy:{word}']\n" for word in words))
    return numbers({"meltano.yml": yml, "spy.py": TRIES})


class ServerOnMachine(Server):
    """Listens on each address of the machine, and finds its name server in a resolv.conf of its own."""

    listen_on = "0.0.0.0"

    def wrapper(self):
        resolv_conf = self.home.parent / "resolv.conf"
        resolv_conf.write_text("nameserver 10.77.0.2\n")
        return ["unshare", "--mount", "sh", "-c", f'mount --bind "{resolv_conf}" "$(readlink -f /etc/resolv.conf)"; exec "$@"', "sh"]


@pytest.fixture(scope="module")
def deployed(build, warm, tmp_path_factory):
    """A server that is stopped, with the project live: package indexes are on the real network."""
    if os.geteuid() != 0:
        pytest.skip("networks are joined by root only")
    folder = tmp_path_factory.mktemp("sandbox")
    made = ServerOnMachine(build, warm(folder / "home"))
    made.wrapper = lambda: []
    made.start()
    repository = Repository(folder / "repository")
    repository.commit(project())
    made.deploy("spy", repository)
    made.stop()
    del made.wrapper
    return made


@pytest.fixture(scope="module")
def machine(deployed):
    try:
        with Machine() as made:
            yield made
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespaces here: {error}")


@pytest.fixture(scope="module")
def server(deployed, machine):
    deployed.args = ["--run-processes", "300", "--run-disk", "32MiB", "--run-memory", "400MiB"]
    deployed.start()
    yield deployed
    deployed.stop()
    print("\n".join(deployed.log[-50:]))


def run(server, word, **env):
    """The run, ended, and what it found: name → what came of it."""
    extra = [part for name, value in {"PORT": server.port, **env}.items() for part in ("--env", f"{name}={value}")]
    started = server.cupola("run", word, "--project", "spy", "--deployment", "prod", *extra, "--format", "json").json
    ended = server.wait_for_run(started["id"])
    log = server.cupola("logs", started["id"]).out
    if "not isolated" in log:
        pytest.skip("no sandbox on this machine")
    found = dict(re.findall(r"@@(.+?): (.+?)@@", log))
    return ended, found, log


def belongs_to(process, run_id):
    try:
        return f"CUPOLA_RUN_ID={run_id}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False


def test_with_one_organization_a_run_has_the_hosts_network(server):
    ended, found, log = run(server, "reach")

    assert ended["status"] == "succeeded", log
    assert found["warehouse"] == "warehouse" and found["server on loopback"] == "reached", log
    assert ended["egress_bytes"] is None and "own network" not in ended["sandbox"]


def test_a_hostile_run_gets_nowhere_and_leaves_nothing(server, machine):
    server.admin("create-organization", "another")
    home = server.home
    paths = [home, home / "key", home / "cupola.db", home / "runs", home / "logs", "/etc/shadow", "/root", "/proc/1/environ", "/proc/1/root"]

    attack, found, log = run(server, "attack", PATHS=":".join(map(str, paths)), SEND=1_000_000)

    assert attack["status"] == "succeeded", log
    for path in paths:
        assert found[f"read {path}"].startswith("no"), (path, log)
    for name in ("mount", "user namespace", "ptrace", "packet socket", "raw socket", "vsock", "setuid", "signal to the first process",
                 "metadata", "server on loopback", "server at gateway", "server in its network"):
        assert found[name].startswith("no"), (name, log)
    assert found["fork bomb"] == "ended by EAGAIN"
    assert found["warehouse"] == found["warehouse by name"] == "warehouse", log
    assert "own network" in attack["sandbox"]
    assert 1_000_000 <= attack["egress_bytes"] < 2_000_000

    ended, found, log = run(server, "look")

    for path in ("/tmp/left", "/dev/shm/left", "/var/tmp/left", "/repository/left", "/home/run/left", "/state/left"):
        assert found[f"left {path}"] == "no (ENOENT)", log
    assert found["left processes"] == "[]"
    assert not [pid for pid in pathlib.Path("/proc").glob("[0-9]*") if belongs_to(pid, attack["id"])]
    wait_until("its interfaces are gone", lambda: not [name for name in machine.interfaces() if name.startswith("cupola")])


def test_a_network_can_be_chosen_and_what_is_shut_be_opened(server, machine):
    assert server.admin("set-network", "acme", "nonsense", check=False).code == 2
    assert "There is no organization 'nobody'" in server.admin("set-network", "nobody", "host", check=False).err
    server.admin("set-network", "acme", "host")
    _, found, log = run(server, "reach")
    assert found["metadata"] == "credentials" and found["server on loopback"] == "reached", log

    server.admin("set-network", "acme", "isolated")
    server.stop()
    server.args += ["--run-reach", "metadata,server,loopback"]
    server.start()
    _, found, log = run(server, "reach")
    assert found["metadata"] == "credentials", log
    assert found["server in its network"] == found["server at gateway"] == "reached", log


def test_where_the_server_is_not_root_slirp4netns_joins_the_network(build, machine, tmp_path_factory):
    """The supervisor alone, as an ordinary user: a description of a run on its standard input."""
    if not shutil.which("slirp4netns"):
        pytest.skip("slirp4netns is not installed")
    folder = tmp_path_factory.mktemp("slirp")
    let_others_in(folder)
    (folder / "spy.py").write_text(TRIES)
    (folder / "resolv.conf").write_text("nameserver 10.77.0.2\n")
    os.mknod(folder / "tun", 0o666 | stat.S_IFCHR, os.makedev(10, 200))
    (folder / "tun").chmod(0o666)
    for name in ("run", "log"):
        (folder / name).mkdir()
        os.chown(folder / name, 65534, 65534)
    order = {
        "folder": str(folder / "run"), "log": str(folder / "log" / "log"), "command": ["/usr/bin/python3", "/spy.py", "reach"],
        "env": {"PATH": "/usr/bin:/bin", "PORT": "5432", "SEND": "1000000"}, "network": {"slirp": True},
        "sandbox": {"binds": [{"from": str(folder / "spy.py"), "to": "/spy.py"}], "resolv_conf": "nameserver 10.0.2.3\n"},
    }
    script = (f'mount --bind {folder}/resolv.conf "$(readlink -f /etc/resolv.conf)"; mount --bind {folder}/tun /dev/net/tun; '
              f"exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all {build}/cupola-supervisor")
    done = subprocess.run(["unshare", "--mount", "sh", "-ec", script], input=json.dumps(order), text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done
    outcome = json.loads((folder / "run" / "result.json").read_text())
    log = (folder / "log" / "log.log").read_text()
    found = dict(re.findall(r"@@(.+?): (.+?)@@", log))

    assert found["warehouse"] == found["warehouse by name"] == "warehouse", (log, outcome)
    for name in ("metadata", "server on loopback", "server at gateway", "server in its network"):
        assert found[name].startswith("no"), (name, log)
    assert 1_000_000 <= outcome["egress_bytes"] < 2_000_000


def test_case_09_a_run_that_fills_the_disk_is_ended_with_that_reason(server):
    ended, _, log = run(server, "fill")

    assert ended["status"] == "failed", log
    assert ended["cause"].startswith("Out of disk: it wrote ") and ended["cause"].endswith("its limit is 32 MiB."), ended


def test_case_09_a_run_that_takes_too_much_memory_is_ended_with_that_reason(server):
    ended, _, log = run(server, "swell")

    if "by cgroup" not in ended["sandbox"]:
        pytest.skip(ended["sandbox"])
    assert ended["status"] == "failed" and ended["out_of_memory"], log
    assert ended["cause"].startswith("Out of memory: killed at ") and ended["cause"].endswith("of 400 MiB."), ended
