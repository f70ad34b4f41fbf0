"""The configuration option that limits the folders of local source files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from twelvelabs_provider.exceptions import TwelveLabsInputError
from twelvelabs_provider.version_compat import conf

SECTION, OPTION = "twelvelabs", "local_sources"


def allowed_folders() -> tuple[str, ...]:
    """Return the folders of ``[twelvelabs] local_sources``, without links; an empty tuple allows every folder."""
    configured = str(conf.get(SECTION, OPTION, fallback="") or "")
    folders = (part.strip() for part in re.split(f"[,{re.escape(os.pathsep)}]", configured))
    return tuple(os.path.realpath(os.path.expanduser(folder)) for folder in folders if folder)


def is_below(path: str | Path, folder: str) -> bool:
    """Return whether a path is in a folder, after resolving its links.

    :param folder: without links.
    """
    return Path(os.path.realpath(path)).is_relative_to(folder)


def must_be_allowed(path: str | Path, shown: str, what: str) -> None:
    """Refuse a local file or folder that lies outside the configured folders.

    :param shown: its address, for the message.
    :param what: the word for it in errors.
    :raises TwelveLabsInputError: naming the option.
    """
    folders = allowed_folders()
    if folders and not any(is_below(path, folder) for folder in folders):
        raise TwelveLabsInputError(
            f"The {what} {shown!r} is not allowed: it is outside [{SECTION}] {OPTION}. Move it there, or extend the"
            " option in Airflow's configuration."
        )
