"""A machine of a test's own: network namespaces that play a host and the world around it."""

import ctypes
import os
import subprocess

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
METADATA = "169.254.169.254"

# Answers each TCP connection with its name, after reading until the other side has said all, and
# each question for a name with 10.77.0.2.
WORLD = '''
import socket, socketserver, sys, threading

def serve(address, port, words):
    listener = socket.create_server((address, port))
    def loop():
        while True:
            connection, _ = listener.accept()
            with connection:
                while connection.recv(65536):
                    pass
                connection.sendall(words)
    threading.Thread(target=loop, daemon=True).start()

def names():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("10.77.0.2", 53))
    while True:
        question, asker = udp.recvfrom(512)
        answer = question[:2] + b"\\x81\\x80\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x00" + question[12:question.index(b"\\x00", 12) + 5]
        is_v4 = question[question.index(b"\\x00", 12) + 1:][:2] == b"\\x00\\x01"
        if is_v4:
            answer += b"\\xc0\\x0c\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x04" + bytes((10, 77, 0, 2))
        else:
            answer = answer[:6] + b"\\x00\\x00" + answer[8:]
        udp.sendto(answer, asker)

serve("10.77.0.2", 5432, b"warehouse")
serve("169.254.169.254", 80, b"credentials")
threading.Thread(target=names, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
'''


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def change_to(space):
    if LIBC.setns(space, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Machine:
    """A host (10.77.0.1) with one neighbour (10.77.0.2): warehouse, name server, and the address
    under which clouds tell secrets. Within `with`, this thread and what it starts are on the host."""

    def __init__(self):
        self.host, self.world = (f"cupola-test-{os.getpid()}-{name}" for name in ("host", "world"))
        self.process = None

    def __enter__(self):
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def set_up(self):
        for name in (self.host, self.world):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.host, "link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", self.world)
        for name, address in ((self.host, "10.77.0.1/24"), (self.world, "10.77.0.2/24")):
            run("ip", "-n", name, "address", "add", address, "dev", "lan")
            run("ip", "-n", name, "link", "set", "lan", "up")
        run("ip", "-n", self.world, "address", "add", f"{METADATA}/32", "dev", "lo")
        run("ip", "-n", self.host, "route", "add", "default", "via", "10.77.0.2")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.world, "python3", "-c", WORLD],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        space = os.open(f"/run/netns/{self.host}", os.O_RDONLY)
        change_to(space)
        os.close(space)

    def __exit__(self, *_):
        change_to(self.before)
        os.close(self.before)
        if self.process:
            self.process.stdin.close()
            self.process.wait(30)
        for name in (self.host, self.world):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def interfaces(self):
        done = subprocess.run(["ip", "-n", self.host, "-o", "link"], capture_output=True, text=True, check=True)
        return [line.split(":")[1].strip() for line in done.stdout.splitlines()]
