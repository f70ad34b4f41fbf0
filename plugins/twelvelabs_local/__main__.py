"""``python -m twelvelabs_local``."""

from __future__ import annotations

import sys

# Airflow's plugin loader, where .airflowignore is missing, executes this file under the same name but in no package.
if __name__ == "__main__" and __package__ == "twelvelabs_local":
    from twelvelabs_local.cli import main

    sys.exit(main())
