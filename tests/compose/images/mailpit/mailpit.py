"""Catch mail at port 1025, and list it at port 8025 as Mailpit's GET /api/v1/messages does."""

import json
import sys
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer

from aiosmtpd.controller import Controller

caught = []


class Catch:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content)
        caught.insert(0, {"Subject": mail["Subject"], "To": [{"Address": one} for one in envelope.rcpt_tos]})
        sys.stdout.write(f"{mail['Subject']}\n")
        return "250 caught"


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"total": len(caught), "messages": caught}).encode())

    def log_message(self, *_):
        pass


Controller(Catch(), hostname="0.0.0.0", port=1025).start()
HTTPServer(("", 8025), Page).serve_forever()
