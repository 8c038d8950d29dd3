"""Opens many event streams on one open run; prints the server's memory beyond that before, in MiB,
and its CPU once all is quiet, in per cent of a core.

usage: idle_followers.py URL TOKEN RUN COUNT SERVER_PID
"""

import resource
import socket
import sys
import time
import urllib.parse

from measure import cpu_seconds, pss_mib


def main(url, token, run, count, pid):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    target = urllib.parse.urlsplit(url)
    request = (
        f"GET /api/v1/runs/{run}/log HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    before = pss_mib(pid)
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
    print(f"{pss_mib(pid) - before:.1f} {spent * 10:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
