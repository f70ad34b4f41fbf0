"""``python -m tests.coverage_table``: write docs/coverage.md and report gaps."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.coverage_table.table import markdown, problems

FILE = Path(__file__).parents[2] / "docs" / "coverage.md"


def main() -> int:
    """Write the table; return 1 where something is missing."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(markdown())
    found = problems()
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
