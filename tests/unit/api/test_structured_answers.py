"""JSON values in generated text that is not plain JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from twelvelabs_provider.api.analysis.structured_answers import read_structured
from twelvelabs_provider.api.errors import TwelveLabsAnswerError

VALUE = {"scenes": [{"title": 'Say "hi"', "note": "a\\b\nc { } [ ]", "at": [0, 1.5]}, {}], "ü": None}
TEXT = json.dumps(VALUE, ensure_ascii=False)
INDENTED = json.dumps(VALUE, indent=2)
ESCAPED = json.dumps(TEXT)[1:-1]

SAME = {
    "plain": TEXT,
    "indented": INDENTED,
    "byte order mark": "\ufeff" + TEXT,
    "blanks": f"\n \u00a0{TEXT}\n\n",
    "repeated tail": TEXT + TEXT[-8:],
    "repeated tail many times": TEXT + TEXT[-8:] * 5_000,
    "the whole twice": TEXT + "\n" + TEXT,
    "fence": f"```json\n{INDENTED}\n```",
    "fence in capitals": f"```JSON\n{TEXT}\n```\n",
    "fence without language": f"```\n{TEXT}\n```",
    "fence that is not closed": f"```json\n{TEXT}",
    "fence on one line": f"```json {TEXT} ```",
    "fence with tildes": f"~~~json\n{TEXT}\n~~~",
    "prose and fence": f"Here is the [JSON] for {{video}}:\n\n```json\n{TEXT}\n```\nTell me {{more}}.",
    "prose": f"Sure! The answer is:\n{TEXT}\nIs there anything else?",
    "prose with citations": f"[1] At [0:05], as in {{it}}: {TEXT} [2]",
    "prose with quotes": f'He said "look, a 5\\" screen": {TEXT}',
    "number before": f"1. {TEXT}",
    "escaped quotes": ESCAPED,
    "escaped quotes, indented": json.dumps(INDENTED)[1:-1],
    "escaped quotes with a tail": ESCAPED + '\\"}]}',
    "escaped quotes in prose": f"Answer: {ESCAPED}",
    "escaped quotes in a fence": f"```json\n{ESCAPED}\n```",
    "encoded twice": json.dumps(TEXT),
    "encoded twice in a fence": f"```json\n{json.dumps(TEXT)}\n```",
    "encoded twice with a tail": json.dumps(TEXT) + '"}',
    "trailing commas": TEXT.replace("{}]", "{},\n]").replace("null}", "null , }"),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_first_complete_value_counts(text: str) -> None:
    answer = read_structured(text)
    assert answer.data == VALUE
    assert json.loads(answer.text) == VALUE
    assert answer.offset is None or text[answer.offset :].startswith(answer.text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": \\"b\\"}', {"a": "b"}),
        ('{"items": [{\\"a\\": "b"}]}', {"items": [{"a": "b"}]}),
        (r'{"a": "it\'s C:\Video"}', {"a": "it's C:\\Video"}),
        ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}),
        ('{"a": ",}", "b": ",]",}', {"a": ",}", "b": ",]"}),
        ('{"a": "```json\\n{}\\n```"}', {"a": "```json\n{}\n```"}),
        ('[{"a": 1}] and [{"b": 2}]', [{"a": 1}]),
        ("[]", []),
        ("```json\n{}\n```", {}),
        ("[1, 2]]}", [1, 2]),
        ('"a text"', "a text"),
        ('"a text"}', "a text"),
        ('"{not JSON}"', "{not JSON}"),
        ("42", 42),
        ("null\n", None),
    ],
)
def test_other_json_values(text: str, value: Any) -> None:
    assert read_structured(text).data == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "\ufeff",
        "The video shows a sign.",
        "5 people and [two] dogs {maybe}",
        TEXT[:-1],
        TEXT[:-10],
        ESCAPED[:-1],
        json.dumps(TEXT)[:-2],
        f"```json\n{TEXT[:-2]}\n```",
        f"Sure: {TEXT[:-2]}",
        '{"chapters": [{"title": "A"}, {"title": "B',
        'Sure: {\\"chapters\\": [{"title": "A"}',
        '{"a": "b\\"}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": -1e400}',
        '{"a": ' + "1" * 5_000 + "}",
        "{'a': 1}",
    ],
)
def test_text_without_a_complete_value_is_refused(text: str) -> None:
    with pytest.raises(TwelveLabsAnswerError, match="not the JSON that was asked for"):
        read_structured(text)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[" * 300 + "]" * 300, '{"a":' * 300 + "1" + "}" * 300]
)
@pytest.mark.parametrize("around", ["{}", "```json\n{}\n```", "Sure: {}"])
def test_deep_nesting_is_refused(text: str, around: str) -> None:
    with pytest.raises(TwelveLabsAnswerError):
        read_structured(around.replace("{}", text))
    assert read_structured("[" * 150 + "]" * 150).data
