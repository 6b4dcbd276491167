"""Write every error code into the SDK's types: `python -m tests.sdk_codes`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
STATIC, TEXTS = ROOT / "static", ROOT / "portal" / "texts.toml"
TYPES = STATIC / "connect.d.ts"
UNION = re.compile(r"export type ErrorCode =\n.*?;", re.DOTALL)
RAISED = re.compile(
    r'(?:problem|refuse|close|cancel)\(\s*"(\w+)"|[?:] "(\w+_\w+)"|code(?:\)| =|\?) ?"(\w+)"'
)


def raised() -> set[str]:
    """Return the codes that the SDK itself gives."""
    source = "".join(
        (STATIC / name).read_text(encoding="utf-8")
        for name in ("connect.js", "connect-headless.js")
    )
    return {code for match in RAISED.findall(source) for code in match if code}


def union() -> str:
    """Return the type with every code of the SDK and of the portal."""
    codes = raised() | set(tomllib.loads(TEXTS.read_text(encoding="utf-8")))
    return "export type ErrorCode =\n" + "\n".join(f'  | "{code}"' for code in sorted(codes)) + ";"


def main() -> None:
    """Write static/connect.d.ts anew."""
    text = TYPES.read_text(encoding="utf-8")
    TYPES.write_text(UNION.sub(union(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
