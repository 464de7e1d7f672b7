"""A plugin of pytest: kazoo's own tests get servers of Synod where they would start ZooKeeper's.

Kazoo's harness takes `ZookeeperCluster` from `kazoo.testing.common`; the module here stands in its place.
"""

import atexit
import os
import shutil
import sys
import types

import servers

os.environ["ZOOKEEPER_VERSION"] = "3.8.0"
SUPER = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="  # what the harness would give to ZooKeeper


class Server:
    """One node, as the harness knows a server."""

    def __init__(self, node, port):
        self._node, self.client_port = node, port
        self.address = f"{servers.HOST}:{port}"
        # The tests that want TLS are not among those that are run.
        self.secure_address = self.address
        node.command += ["--zookeeper", self.address, "--zookeeper-super-digest", SUPER]

    @property
    def running(self):
        return self._node.running()

    def run(self):
        if not self.running:
            self._node.start()

    def stop(self):
        if self.running:
            self._node.stop()

    def destroy(self):
        self.stop()
        shutil.rmtree(self._node.data, ignore_errors=True)

    reset = destroy

    def get_logs(self, num_lines=100):
        return self._node.log().splitlines()[-num_lines:]


class ZookeeperCluster:
    """Three nodes."""

    def __init__(self, **_):
        self._cluster = servers.synod(3, partitions=2, durability="always")
        atexit.register(self._cluster.close)
        ports = servers.free_ports(3)
        self._servers = [Server(node, port) for node, port in zip(self._cluster.nodes, ports)]

    def __getitem__(self, at):
        return self._servers[at]

    def __iter__(self):
        return iter(self._servers)

    def start(self):
        for server in self:
            server.run()
        self._cluster.wait_ready()

    def stop(self):
        for server in self:
            server.stop()

    def terminate(self):
        for server in self:
            server.destroy()

    reset = terminate

    def get_logs(self):
        return [line for server in self for line in server.get_logs()]


common = types.ModuleType("kazoo.testing.common")
common.ZookeeperCluster = ZookeeperCluster
sys.modules["kazoo.testing.common"] = common
