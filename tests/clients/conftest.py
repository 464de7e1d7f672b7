"""The servers that the tests share. See servers.py for how the program under test is named."""

import pytest

import servers


def pytest_report_header():
    return f"program under test: {servers.SYNOD_BIN}"


def pytest_configure(config):
    config.addinivalue_line("markers", "synod_only: what the genuine redis-server does not do")


def pytest_collection_modifyitems(items):
    if servers.IS_SYNOD:
        return
    for item in items:
        if item.get_closest_marker("synod_only"):
            item.add_marker(pytest.mark.skip(reason="only synod does this"))


def _running(cluster):
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture(scope="session")
def single_cluster():
    yield from _running(servers.single())


@pytest.fixture
def single(single_cluster):
    """The program under test: one node, one partition, so that nothing is ever CROSSSLOT."""
    node = single_cluster.nodes[0]
    with node.connect() as connection:
        connection.call("FLUSHALL")
    return node


@pytest.fixture(scope="session")
def genuine():
    """One genuine redis-server."""
    for cluster in _running(servers.genuine()):
        yield cluster.nodes[0]


@pytest.fixture(scope="session")
def shared_cluster():
    yield from _running(servers.cluster(partitions=6))


@pytest.fixture
def cluster(shared_cluster):
    """Three nodes, six partitions; emptied before each test."""
    for node in shared_cluster.nodes:
        with node.connect() as connection:
            connection.call("FLUSHALL")
    return shared_cluster
