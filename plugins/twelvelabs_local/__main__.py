"""``python -m twelvelabs_local``."""

from __future__ import annotations

import sys

from twelvelabs_local.cli import main

if __name__ == "__main__":
    sys.exit(main())
