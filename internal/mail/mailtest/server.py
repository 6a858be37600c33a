"""An SMTP server for the tests: aiosmtpd, as Debian packages it. It prints its
port, then each message it takes as one line of JSON. Arguments: the certificate's
and the key's file (or "-" for no TLS), and what it does: take, refuse (the
mailbox), says (answers the mailbox 550_5.1.1@... with 550 5.1.1), sender, content (refuses whoever sends, or what), later, hang (takes the message, then breaks the line before it says so), auth."""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

cert, key, manner = sys.argv[1:4]


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if manner == "sender":
            return "550 5.7.1 not from you, made up"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if manner == "refuse":
            return "550 5.1.1 nobody of that name, made up"
        if manner == "says":
            return address.split("@")[0].replace("_", " ") + " made up"
        if manner == "later":
            return "450 4.2.0 come back, made up"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": envelope.content.decode("utf-8"),
                          "tls": session.ssl is not None, "helo": session.host_name,
                          "user": session.auth_data.login.decode() if session.auth_data else ""}), flush=True)
        if manner == "content":
            return "554 5.6.0 not this, made up"
        if manner == "hang":
            server.transport.abort()
        return "250 OK"


def signed_in(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"kua" and data.password == b"geheim", handled=False, auth_data=data)


context = None
if cert != "-":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)


def factory():
    return SMTP(Handler(), hostname="mail.example", tls_context=context, require_starttls=context is not None,
                authenticator=signed_in, auth_required=manner == "auth", auth_require_tls=context is not None, loop=loop)


loop = asyncio.new_event_loop()
server = loop.run_until_complete(loop.create_server(factory, "127.0.0.1", 0))
print(server.sockets[0].getsockname()[1], flush=True)
loop.run_until_complete(loop.run_in_executor(None, sys.stdin.read))  # until the test ends
