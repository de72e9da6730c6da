"""A worker process. Its arguments: the listening socket, its parent's process id, the pipe of its heartbeat, and its file of metrics, if any."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from service.server.lifecycle import Worker, serve_here
from service.telemetry.fleet import Fleet

if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    listener, parent, heartbeat = map(int, sys.argv[1:4])
    os.set_blocking(heartbeat, False)
    snapshot = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    fleet = Fleet(snapshot.parent, snapshot.name) if snapshot else None
    sys.exit(serve_here(socket.socket(fileno=listener), Worker(parent, heartbeat, fleet)))
