"""report.json: what is written can be read again, adds up, and never half replaces what was there."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotfish.domain.errors import ConfigError
from pilotfish.views.report import decode_report, schema_terms, write_report
from pilotfish.views.report.checks import cautions, contradictions
from pilotfish.views.report.schema import PARTS, Attribution, Copies, Histogram, Part, Report, RunFigures, exact_sum
from pilotfish.views.report.write import encode_report
from tests.unit.report_example import changed, example

AMOUNTS = st.decimals(-(10**30), 10**30, places=18)


def test_the_written_report_decodes_to_the_same_report(tmp_path: Path) -> None:
    path, page = write_report(example(), tmp_path / "out")
    assert decode_report(path.read_bytes()) == example()
    assert page.name == "report.html"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["report.html", "report.json"]


def test_the_same_report_gives_the_same_bytes_whatever_order_its_maps_were_filled_in() -> None:
    there = {"b": 2, "a": 1, "c": 3}
    back = dict(reversed(there.items()))
    assert encode_report(changed(example(), refusals=there)) == encode_report(changed(example(), refusals=back))


def test_money_is_a_plain_decimal_string() -> None:
    report = changed(example(), attribution=Attribution.of(fee=Decimal("-1E+3"), delay=Decimal("0E-8")))
    plain = json.loads(encode_report(report))["attribution"]
    assert (plain["fee"], plain["delay"], plain["total"]) == ("-1000", "0.00000000", "-1000.00000000")


def test_a_figure_that_is_no_number_is_null() -> None:
    run = RunFigures(wall_s=1.0, events_per_s=float("nan"))
    report = changed(example(), run=run, leads=[changed(example().leads[0], pnl=None)])
    assert json.loads(encode_report(report))["run"]["events_per_s"] is None
    assert decode_report(encode_report(report)).leads[0].pnl is None


def test_numpy_integers_and_undecodable_file_names_are_written_too() -> None:
    issue = changed(example().issues[0], file="fills\udcff.csv", line=np.int64(3))
    read = decode_report(encode_report(changed(example(), issues=[issue], orders={"filled": np.int64(7)})))
    assert (read.issues[0].file, read.issues[0].line, read.orders) == ("fills?.csv", 3, {"filled": 7})


def test_a_field_of_the_wrong_kind_is_named() -> None:
    report = changed(example(), run=RunFigures(wall_s="soon"))
    with pytest.raises(ConfigError, match=r"\$\.run\.wall_s"):
        decode_report(encode_report(report))


def test_a_report_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path, monkeypatch) -> None:
    write_report(example(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        write_report(changed(example(), seed=43), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@given(st.fixed_dictionaries(dict.fromkeys(PARTS, AMOUNTS)))
def test_the_parts_of_the_attribution_sum_to_its_total_exactly(parts: dict[str, Decimal]) -> None:
    attribution = Attribution.of(**parts)
    as_units = sum(int(f"{amount:.18f}".replace(".", "")) for amount in parts.values())
    assert int(f"{attribution.total:.18f}".replace(".", "")) == as_units
    assert attribution.adds_up()
    assert decode_report(encode_report(changed(example(), attribution=attribution))).attribution == attribution


def test_a_part_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError):
        Attribution.of(luck=Decimal(1))


def test_a_sum_with_what_is_no_number_is_no_number() -> None:
    assert exact_sum([Decimal(1), Decimal("NaN")]).is_nan()


def test_a_sound_report_does_not_contradict_itself() -> None:
    assert contradictions(example()) == []


def _broken() -> Iterator[tuple[str, Report]]:
    sound = example()
    yield "sum to -5 base units", changed(sound, ledger=changed(sound.ledger, sum_by_asset={"USDC": -5}))
    yield "its total says 1", changed(sound, attribution=changed(sound.attribution, total=Decimal(1)))
    yield "not a number", changed(sound, attribution=changed(sound.attribution, fee=Decimal("NaN")))
    yield "2,000 were intended, 1,999", changed(sound, copies=changed(sound.copies, filled=1_899))
    yield "the reasons account for 0", changed(sound, copies=changed(sound.copies, missed_by_reason={}))
    lost = changed(sound.leads[0], copies=Copies(intended=1))
    yield "The copies of lead acc2", changed(sound, leads=[lost])
    yield "follows are off target", changed(sound, followers=changed(sound.followers, off_target_reasons={}))
    short = Histogram(edges=[0.0, 1.0], counts=[1])
    yield "replication lag holds 1 values", changed(sound, lag_ms=changed(sound.lag_ms, histogram=short))
    crooked = Histogram(edges=[0.0], counts=[1])
    yield "1 edges for 1 bins", changed(sound, lag_ms=changed(sound.lag_ms, histogram=crooked))
    cut = changed(sound.equity.leads[0], return_bps=[1.0])
    yield "equity of lead 0xacc2", changed(sound, equity=changed(sound.equity, leads=[cut]))
    band = changed(sound.equity.followers, p5=[1.0])
    yield "followers of all leads", changed(sound, equity=changed(sound.equity, followers=band))


@pytest.mark.parametrize(("says", "report"), list(_broken()), ids=[says for says, _ in _broken()])
def test_a_report_says_where_it_contradicts_itself(says: str, report: Report) -> None:
    assert [text for text in contradictions(report) if says in text]


def test_modelled_books_and_rows_left_out_are_said_plainly() -> None:
    said = cautions(example())
    assert said[0] == (
        "Prices and depth between the lead's fills are modelled, not recorded: BTC. Mid walks between the fills."
    )
    assert any("1 row of the inputs" in text for text in said)
    recorded = [changed(i, book="recorded") for i in example().instruments]
    assert not any("modelled" in text for text in cautions(changed(example(), instruments=recorded)))


def _fields(kind: type, seen: set[type]) -> Iterator[str]:
    """Every field name of the schema, nested structs included."""
    if kind in seen:
        return
    seen.add(kind)
    for field in msgspec.structs.fields(kind):
        yield field.name
        for inner in [*Part.__subclasses__(), *schema_terms.Part.__subclasses__()]:
            if inner.__name__ in str(field.type):
                yield from _fields(inner, seen)


def test_the_documentation_explains_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs/report.md").read_text()
    names = set(_fields(Report, set()))
    assert "missed_by_reason" in names
    assert sorted(name for name in names if f"`{name}`" not in page) == []
