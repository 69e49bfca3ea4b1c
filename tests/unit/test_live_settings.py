"""pilotfish.toml: every error names the line and the remedy, the environment overrides, and no secret gets in."""

from decimal import Decimal
from pathlib import Path

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.worlds.live.settings import overrides, parse_settings, read_settings
from pilotfish.worlds.live.template import TEMPLATE, write_template
from pilotfish.worlds.toml_lines import line_of, lines_of

ENTRIES = ("address", "name", "key", "equity")
LEAD = "0x" + "ab" * 20


def test_the_file_that_init_writes_says_what_the_defaults_are(tmp_path: Path) -> None:
    path = tmp_path / "pilotfish.toml"
    write_template(path)
    read = read_settings(path, {})
    for name in ("run", "venue", "keys", "limits", "leads", "accounts"):
        assert getattr(read, name) == getattr(parse_settings("", "x.toml"), name), name
    with pytest.raises(ConfigError, match="already"):
        write_template(path)


def test_its_commented_entries_are_right_once_they_are_used() -> None:
    text = "\n".join(
        line.removeprefix("# ")
        if line.startswith(("# [[leads", "# [[acc", *(f"# {name}" for name in ENTRIES)))
        else line
        for line in TEMPLATE.splitlines()
    )
    read = parse_settings(text, "x.toml")
    assert (len(read.leads), len(read.accounts)) == (1, 1)


def test_it_may_hold_what_the_platform_s_file_may_hold() -> None:
    read = parse_settings("[risk]\noutage = 'close'\n[[rules]]\nname = 'a'\nwhen = 'order.lots > 5'", "x.toml")
    assert read.risk is not None
    assert (read.risk.outage, read.rules[0].name) == ("close", "a")


WRONG = {
    "[run]\nmode = 'real'": (2, "use one of paper, live"),
    "[run]\n\nmoed = 'paper'": (3, "did you mean mode"),
    "[venue]\nname = 3": (2, ""),
    "[[leads]]\nname = 'a'": (1, ""),
    "[[leads]]\naddress = '0x12'": (2, "40 hexadecimal digits"),
    f"[[leads]]\naddress = '{LEAD}'\n[[leads]]\nname='b'\naddress = 'x'": (5, "40 hexadecimal digits"),
    f"[[accounts]]\nkey='k'\naddress='{LEAD}'\nvault='0'": (4, "40 hexadecimal digits"),
    "[limits]\norder_usdc = -1": (2, "write one"),
    "[limits]\n# a comment\nloss_usdc = nan": (3, "write one"),
    "[run\nmode = 'paper'": (None, "mend that line"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused_at_its_line_with_the_remedy(text) -> None:
    line, remedy = WRONG[text]
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "mine.toml")
    assert str(caught.value).startswith(f"mine.toml:{line}," if line else "mine.toml:")
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        f'key = "0x{"12" * 32}"', f"# {'ab' * 32}", 'private_key = "x"', "password = 'y'",
        'words = "abandon ability able about above absent absorb abstract absurd abuse access accident"',
    ],
)  # fmt: skip
def test_a_secret_in_the_file_is_refused_and_not_repeated(line) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml:2") as caught:
        parse_settings(f"[run]\n{line}", "mine.toml")
    assert line.split('"')[-2 if '"' in line else 0] not in str(caught.value)
    assert "keystore" in str(caught.value)


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("[run]\nmode = 'paper'\nminutes = 3\n[limits]\norder_usdc = 5")
    environment = {
        "PILOTFISH_RUN__MODE": "live", "PILOTFISH_LIMITS__ORDER_USDC": "7.5", "PILOTFISH_VENUE__INSTRUMENTS": '["BTC"]',
        "PILOTFISH_OTHER__X": "1", "PATH": "/bin",
    }  # fmt: skip
    read = read_settings(path, environment)
    assert (read.run.mode, read.run.minutes, read.limits.order_usdc) == ("live", 3, Decimal("7.5"))
    assert read.venue.instruments == ("BTC",)
    with pytest.raises(ConfigError, match="use one of"):
        read_settings(path, {"PILOTFISH_RUN__MODE": "real"})
    assert set(overrides(environment)) == {"run", "limits", "venue"}


def test_a_file_that_is_not_there_is_named_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pilotfish init"):
        read_settings(tmp_path / "none.toml", {})
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_settings(tmp_path / "b.toml", {})


def test_a_mode_that_nobody_said_is_paper_and_on_a_twin_live() -> None:
    assert parse_settings("", "x.toml").run.mode == "paper"
    assert parse_settings("[venue]\nname = 'hyperliquid-twin'", "x.toml").run.mode == "live"
    assert parse_settings("[venue]\nname = 'hyperliquid-twin'\n[run]\nmode = 'paper'", "x.toml").run.mode == "paper"


def test_lines_are_found_through_comments_lists_and_long_texts() -> None:
    lines = lines_of('a = 1\n[t]\nb = """\nc = 2\n"""\nd = [\n 1,\n]\n[[l]]\nx = 1\n[[l]]\nx = 2\n[t.u]\ny = 1\n')
    expected = {"a": 1, "t": 2, "t.b": 3, "t.d": 6, "l[0]": 9, "l[0].x": 10, "l[1].x": 12, "t.u.y": 14}
    assert {name: lines[name] for name in expected} == expected
    assert "t.c" not in lines
    assert (line_of(lines, "t.d[0][1]"), line_of(lines, "l[1].zz"), line_of(lines, "none")) == (6, 11, None)
