"""Run Acme CRM: `python -m tests.acme --portal URL --project ID --signing-key FILE --kid KID`."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.acme.site import AcmeSite


def main() -> None:
    """Serve until interrupted or terminated."""
    parser = argparse.ArgumentParser(prog="python -m tests.acme")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--portal", default="http://localhost:8000", help="the portal's origin")
    parser.add_argument("--project", required=True, help="the project's id")
    parser.add_argument("--signing-key", type=Path, required=True, help="a PEM file")
    parser.add_argument("--kid", required=True, help="the id of that key")
    parser.add_argument("--api-key-file", type=Path, help="to make links, as for e-mails")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    site = AcmeSite(
        port=options.port,
        portal=options.portal,
        project=options.project,
        signing_key=options.signing_key.read_text(),
        kid=options.kid,
        api_key=options.api_key_file.read_text().strip() if options.api_key_file else "",
    )
    with site:
        sys.stdout.write(f"Acme CRM: {site.origin}\n")
        sys.stdout.flush()
        try:
            site.wait()
        except KeyboardInterrupt:
            sys.stdout.write("Stopped.\n")


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
