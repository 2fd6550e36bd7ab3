"""A service with a known cost per route; what it does is chosen by its environment.

COST scales the CPU of /work, PRICE is in the answer of /items/N, HANG and CRASH name the number of
the request that is never answered or that ends the process, CLOCK jumps about, HOLD is an address
or a path that it stays connected to, DSN a database that /query asks on a connection of its own if
CONNECT is "each".
"""

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count

COST = float(os.environ.get("COST", "1"))
PRICE = os.environ.get("PRICE", "5")
HANG, CRASH = int(os.environ.get("HANG", "0")), int(os.environ.get("CRASH", "0"))
ROUTES = os.environ.get("ROUTES", "/items /items/{item_id} /work").split()
numbers = count(1)

if os.environ.get("CLOCK"):
    real, jumps = time.time, count()
    time.time = lambda: real() + 3600 * (-1) ** next(jumps)

pipe = socket.socketpair()  # as every event loop has one
held = []
for name in os.environ.get("HOLD", "").split():
    host, _, port = name.rpartition(":")
    held.append(socket.socket(socket.AF_INET if host else socket.AF_UNIX))
    held[-1].connect((host, int(port)) if host else port)


def query() -> int:
    import psycopg

    if os.environ["CONNECT"] == "each" or not held:
        held[:] = [psycopg.connect(os.environ["DSN"])]
    held[0].execute("SELECT sum(n) FROM generate_series(1, 100000) n")
    if os.environ["CONNECT"] == "each":
        held[0].close()
        return 0
    return held[0].info.backend_pid


def answer(path: str) -> object:
    if path == "/openapi.json":
        return {"paths": {route: {"get": {}} for route in ROUTES}}
    if path == "/items":
        return {"results": [{"id": number} for number in range(1, 4)], "asked_at": time.time()}
    if path.startswith("/items/"):
        return {"id": int(path[7:]), "price": PRICE}
    if path == "/work":
        sum(range(int(60_000 * COST)))
        return {"pid": "done"}
    if path == "/query":
        return query()
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        number = next(numbers)
        if number == HANG:
            time.sleep(3600)
        if number == CRASH:
            os._exit(3)
        if os.environ.get("LOG"):
            with open(os.environ["LOG"], "a") as file:
                file.write(self.command + "\n")
        found = answer(self.path.partition("?")[0])
        body = json.dumps(found).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *ignored: object) -> None: ...


server = HTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1], "w") as told:
    told.write(f"{server.server_port}\n")
server.serve_forever()
