"""Cut, corrupted or foreign files: what is whole is kept, what is lost is named, nothing crashes."""

import gzip
import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilotfish.domain.errors import RecordingError
from pilotfish.venues.recordings import Recording, read_recordings
from tests.unit.recordings_samples import (
    EXPORT,
    SHEET,
    TAPE,
    export,
    hl,
    lines,
    only_issue,
    packed,
    put,
    read,
    sheet,
    tape,
    trade,
)

GOOD = [hl(k) for k in range(3)]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_truncated_document_keeps_the_rows_before_the_cut(tmp_path, indent):
    text = json.dumps({"fills": GOOD, "end_ms": 1}, indent=indent)
    cut = text.index('"startPosition"', text.index("5001"))
    found = read(tmp_path, text[:cut])
    issue = only_issue(found)
    assert [f.fill_id for f in found.fills] == [5000, 5001]
    assert issue.column == "fills[2]"
    assert "ends or breaks here" in issue.why
    assert issue.line == (1 if indent is None else text[: text.rindex("{", 0, cut)].count("\n") + 1)


def test_truncated_gzip_keeps_what_unpacks(tmp_path):
    many = [hl(k) for k in range(2000)]
    found = read(tmp_path, packed(many)[:-4000])
    assert "the gzip stream ends too soon" in found.issues[0].why
    assert 100 < len(found.fills) < 2000
    assert [f.fill_id for f in found.fills] == list(range(5000, 5000 + len(found.fills)))


def test_damaged_gzip_keeps_what_unpacks(tmp_path):
    raw = bytearray(packed([hl(k) for k in range(2000)]))
    raw[-3000] ^= 0xFF
    found = read(tmp_path, bytes(raw))
    assert any("gzip" in issue.why or "JSON" in issue.why for issue in found.issues)
    assert len(found.fills) > 100


def test_members_of_a_gzip_file_are_read_on(tmp_path):
    raw = gzip.compress(json.dumps([hl(0)]).encode()) + gzip.compress(json.dumps([hl(1)]).encode())
    assert len(read(tmp_path, raw).fills) == 2


def test_a_broken_row_inside_a_list_costs_itself_only(tmp_path):
    text = json.dumps(GOOD).replace('"tid": 5001', '"tid": ,')
    found = read(tmp_path, text)
    assert only_issue(found).column == "[1]"
    assert [f.fill_id for f in found.fills] == [5000, 5002]


def test_a_broken_field_before_the_fills_does_not_cost_them(tmp_path):
    found = read(tmp_path, '{"error": nul, "fills": ' + json.dumps(GOOD) + "}")
    assert "ends or breaks here" in only_issue(found).why
    assert len(found.fills) == 3


def test_a_broken_line_between_frames_costs_itself_only(tmp_path):
    frames = [json.dumps({"channel": "userFills", "data": {"fills": [hl(k)]}}) for k in range(3)]
    found = read(tmp_path, "\n".join([frames[0], frames[1][:90], "garbage", frames[2]]))
    assert {issue.line for issue in found.issues} == {2, 3}
    assert [f.fill_id for f in found.fills] == [5000, 5002]


def test_rows_that_are_not_utf_8_are_named(tmp_path):
    raw = json.dumps(GOOD).encode().replace(b'"oid": 1001', b'"oid": 1001, "x": "\xff\xfe"')
    found = read(tmp_path, raw)
    assert "UTF-8" in only_issue(found).why
    assert [f.fill_id for f in found.fills] == [5000, 5002]
    table = lines(EXPORT, export(title="good"), export(title="bad")).encode().replace(b"bad", b"b\xe9d")
    found = read(tmp_path, table)
    assert (only_issue(found).line, only_issue(found).column) == (3, "market_title")
    assert len(found.fills) == 1


def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it(tmp_path):
    found = read(tmp_path, lines(EXPORT, export(), export(title='"Poland'), *[export() for _ in range(5)]))
    assert only_issue(found).line == 3
    assert len(found.fills) == 6


def test_deep_nesting_and_endless_digits_are_issues_and_no_crash(tmp_path):
    assert read(tmp_path, '{"fills": [' + "[" * 100_000).issues
    assert read(tmp_path, json.dumps([hl()])[:-2] + ', "n": ' + "9" * 10_000 + "}]").fills
    assert read(tmp_path, '{"fills":' + '{"data":' * 5_000).issues


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b" \n ", "holds no text"),
        (packed([])[:5], "ends too soon"),
        ("[]", "fields of no recording"),
        ('{"hello": 1}', "fields of no recording"),
        ("Dear diary", "neither JSON, YAML, DuckDB nor a table"),
        (json.dumps(GOOD).encode("utf-16"), "UTF-16"),
        (b"\x00\x01\x02" * 100, "binary"),
        (b"x" * 8 + b"DUCK" + b"\x00" * 5000, "database cannot be read"),
        ("interactions:\n- request: {body: 'x\n", "is no YAML"),
        ("interactions:\n- request: 3\n", "lacks its request or response"),
    ],
)
def test_a_file_without_a_recording_says_why_and_what_is_known(tmp_path, content, told):
    found = read(tmp_path, content)
    assert found.fills == []
    assert any(told in issue.why for issue in found.issues)
    assert all(issue.to_do for issue in found.issues)


def test_unknown_content_lists_the_known_shapes_as_an_issue_when_named_and_a_note_in_a_folder(tmp_path):
    path = put(tmp_path, "Dear diary", "README.md")
    put(tmp_path, GOOD, "zz")
    (named,) = read_recordings([path])
    assert "hyperliquid fills" in only_issue(named).to_do
    diary, fills = read_recordings([tmp_path])
    assert diary.issues == []
    assert any("polymarket activity" in note for note in diary.notes)
    assert len(fills.fills) == 3


def test_a_file_that_is_not_there_is_an_issue(tmp_path):
    (found,) = read_recordings([tmp_path / "nowhere"])
    assert "cannot be read" in only_issue(found).why


@pytest.mark.parametrize("content", [[hl(sz="-1")], lines(SHEET, sheet(size="0")), b"", "Dear diary", "[{"])
def test_strict_raises_the_first_issue(tmp_path, content):
    with pytest.raises(RecordingError) as told:
        read(tmp_path, content, strict=True)
    assert told.value.file == "recording"


SOUND: dict[str, Callable[[], bytes]] = {
    "json": lambda: json.dumps({"fills": [hl(k) for k in range(4)]}).encode(),
    "gzip": lambda: packed([hl(k) for k in range(4)]),
    "activity": lambda: json.dumps([trade(k) for k in range(4)]).encode(),
    "sheet": lambda: lines(SHEET, *(sheet(start=str(k / 2)) for k in range(4))).encode(),
    "export": lambda: lines(EXPORT, *(export() for _ in range(4))).encode(),
    "tape": lambda: lines(TAPE, *(tape() for _ in range(4))).encode(),
}


def check(found: list[Recording]) -> None:
    for one in found:
        assert len(one.fills) == len(one.fees) == len(one.order_ids)
        assert len({f.fill_id for f in one.fills}) == len(one.fills)
        assert [f.venue_ns for f in one.fills] == sorted(f.venue_ns for f in one.fills)
        assert all(f.lots > 0 and f.price > 0 for f in one.fills)


@pytest.mark.parametrize("shape", SOUND)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_any_shape_is_survived(tmp_path, shape, data):
    raw = bytearray(SOUND[shape]())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        action = data.draw(st.sampled_from(["cut", "byte", "insert", "double"]))
        if action == "cut":
            del raw[at:]
        elif action == "byte" and raw:
            raw[at] = data.draw(st.integers(0, 255))
        elif action == "insert":
            raw[at:at] = data.draw(st.sampled_from([b'"', b"{", b"[", b"\n", b",", b"\xff", b"\x00", b"1e999", b"-"]))
        else:
            raw[at:at] = raw[at : at + 50]
    check(read_recordings([put(tmp_path, bytes(raw))], accounts=9))


@pytest.mark.parametrize("shape", ["json", "activity", "sheet", "export", "tape"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_never_costs_a_row_before_it_and_never_passes_unnoticed(tmp_path, shape, data):
    raw = SOUND[shape]()
    row_ends = [k + 1 for k, byte in enumerate(raw) if byte == (ord("}") if raw[:1] in b"[{" else ord("\n"))]
    first = row_ends[0] if raw[:1] in b"[{" else row_ends[1]
    at = data.draw(st.integers(first, len(raw) - 2))
    found = read_recordings([put(tmp_path, raw[:at])])[0]
    whole = sum(end <= at for end in row_ends) - (raw[:1] not in b"[{")
    assert len(found.fills) >= min(whole, 4)
    assert len(found.fills) == 4 or found.issues or any("may be cut" in n for n in found.notes) or at in row_ends
