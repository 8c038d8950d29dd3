"""A fire with an offset: the server runs under a clock that stands shortly before it is due."""

import datetime
import pathlib
import shutil
import subprocess

import pytest
from harness import Repository, Server, wait_until
from projects import numbers

LIBRARIES = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def sweep_shared_memory():
    """faketime keeps a file by its pid, and a program that is killed leaves it: the next one with that pid would not start."""
    for left in pathlib.Path("/dev/shm").glob("*faketime_*"):
        if not pathlib.Path("/proc", left.name.rpartition("_")[2]).exists():
            left.unlink(missing_ok=True)


class ShiftedServer(Server):
    """Its clock runs `seconds` ahead; that of its children does not."""

    seconds = 0

    def wrapper(self):
        if not self.seconds:
            return []
        sweep_shared_memory()
        linked = subprocess.run(["ldd", str(self.program)], capture_output=True, text=True, check=True).stdout
        # A sanitizer must be the first library of all.
        first = [line.split()[2] for line in linked.splitlines() if "libasan" in line or "libtsan" in line]
        # The sanitizer asks for the time in its first allocation, under the lock of that size; faketime then begins by a
        # setenv, whose allocation is of the same size wherever there are 19 to 26 variables: a program that waits for itself.
        quiet = ":".join(filter(None, [self.env.get("ASAN_OPTIONS"), "allocator_release_to_os_interval_ms=-1"]))
        return ["env", "LD_PRELOAD=" + ":".join([*first, str(LIBRARIES[0])]), f"FAKETIME={self.seconds:+.3f}s",
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_NO_CACHE=1", f"ASAN_OPTIONS={quiet}"]


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def quarterly(server):
    answer = server.cupola("schedule", "list", "--project", "shifted", "--deployment", "prod", "--format", "json").json
    return next(s for s in answer["schedules"] if s["name"] == "quarterly")


@pytest.mark.skipif(not LIBRARIES or not shutil.which("faketime"), reason="faketime is not installed")
def test_a_quarterly_schedule_fires_at_its_offset(build, tmp_path, warm):
    server = ShiftedServer(build, warm(tmp_path / "home"))
    server.start()
    try:
        repository = Repository(tmp_path / "repository")
        repository.commit(numbers())
        server.deploy("shifted", repository)
        server.cupola("schedule", "enable", "--project", "shifted", "--deployment", "prod", "quarterly")
        offset = datetime.timedelta(minutes=quarterly(server)["offset_minutes"])
        due = [instant(text) for text in quarterly(server)["next"]]
        assert all((time - offset).minute % 15 == 0 and time.second == 0 for time in due)
        assert due[1] - due[0] == datetime.timedelta(minutes=15)
        server.stop()

        # The second of them: the first may come by the true clock before the server is up again.
        server.seconds = (due[1] - datetime.datetime.now(datetime.timezone.utc)).total_seconds() - 8
        server.start()
        run = wait_until("it fires", lambda: [r for r in server.runs("shifted") if instant(r["due_at"]) == due[1]], timeout=60)[0]
        ended = server.wait_for_run(run["id"])
    finally:
        server.stop()

    assert ended["status"] == "succeeded" and ended["trigger"] == "schedule" and ended["schedule"] == "quarterly", ended
    assert instant(ended["scheduled_at"]) == due[1] - offset
    assert due[1] <= instant(ended["started_at"]) < due[1] + datetime.timedelta(seconds=10)
