"""Transactions over services and databases that are reached with TLS, and those whose certificates are not believed."""

import pytest

import servers
from bank import Bank, ask
from certificates import Authority

pytestmark = pytest.mark.synod_only
BEFORE, AFTER = [100, 100, 100, 100], [70, 110, 115, 105]
HERE = "IP:127.0.0.1"


@pytest.fixture
def pki(tmp_path):
    return Authority(tmp_path / "pki")


def with_bank(test, **how):
    bank = Bank(nodes=1, **how)
    try:
        test(bank, bank.cluster.nodes[0])
    finally:
        bank.close()


@pytest.mark.parametrize("sslmode", [None, "require", "verify-full"])
def test_money_moves_between_databases_and_a_service_that_speak_tls_only(pki, sslmode):
    def test(bank, node):
        watched = bank.databases[0]
        watched.ask("CREATE TABLE seen (ssl boolean); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    "INSERT INTO seen SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid(); RETURN NEW; END $$; "
                    "CREATE TRIGGER look AFTER UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION see()")  # fmt: skip
        tx = bank.begin(node)
        bank.enlist(node, tx)
        status, told = ask(node, f"/{tx}/commit", {})
        assert status == 200, told
        assert bank.settled(node, tx)["state"] == "committed"
        assert bank.balances() == AFTER and bank.service.heard == ["prepare", "commit"]
        assert watched.ask("SELECT ssl FROM seen") == "t"
        bank.nothing_held()

    with_bank(test, certificate=pki.sign("here", HERE), ca=pki.ca, sslmode=sslmode)


@pytest.mark.parametrize(
    "flaw, why",
    [
        ("another name", "not valid for name"),
        ("another CA", "invalid peer certificate"),
        ("expired", "Expired"),
    ],
)
def test_a_certificate_that_is_not_believed_is_refused_before_anything_is_prepared(pki, tmp_path, flaw, why):
    stranger = Authority(tmp_path / "stranger")
    certificate = {
        "another name": lambda: pki.sign("elsewhere", "DNS:elsewhere.example"),
        "another CA": lambda: stranger.sign("here", HERE),
        "expired": lambda: pki.sign("here", HERE, days=-1),
    }[flaw]()

    def test(bank, node):
        tx = bank.begin(node)
        part = {"database": "north", "statements": ["UPDATE accounts SET balance = 0"]}
        status, told = ask(node, f"/{tx}/enlist", {"name": "north", "postgres": part})
        assert status == 409 and why in told["error"], told
        service = {"url": bank.service.url, "data": {"add": 1}}
        status, told = ask(node, f"/{tx}/enlist", {"name": "service", "http": service})
        assert status == 409 and why in told["error"], told
        assert ask(node, f"/{tx}")[1]["participants"] == []
        assert bank.service.heard == [] and bank.balances() == BEFORE
        bank.nothing_held()

    with_bank(test, certificate=certificate, ca=pki.ca, sslmode="verify-full")


def test_a_service_whose_certificate_is_another_when_it_is_to_prepare_votes_no_unasked(pki):
    def test(bank, node):
        tx = bank.begin(node)
        bank.enlist(node, tx)
        # From now on it shows this one.
        bank.service.context.load_cert_chain(*pki.sign("elsewhere", "DNS:elsewhere.example"))
        status, told = ask(node, f"/{tx}/commit", {})
        assert status == 409 and "not valid for name" in told["error"], told
        assert bank.service.heard == [] and bank.balances() == BEFORE
        # It is told of the abort once it is itself again.
        bank.service.context.load_cert_chain(*pki.sign("here", HERE))
        assert bank.settled(node, tx)["state"] == "aborted"
        assert bank.service.heard == ["abort"]
        bank.nothing_held()

    with_bank(test, certificate=pki.sign("here", HERE), ca=pki.ca, sslmode="verify-full")


def test_a_database_without_tls_is_refused_where_it_is_demanded_and_one_with_tls_only_where_it_is_ruled_out(pki):
    def refused(bank, node, why):
        tx = bank.begin(node)
        status, told = ask(node, f"/{tx}/enlist", {"name": "north", "postgres": {"database": "north", "statements": ["SELECT 1"]}})
        assert status == 409 and why in told["error"], told

    with_bank(lambda bank, node: refused(bank, node, "does not support TLS"), sslmode="require")
    with_bank(lambda bank, node: refused(bank, node, "no encryption"), certificate=pki.sign("here", HERE), sslmode="disable")


@pytest.mark.parametrize("text, why", [(None, "No such file"), ("nothing", "no certificate")])
def test_a_file_of_cas_that_is_none_keeps_the_node_from_starting(tmp_path, text, why):
    file = tmp_path / "ca.crt"
    if text is not None:
        file.write_text(text)
    cluster = servers.synod(1, 1, "none")
    (node,) = cluster.nodes
    try:
        node.command += ["--tx-callbacks", "localhost", "--tx-ca-file", str(file)]
        node.start()
        assert node.process.wait(servers.START_SECONDS) != 0
        assert "--tx-ca-file" in node.log() and why in node.log()
    finally:
        cluster.close()
