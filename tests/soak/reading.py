"""A backend that reads one access token over and over and prints how long each read took.

A process of its own: beside the pretend provider it would measure that one's threads.
`python -m tests.soak.reading <port> <connection>`, with the API key on the standard input.
"""

from __future__ import annotations

import http.client
import sys
import time

PAUSE = 0.03


def main() -> None:
    """Read until this process is ended."""
    port, connection = int(sys.argv[1]), sys.argv[2]
    headers = {"Authorization": f"Bearer {sys.stdin.readline().strip()}"}
    while True:
        begun = time.monotonic()
        status = _status(port, f"/api/v1/connections/{connection}/access-token", headers)
        print(status, time.monotonic() - begun, flush=True)
        time.sleep(PAUSE)


def _status(port: int, path: str, headers: dict[str, str]) -> int:
    call = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        call.request("POST", path, headers=headers)
        answer = call.getresponse()
        answer.read()
        return answer.status
    finally:
        call.close()


if __name__ == "__main__":
    main()
