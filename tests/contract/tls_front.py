"""TLS in front of a server that has none: the embedded PostgreSQL is built without it.

Says yes to a client's request for TLS, as PostgreSQL does, shows a certificate, and passes on what comes.
"""

import asyncio
import datetime
import ssl
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
_REQUEST_BYTES = 8
_CHUNK_BYTES = 65_536


class Certificate(NamedTuple):
    """A certificate with its key; without an issuer it vouches for others."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def write(self, path: Path, with_key: bool = False) -> Path:
        """Write it as a PEM file."""
        content = self.certificate.public_bytes(serialization.Encoding.PEM)
        if with_key:
            form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            content += self.key.private_bytes(serialization.Encoding.PEM, form, plain)
        path.write_bytes(content)
        return path


def make_certificate(name: str, issuer: Certificate | None = None, host: x509.GeneralName | None = None) -> Certificate:
    """Return a certificate that is valid for a day, for a host if one is named."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return Certificate(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


class TlsFront:
    """Listens on a port of its own while it is started."""

    def __init__(self, certificate: Path, port_behind: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._behind = port_behind
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        """End all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._visit, HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _visit(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(_REQUEST_BYTES)
            writer.write(b"S")
            await writer.start_tls(self._context)
            inner_reader, inner_writer = await asyncio.open_connection(HOST, self._behind)
            pipes = [self._pipe(reader, inner_writer), self._pipe(inner_reader, writer)]
            await asyncio.gather(*pipes)
        writer.close()

    async def _pipe(self, source: StreamReader, target: StreamWriter) -> None:
        with suppress(OSError):
            while content := await source.read(_CHUNK_BYTES):
                target.write(content)
                await target.drain()
        target.close()
