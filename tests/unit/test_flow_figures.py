"""The figures of the simulated market: each has a source, is what the fit says, and is given with an honest note."""

from itertools import pairwise

import msgspec
import pytest

from bench import fit_figures
from pilotfish.domain.errors import ConfigError
from pilotfish.domain.instrument import Kind
from pilotfish.venues.sim import figures
from pilotfish.venues.sim.figures import LEVELS, MAJOR, MID, OUTCOME, THIN, Figure, Quantiles, figures_for

CLASSES = [MAJOR, MID, THIN, OUTCOME]


@pytest.mark.parametrize("market", CLASSES, ids=lambda market: market.name)
def test_every_figure_is_positive_and_names_its_recording_or_its_assumption(market):
    for field in msgspec.structs.fields(market):
        figure = getattr(market, field.name)
        if field.name == "name":
            continue
        assert isinstance(figure, Figure | Quantiles)
        assert any(word in figure.source for word in ("live_books_5m", "clob-mlb-2025", "assumed: ")), field.name
        values = figure.values if isinstance(figure, Quantiles) else [figure.value]
        assert min(values) > 0


@pytest.mark.parametrize("market", CLASSES, ids=lambda market: market.name)
def test_quantiles_rise_and_no_tail_is_invented(market):
    for quantiles in (market.spread_bps, market.touch_usd):
        assert len(quantiles.values) == len(LEVELS)
        assert list(quantiles.values) == sorted(quantiles.values)
        assert (quantiles.at(0.0), quantiles.at(1.0)) == (quantiles.values[0], quantiles.values[-1])
        assert [quantiles.at(level) for level in LEVELS] == pytest.approx(quantiles.values)
        average = sum(quantiles.at((i + 0.5) / 9000) for i in range(9000)) / 9000
        assert quantiles.mean == pytest.approx(average, rel=1e-3)


@pytest.mark.parametrize("market", CLASSES, ids=lambda market: market.name)
def test_depth_grows_with_distance_and_beyond_the_fitted_reach_no_faster_than_linearly(market):
    reach = market.reach_bps.value
    depths = [market.extra_usd(reach * i / 4) for i in range(41)]
    assert depths[0] == 0
    assert all(b > a for a, b in pairwise(depths))
    assert market.extra_usd(8 * reach) <= 8 * market.extra_usd(reach) * (1 + 1e-12)


def test_a_measured_coin_an_alike_coin_and_an_unknown_coin_are_told_apart():
    for symbol in ("BTC", "BTCUSDT", "BTC-USD", "BTC/USDT:USDT"):
        market, note = figures_for(symbol, Kind.PERP)
        assert market is MAJOR
        assert "which BTC was fitted to" in note
    assert figures_for("ETH", Kind.SPOT)[0] is MAJOR
    assert "overstated" in figures_for("ETH", Kind.SPOT)[1]
    assert figures_for("xyz:CXMT", Kind.PERP)[0] is THIN
    market, note = figures_for("kBONK", Kind.PERP)
    assert market is MID
    assert "not measured" in note
    assert figures_for("BTC above 100k?", Kind.OUTCOME)[0] is OUTCOME


@pytest.mark.parametrize("symbol", ["USDT", "xyz:BTC"])
def test_a_coin_that_only_looks_like_a_major_is_not_one(symbol):
    assert figures_for(symbol, Kind.PERP)[0] is MID


def test_a_market_without_a_symbol_is_refused():
    with pytest.raises(ConfigError, match="name the instrument"):
        figures_for(" ", Kind.PERP)


def test_the_figures_are_what_the_fit_prints(shared_data, monkeypatch, capsys):
    # The Binance cross-check alone reads 94,000 messages; it changes a source text and no figure.
    monkeypatch.setattr(fit_figures, "binance_check", lambda root: figures.RELAXED)
    fit_figures.main(shared_data)
    printed = dict(vars(figures))
    exec(capsys.readouterr().out, printed)  # the literals of the module, as Python
    for name in ("MAJOR", "MID", "THIN", "OUTCOME"):
        assert printed[name] == getattr(figures, name)
