"""What docs/evm.md says of settings is what they are."""

from pathlib import Path

from pilotfish.venues.evm.settings import SECOND, Settings

PAGE = Path(__file__).parents[2] / "docs" / "evm.md"


def test_the_page_says_what_each_setting_is_by_default():
    settings = Settings(journal=0, chain=1, router="", ws_url="", http_url="")
    rows = [line.split("|")[1:4] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    cells = {name.strip(" `"): value.strip() for name, value, _ in rows}
    told = {name: value for name, value in cells.items() if name in Settings.__struct_fields__}
    assert len(told) >= 11
    for name, value in told.items():
        number = value.removesuffix(" s").replace(",", "")
        said = value == "true" or int(number) * (SECOND if value.endswith(" s") else 1)
        assert getattr(settings, name) == said, name


def test_a_settings_repr_shows_no_address_that_could_hold_a_key():
    settings = Settings(
        journal=0, chain=1, router="", ws_url="wss://node/SECRET", http_url="https://node/SECRET", send_url="SECRET"
    )
    assert "SECRET" not in repr(settings)
