"""Logs without end: the supervisor of a run, driven as the server drives it, keeps its memory flat.

CUPOLA_TEST_LONG=1 (make nightly) takes the full sizes: a line of 1 GiB, 10^8 empty lines.
"""

import json
import os
import pathlib
import signal
import struct
import subprocess
import threading

import pytest
from harness import wait_until

LONG = os.environ.get("CUPOLA_TEST_LONG") == "1"
MEBIBYTES = 1024 if LONG else 64
LINES = 10**8 if LONG else 10**6
MOST_MEMORY = 48 << 20


class Supervised:
    """A program of its own under a real supervisor, without a sandbox."""

    def __init__(self, build, folder, script, **spec):
        self.folder = folder
        (folder / "run").mkdir()
        self.log = folder / "logs" / "log"
        text = json.dumps({
            "run": "test", "folder": str(folder / "run"), "log": str(self.log), "command": ["/usr/bin/python3", "-c", script],
            "env": {"PATH": "/usr/bin:/bin"}, "sandbox": {"wanted": False}, "grace_ms": 2000,
            "support": {"kind": "none", "overlay": False, "text": "test"}, **spec})
        # The sanitizers keep what was freed: their quarantine is no part of the program's memory.
        self.process = subprocess.Popen([build / "cupola-supervisor"], stdin=subprocess.PIPE,
                                        env=dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1"))
        self.process.stdin.write(text.encode())
        self.process.stdin.close()
        self.memory = []
        self.watch = threading.Thread(target=self.watch_memory)
        self.watch.start()

    def watch_memory(self):
        while self.process.poll() is None:
            try:
                pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
                self.memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
            except (FileNotFoundError, ProcessLookupError):
                break
            threading.Event().wait(0.02)

    def end(self, timeout=120):
        assert self.process.wait(timeout * (20 if LONG else 1)) == 0
        self.watch.join()
        return json.loads((self.folder / "run" / "result.json").read_text())

    def growth(self):
        """Of its resident memory, since it had settled."""
        return max(self.memory) - min(self.memory[2:10]) if len(self.memory) > 12 else 0

    def records(self):
        """(end, stream, continued) of each record of the index, checked for their order."""
        data = self.log.with_name("log.index").read_bytes()
        assert data[:8] == b"cupolog\n" and len(data) % 16 == 0
        found, last = [], 0
        for end, rest in struct.iter_unpack("<QQ", data[16:]):
            assert end >= last
            found.append((end, rest & 3, bool(rest & 4)))
            last = end
        assert last == self.log.with_name("log.log").stat().st_size
        return found, bool(struct.unpack("<I", data[12:16])[0] & 1)

    def text(self):
        return self.log.with_name("log.log").read_bytes()


@pytest.mark.timeout(3000)
def test_case_18_memory_is_flat_for_a_line_without_end(build, tmp_path):
    run = Supervised(build, tmp_path, f"""
import os
for _ in range({MEBIBYTES}):
    os.write(1, b"x" * (1 << 16)) and [os.write(1, b"x" * (1 << 16)) for _ in range(15)]
os.write(2, b"the end\\n")
""")

    result = run.end()

    records, cut = run.records()
    assert result["exit_code"] == 0 and not result["log_failed"] and not cut, result
    assert run.growth() < MOST_MEMORY, run.growth()
    assert run.log.with_name("log.log").stat().st_size == (MEBIBYTES << 20) + 1 + len("the end\n")
    assert sum(continued for _, _, continued in records) == MEBIBYTES - 1


@pytest.mark.timeout(3000)
def test_case_18_empty_lines_are_all_kept(build, tmp_path):
    run = Supervised(build, tmp_path, f"""
import os
left = {LINES}
while left:
    left -= os.write(1, b"\\n" * min(left, 65536))
""")

    result = run.end()

    records, cut = run.records()
    assert result["exit_code"] == 0 and not cut
    assert sum(stream == 0 for _, stream, _ in records) == LINES
    assert run.growth() < MOST_MEMORY, run.growth()


def test_case_18_at_its_limit_the_log_says_so_and_the_run_goes_on(build, tmp_path):
    run = Supervised(build, tmp_path, """
import os
for n in range(100000):
    os.write(1, b"line %d of many, to fill it up\\n" % n)
open("%s", "w").write("went on")
""" .replace("%s", str(tmp_path / "done")).replace("%d", "%d"), log_limit=1 << 20)

    result = run.end()

    records, cut = run.records()
    assert result["exit_code"] == 0 and cut, result
    assert (tmp_path / "done").read_text() == "went on"
    assert run.log.with_name("log.log").stat().st_size + 16 * len(records) < 2 << 20
    text = run.text()
    assert text.startswith(b"line 0 of") or b"\nline 0 of" in text
    said = [line for line in text.split(b"\n") if b"limit" in line]
    assert said and not said[0].startswith(b"line"), text[-300:]


def test_case_18_output_faster_than_its_log_waits_and_no_line_is_lost(build, tmp_path):
    """Back-pressure: however slow the log is, the program is ahead of it by a pipe and no more."""
    lines = 20_000
    count, go = tmp_path / "count", tmp_path / "go"
    run = Supervised(build, tmp_path, f"""
import os, time
count = os.open({str(count)!r}, os.O_WRONLY | os.O_CREAT)
for n in range({lines}):
    while n == 200 and not os.path.exists({str(go)!r}):
        time.sleep(0.01)
    os.write(1, b"%08d " % n + b"x" * 1014 + b"\\n")
    os.pwrite(count, b"%08d" % n, 0)
""")
    wait_until("it writes", lambda: count.exists() and count.read_bytes() > b"00000100")
    run.process.send_signal(signal.SIGSTOP)  # as a disk that answers no more
    go.touch()
    seen = [b""]
    wait_until("it waits", lambda: seen.append(count.read_bytes()) or seen[-1] == seen[-2], every=0.3)
    stood_at = run.log.with_name("log.log").stat().st_size // 1024
    ahead = int(seen[-1]) - stood_at
    run.process.send_signal(signal.SIGCONT)

    result = run.end()

    assert int(seen[-1]) < lines - 1 and ahead < 2048, (seen[-1], stood_at)  # a pipe of 1 MiB and a buffer
    assert result["exit_code"] == 0
    assert [int(line[:8]) for line in run.text().split(b"\n") if b" xxx" in line] == list(range(lines))
    assert run.growth() < MOST_MEMORY, run.growth()


def test_case_18_what_a_grandchild_says_after_the_end_holds_nothing_up(build, tmp_path):
    run = Supervised(build, tmp_path, f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
        while True:
            try:
                os.write(1, b"late\\n")
            except OSError:
                pass  # nobody reads: it stays all the same
            time.sleep(0.01)
    os._exit(0)
os.wait()
while not os.path.exists({str(tmp_path / "pid")!r}):
    time.sleep(0.01)
time.sleep(0.2)
os.write(1, b"no newline at the end")
""")

    result = run.end(30)

    assert result["exit_code"] == 0
    assert b"late\n" in run.text() and b"no newline at the end" in run.text()
    pid = int((tmp_path / "pid").read_text())
    wait_until("the grandchild is gone", lambda: not pathlib.Path(f"/proc/{pid}/cmdline").exists() or not pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), 10)
