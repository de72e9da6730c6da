"""A worker process: its arguments are the listening socket and the process id of its parent."""

from __future__ import annotations

import socket
import sys

from service.server.lifecycle import serve_here

if __name__ == "__main__":  # a worker; its arguments are the listening socket and its parent
    sys.exit(serve_here(listener=socket.socket(fileno=int(sys.argv[1])), parent=int(sys.argv[2])))
