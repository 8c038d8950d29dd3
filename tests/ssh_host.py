"""An sshd of a test's own on loopback, where keys that it trusts may do what its user may."""

import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import time

SSHD = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")


def make_key(path, passphrase=""):
    """The text of a new private key; its public half is beside it, `<path>.pub`."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(path)], check=True)
    return pathlib.Path(path).read_text()


class SshHost:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.trusted = self.folder / "trusted"
        self.trusted.write_text("")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = None
        self.start()

    def start(self):
        """With a new host key each time."""
        for old in self.folder.glob("host_key*"):
            old.unlink()
        make_key(self.folder / "host_key")
        config = {"Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": self.folder / "host_key", "PidFile": "none",
                  "AuthorizedKeysFile": self.trusted, "StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes",
                  "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no", "LogLevel": "VERBOSE"}
        (self.folder / "config").write_text("".join(f"{key} {value}\n" for key, value in config.items()))
        if os.geteuid() == 0:  # what sshd's service makes: an empty folder for the part without rights
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.process = subprocess.Popen([SSHD, "-D", "-f", str(self.folder / "config"), "-E", str(self.folder / "log")])
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(self.log())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def trust(self, key):
        """The public half of `make_key(key)` may come in, and nothing else."""
        self.trusted.write_text("restrict " + pathlib.Path(f"{key}.pub").read_text())

    def url(self, repository):
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{repository.folder}"

    def fingerprint(self):
        told = subprocess.run(["ssh-keygen", "-lf", str(self.folder / "host_key.pub")], check=True, capture_output=True, text=True)
        return told.stdout.split()[1]

    def log(self):
        return (self.folder / "log").read_text()
