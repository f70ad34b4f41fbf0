"""Installs packages into a virtual environment by uv, with pip's own configuration; by pip where uv cannot.

``python requirements/install.py ENVIRONMENT [--uv UV] -- ARGUMENTS`` runs ``pip install ARGUMENTS`` in the environment.
uv links files from its cache instead of copying them, so an environment takes seconds. It does not read pip's
configuration, which may name another index or a certificate, so that is passed on.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

LISTS = ("extra-index-url", "find-links", "trusted-host")
SWITCHES = ("no-index",)
UNKNOWN_TO_UV = ("proxy", "client-cert", "no-binary", "only-binary", "pre", "prefer-binary")


def pip_settings(listing: str) -> dict[str, str]:
    """Return pip's settings from ``pip config list``; those of ``install`` and of the environment come last."""
    rank = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        if section in rank and rank[section] >= found.get(name, (0, ""))[0]:
            found[name] = (rank[section], "".join(shlex.split(value)[:1]))
    return {name: value for name, (_, value) in found.items()}


def uv_options(settings: Mapping[str, str]) -> list[str] | None:
    """Return the settings as options of uv; None where uv cannot do what they say."""
    if any(settings.get(name) for name in UNKNOWN_TO_UV):
        return None
    options = ["--index-strategy", "unsafe-best-match"]
    if settings.get("index-url"):
        options += ["--index-url", settings["index-url"]]
    for name in LISTS:
        option = "--allow-insecure-host" if name == "trusted-host" else f"--{name}"
        for value in settings.get(name, "").split():
            options += [option, value]
    return options + [f"--{name}" for name in SWITCHES if settings.get(name, "").lower() in ("1", "true", "yes", "on")]


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return what stands before and after the two dashes."""
    dashes = arguments.index("--")
    return arguments[:dashes], arguments[dashes + 1 :]


def main() -> int:
    """Install, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path)
    parser.add_argument("--uv", type=Path)
    own, arguments = _split(sys.argv[1:])
    options = parser.parse_args(own)
    python = str(options.environment / "bin" / "python")
    if options.uv and options.uv.exists():
        listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
        settings = pip_settings(listing)
        chosen = uv_options(settings)
        certificate = {"SSL_CERT_FILE": settings["cert"]} if settings.get("cert") else {}
        command = [str(options.uv), "pip", "install", "--quiet", "--python", python, *(chosen or []), *arguments]
        if chosen is not None and subprocess.run(command, env={**os.environ, **certificate}).returncode == 0:
            return 0
        print("uv could not install the packages; trying pip, which takes minutes", file=sys.stderr)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    return subprocess.run(pip).returncode


if __name__ == "__main__":
    sys.exit(main())
