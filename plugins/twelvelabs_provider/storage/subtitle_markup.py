"""Plain text of subtitle cues: known markup is removed, text that only looks like markup stays."""

from __future__ import annotations

import html
import re
from typing import Literal

SubtitleFormat = Literal["srt", "vtt"]

_ATTRIBUTE = r"""\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
# "a<b then c>d" is no tag: what follows the name of a tag are classes and attributes, or a name after "v" and "lang".
_TAG = re.compile(
    rf"""
      </?(?:b|i|u|s|c|font|ruby|rt|rp|em|strong|strike|span)(?:\.[^\s<>.]*)*(?:{_ATTRIBUTE})*\s*/?>
    | (?<![\w)\]])<(?:v|lang)(?:\.[^\s<>.]*)*(?:\s[^<>]*)?>
    | </(?:v|lang)>
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_VTT_ONLY = re.compile(r"<(?:\d+:)?\d\d:\d\d\.\d{3}>|</>")
# Override tags of ASS, which many SRT files hold: {\an8}, {\i1}, {\pos(320,40)}, {\c&H00FFFF&\fs20}.
_OVERRIDE = re.compile(
    r"""
    \{(?:\\(?:
        an?\d{1,2}
      | [biusq]\d{1,3}
      | [1-4]?(?:c|a|alpha)&H[0-9a-f]+&?
      | (?:pos|move|org|fade?|i?clip|t)\([^(){}]*\)
      | (?:fs|fsc[xy]|fsp|fr[xyz]?|fa[xy]|[xy]?bord|[xy]?shad|be|blur|k[fo]?|p|pbo)-?\d[\d.]*
      | (?-i:fn[A-Z@])[^\\{}]*
      | r(?=[\\}])
    ))+\}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]*);")
_NO_BREAK_SPACE = "&nbsp;"


def plain_text(text: str, format: SubtitleFormat) -> str:
    """Return a cue's text without markup: its lines, each stripped, without blank ones."""
    return "\n".join(line for line in (line.strip() for line in without_markup(text, format).splitlines()) if line)


def without_markup(text: str, format: SubtitleFormat) -> str:
    """Return a cue's text without tags; entities are read in WebVTT only, SRT has none."""
    text = _TAG.sub("", _LINE_BREAK.sub("\n", _OVERRIDE.sub("", text)))
    if format == "vtt":
        return _ENTITY.sub(lambda entity: html.unescape(entity[0]), _VTT_ONLY.sub("", text))
    # A cue of this alone keeps the place of a text; anywhere else it is what the file says.
    return "\u00a0" if text.strip() == _NO_BREAK_SPACE else text
