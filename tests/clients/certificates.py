"""Certificates for the tests, made with openssl as docs/tls.md tells it."""

import subprocess


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


class Authority:
    """A CA in a directory, and what it has signed."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", directory / "ca.key", "-out", directory / "ca.crt", "-days", 30,
                "-subj", "/CN=the CA")  # fmt: skip
        self.ca = directory / "ca.crt"

    def sign(self, name, names="", days=30):
        """The certificate and key of somebody whose common name is `name`."""
        cert, key, request = (self.directory / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
        extensions = self.directory / "extensions"
        extensions.write_text(f"subjectAltName={names}\n" if names else "basicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/O=Org/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", request, "-out", cert, "-days", days, "-CA", self.ca,
                "-CAkey", self.directory / "ca.key", "-CAcreateserial",
                "-extfile", extensions)  # fmt: skip
        return cert, key

    def node(self, number):
        return self.sign(
            f"node-{number}", f"DNS:node-{number}.synod.internal,DNS:localhost,IP:127.0.0.1"
        )
