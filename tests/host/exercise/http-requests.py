# SPDX-License-Identifier: LGPL-2.1-or-later
# HTTP/1.x between users, in a network namespace of its own: as root "http-requests.py SERVER_UID CLIENT_UID DIRECTORY".
# The first runs nginx and, behind it, a server that answers when it is told to; the second is the client. The
# directory is the first's. Prints as JSON what nginx has logged, what the one behind it has answered, and for how
# long the slow answer was held back at least.
import collections
import ctypes
import fcntl
import http.client
import http.server
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

FRONT, BACK, OTHER = 18080, 18081, 18082
LARGE = 8 << 20
CONFIGURATION = f"""
daemon off;
pid nginx.pid;
error_log stderr crit;
events {{ }}
http {{
	log_format exact '$request_method $status';
	access_log access.log exact;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	keepalive_requests 100000;
	client_max_body_size 64m;
	server {{
		listen 127.0.0.1:{FRONT};
		listen [::1]:{FRONT};
		root files;
		location = /error {{ return 500; }}
		location = /moved {{ return 301 /; }}
		location /behind/ {{ proxy_pass http://127.0.0.1:{BACK}; }}
	}}
}}
"""


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


class Behind(http.server.BaseHTTPRequestHandler):
    """Answers /behind/slow when a line comes, and says when it begins to wait."""

    def log_message(self, *_):
        pass

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/behind/slow"):
            print("waiting", flush=True)
            sys.stdin.readline()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = answer


class Other(threading.Thread):
    """Takes what is no HTTP/1.x, says nothing, and hangs up with the client."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", OTHER))

    def run(self):
        while True:
            with self.listener.accept()[0] as s:
                while s.recv(65536):
                    pass


def behind():
    Other().start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", BACK), Behind)
    print("ready", flush=True)
    server.serve_forever()


def until_answered():
    """Until nginx listens: connections are refused until then."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", FRONT))
        except ConnectionRefusedError:
            time.sleep(0.01)


def request(c, method, path, body=None, headers={}):
    c.request(method, path, body, headers)
    answer = c.getresponse()
    answer.read()
    return answer.status


def ordinary(address):
    """One connection for many requests, of all sizes."""
    c = http.client.HTTPConnection(address, FRONT)
    for i in range(100):
        request(c, "GET", "/small?password=secret")
        if i % 2 == 0:
            request(c, "GET", "/missing")
        if i % 4 == 0:
            request(c, "GET", "/error")
        if i % 5 == 0:
            request(c, "HEAD", "/small")
        if i % 10 == 0:
            request(c, "PUT", "/small", b"not wanted")
            request(c, "DELETE", "/small")
            request(c, "OPTIONS", "/moved")
            request(c, "PATCH", "/moved", b"x")
    for _ in range(3):
        request(c, "GET", "/large")
        request(c, "POST", "/behind/take", b"GET / HTTP/1.1\r\n\r\n" * 300000)
    c.close()


def short(address):
    """One request a connection; the client ends its half of it with the request."""
    for i in range(50):
        with socket.create_connection((address, FRONT)) as s:
            s.sendall(b"GET /%s HTTP/1.0\r\n\r\n" % (b"small" if i % 2 else b"missing"))
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass


def interim():
    """The body waits for "100 Continue", which is not the answer."""
    with socket.create_connection(("127.0.0.1", FRONT)) as s:
        for i in range(5):
            s.sendall(b"POST /behind/take HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            if not s.recv(65536).startswith(b"HTTP/1.1 100 "):
                sys.exit("no 100 Continue")
            s.sendall(b"body")
            answer = b""
            while not answer.endswith(b"ok"):
                answer += s.recv(65536)


def other():
    """Not HTTP/1.x: TLS, HTTP/2, and what only looks like a method."""
    hello = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    for first in hello.read(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GETTING / HTTP/1.1\r\n\r\n", b"HTTP/1.1 999 Strange\r\n\r\n":
        with socket.create_connection(("127.0.0.1", OTHER)) as s:
            s.sendall(first)
            s.sendall(b"GET /small HTTP/1.1\r\nHost: x\r\n\r\n")
            s.shutdown(socket.SHUT_WR)
            s.recv(1)


def client():
    until_answered().close()
    slow = http.client.HTTPConnection("127.0.0.1", FRONT)
    slow.request("GET", "/behind/slow")
    print("asked", flush=True)
    ordinary("127.0.0.1")
    ordinary("::1")
    short("127.0.0.1")
    interim()
    other()
    print("done", flush=True)
    slow.getresponse().read()
    slow.close()


def start(uid, directory, *command):
    return subprocess.Popen(command, cwd=directory, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            preexec_fn=lambda: become(uid))


def expect(process, word):
    line = process.stdout.readline().strip()
    if line != word:
        sys.exit(f"{line!r} instead of {word!r}")


def prepare(directory, uid):
    os.makedirs(f"{directory}/files")
    with open(f"{directory}/files/small", "w") as f:
        f.write("small\n")
    with open(f"{directory}/files/large", "wb") as f:
        f.write(b"HTTP/1.1 500 Internal Server Error\r\n" * (LARGE // 36))
    with open(f"{directory}/nginx.conf", "w") as f:
        f.write(CONFIGURATION)
    os.chown(directory, uid, uid)


def main(server_uid, client_uid, directory):
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) < 0:  # CLONE_NEWNET
        sys.exit("unshare failed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x1))  # SIOCSIFFLAGS, IFF_UP
    prepare(directory, server_uid)
    this = ["/usr/bin/python3", os.path.realpath(__file__)]
    back = start(server_uid, directory, *this, "behind")
    expect(back, "ready")
    nginx = start(server_uid, directory, "/usr/sbin/nginx", "-e", "stderr", "-p", directory, "-c", "nginx.conf")
    c = start(client_uid, "/", *this, "client")
    expect(c, "asked")
    expect(back, "waiting")
    held = time.monotonic_ns()
    expect(c, "done")
    held = time.monotonic_ns() - held
    print(file=back.stdin, flush=True)
    if c.wait() != 0:
        sys.exit("the client failed")
    nginx.send_signal(3)  # SIGQUIT: it ends in good order, so the log is whole
    nginx.wait()
    back.kill()
    back.wait()
    with open(f"{directory}/access.log") as f:
        log = collections.Counter(f.read().splitlines())
    print(json.dumps({"log": log, "held_ns": held, "behind": log["POST 200"] + 1}))


if __name__ == "__main__":
    if sys.argv[1] == "behind":
        behind()
    elif sys.argv[1] == "client":
        client()
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
