"""Run the server as its own process: python -m tests.fakeas --port 8002."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys

from tests.fakeas.server import FakeAS


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakeas", description=__doc__)
    parser.add_argument("--port", type=int, default=8002)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--public-url", default="", help="what the server calls itself")
    parser.add_argument("--verbose", action="store_true", help="log method, path and status")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = FakeAS(
        options.port, host=options.host, public_url=options.public_url, log=options.verbose
    )
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
