"""PostgreSQL servers for the tests, from Debian's package: each in a directory of its own, on loopback."""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

import servers

USER, PASSWORD = "postgres", "s3cret-of-the-bank"


def _programs():
    """The directory of the newest version that is a server."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    return pathlib.Path(max(found, key=lambda path: int(path.split("/")[4]))).parent


def _as_owner():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Postgres:
    """With a certificate and its key it takes no connection without TLS."""

    def __init__(self, directory, name, prepared=16, certificate=None):
        self.name, self.data = name, pathlib.Path(directory) / name
        (self.port,) = servers.free_ports(1)
        self.prepared, self.certificate, self.process = prepared, certificate, None

    def start(self):
        if not self.data.exists():
            self.data.mkdir()
            if os.geteuid() == 0:
                shutil.chown(self.data, "postgres", "postgres")
            secret = self.data.with_suffix(".password")
            secret.write_text(PASSWORD)
            secret.chmod(0o644)
            initdb = [_programs() / "initdb", "-D", self.data, "-U", USER, "--pwfile", secret, "--no-sync", "-A", "scram-sha-256"]
            subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **_as_owner())
            if self.certificate is not None:
                self._demand_tls()
        settings = {"port": self.port, "listen_addresses": servers.HOST, "unix_socket_directories": "", "shared_buffers": "16MB",
                    "max_connections": 40, "max_prepared_transactions": self.prepared, "fsync": "off"}  # fmt: skip
        if self.certificate is not None:
            settings["ssl"] = "on"
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(self.data.with_suffix(".log"), "ab") as log:
            self.process = subprocess.Popen(
                [_programs() / "postgres", "-D", self.data, *options], stdout=log, stderr=log, cwd="/", **_as_owner()
            )
        servers.wait_until(f"{self.name} answers", lambda: self.run("SELECT 1").returncode == 0)
        return self

    def _demand_tls(self):
        for given, name in zip(self.certificate, ("server.crt", "server.key")):
            shutil.copyfile(given, self.data / name)
            (self.data / name).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(self.data / name, "postgres", "postgres")
        lines = (self.data / "pg_hba.conf").read_text().splitlines()
        only = [line.replace("host ", "hostssl ", 1) if line.startswith("host ") else line for line in lines]
        (self.data / "pg_hba.conf").write_text("\n".join(only) + "\n")

    def stop(self, how=signal.SIGINT):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None

    def _psql(self, sql):
        words = [_programs() / "psql", "-qAtX", "-h", servers.HOST, "-p", str(self.port), "-U", USER, "-d", "postgres", "-c", sql]
        return words, dict(os.environ, PGPASSWORD=PASSWORD, PGCONNECT_TIMEOUT="2")

    def run(self, sql):
        words, environment = self._psql(sql)
        return subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment, cwd="/")

    def open(self, sql):
        """A session that goes on beside the test."""
        words, environment = self._psql(sql)
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd="/")

    def ask(self, sql):
        done = self.run(sql)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def string(self):
        return f"host={servers.HOST} port={self.port} user={USER} password={PASSWORD} dbname=postgres"

    def prepared_names(self):
        return self.ask("SELECT gid FROM pg_prepared_xacts").split()
