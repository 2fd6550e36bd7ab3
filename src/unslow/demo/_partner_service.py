"""The partner that the shops ask: answers every GET after a while, the same for the same path."""

import json
import socket
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DELAY_S = 0.02


class Partner(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        time.sleep(DELAY_S)
        number = zlib.crc32(self.path.encode()) % 1000
        body = json.dumps({"path": self.path, "value": number}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET
    daemon_threads = True
    request_queue_size = 100


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Partner).serve_forever()
