"""What is to be deployed is read whole, and what must not be is refused before anything is sent."""

import re
from pathlib import Path

import pytest

from pilotfish.domain.errors import ConfigError
from pilotfish.venues.evm.deploy.settings import read_settings
from pilotfish.venues.evm.node.accounts import known_to_all, local_keys

ROOT = Path(__file__).parents[2]
EXAMPLE = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/chain.md").read_text(), re.DOTALL)[0]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "chain.toml"
    path.write_text(text)
    return path


def test_the_documented_example_is_one_that_can_be_deployed(tmp_path):
    settings = read_settings(written(tmp_path, EXAMPLE))
    assert (settings.chain_id, settings.safe.threshold, settings.tokens[0].name) == (1, 2, "WETH")
    assert settings.vaults[0].terms.third_rate_bps == 1500


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("threshold = 2", "threshold = 1", "one owner signs alone"),
        ("threshold = 2", "threshold = 4", "fewer than must sign"),
        ("timelock_delay_s = 172800", "timelock_delay_s = 60", "waits less than a day"),
        ("0x1111111111111111111111111111111111111111", local_keys()[4].address, "a key that everybody knows"),
        ("0x4444", "0x3333333333333333333333333333333333334444", "0x"),
        ('guardians = ["0x1111111111111111111111111111111111111111"]', "guardians = []", "names no guardian"),
        ("[[vaults]]", '[[vaults]]\ntokens = ["DOGE"]', "DOGE"),
        ("deviation_bps = 200", "deviation_bps = -1", "deviation_bps"),
        ("fee_bps = 1000", "fee_bps = 1000\nsecret = 1", "secret"),
        ('name = "mainnet"', "name = ", "Invalid value"),
    ],
)
def test_what_must_not_be_deployed_is_refused_with_its_reason(tmp_path, before, after, why):
    assert before in EXAMPLE
    with pytest.raises(ConfigError, match=why):
        read_settings(written(tmp_path, EXAMPLE.replace(before, after)))


def test_a_file_that_is_not_there_is_said_to_be(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path / "none.toml")


def test_the_known_keys_are_those_of_every_local_node():
    assert "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" in known_to_all()
    assert len(known_to_all()) == 20
