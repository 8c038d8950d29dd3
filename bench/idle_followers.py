"""Opens many event streams on one unfinished run and prints the server's memory per follower.

usage: idle_followers.py URL TOKEN COUNT SERVER_PID
"""

import json
import pathlib
import resource
import socket
import sys
import time
import urllib.parse
import urllib.request


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise SystemExit("no Pss in smaps_rollup")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main(url, token, count, pid):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ask = urllib.request.Request(
        url + "/api/v1/runs?status=queued&limit=1", headers={"Authorization": f"Bearer {token}"}
    )
    run = json.load(urllib.request.urlopen(ask))["runs"][0]["id"]
    target = urllib.parse.urlsplit(url)
    request = (
        f"GET /api/v1/runs/{run}/log HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    before = resident_kib(pid)
    followers = []
    for _ in range(count):
        follower = socket.create_connection((target.hostname, target.port))
        follower.sendall(request)
        followers.append(follower)
    for follower in followers:
        if not follower.recv(4096).startswith(b"HTTP/1.1 200"):
            raise SystemExit("a follower was refused")
    time.sleep(5)
    spent = cpu_seconds(pid)
    time.sleep(10)
    spent = cpu_seconds(pid) - spent
    after = resident_kib(pid)
    print(
        f"api: {count} idle followers: {(after - before) / 1024:.1f} MiB more"
        f" ({(after - before) / count:.1f} KiB each), {after / 1024:.1f} MiB in all,"
        f" {spent * 10:.0f} % of a core"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
