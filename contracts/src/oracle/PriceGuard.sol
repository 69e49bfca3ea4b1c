// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";
import {IPriceGuard} from "../types/IPriceGuard.sol";
import {Feeds} from "./Feeds.sol";
import {TickPrice} from "./TickPrice.sol";

/// @notice What is needed of a Chainlink-like feed.
interface IFeed {
    function decimals() external view returns (uint8);
}

/// @notice What is needed of a Uniswap v3 pool.
interface IPoolTokens {
    function token0() external view returns (address);
    function token1() external view returns (address);
}

/// @title PriceGuard: a price that oracle and market agree on, or none
/// @notice Each token has a Chainlink-like feed and a Uniswap v3 pool with the quote asset. The feed must be fresh and complete; the
/// pool's mean over the token's window must be within the token's line of it; the chain's sequencer must be up, and have been for a
/// while. Otherwise every question reverts, and whoever would trade or close on the price does not.
/// @dev With a feed of the quote asset itself, every other feed is divided by it (ETH/USD by USDC/USD), so that a quote asset which lost
/// its peg is not taken at par. Without one the feeds are taken as quoted in the asset. That feed comes first or never.
contract PriceGuard is IPriceGuard, Ownable2Step {
    using SafeCast for uint256;

    /// @param feed where the answer comes from; zero: the token has none
    /// @param heartbeat seconds that an answer is good for
    /// @param window seconds of the pool's mean
    /// @param deviationBps how far mean and answer may be apart, in bps of the answer
    /// @param exponent the price is the answer times ten to this power (before the quote asset's own feed)
    /// @param throughQuote whether the answer is divided by that of the quote asset's feed
    /// @param pool where the mean comes from
    /// @param markedAt when the pool's counter was marked, seconds; zero: never
    /// @param marked the counter then
    struct Feed {
        address feed;
        uint32 heartbeat;
        uint24 window;
        uint16 deviationBps;
        int8 exponent;
        bool throughQuote;
        address pool;
        uint32 markedAt;
        int56 marked;
    }

    /// @param time seconds
    /// @param counter the pool's, then
    struct Mark {
        uint32 time;
        int56 counter;
    }

    /// @notice A mean over less can be moved by whoever holds a pool for a few blocks. Seconds.
    uint256 public constant WINDOW_MIN = 30 minutes;
    /// @notice A feed that is allowed to differ by more guards nothing. Bps.
    uint256 public constant DEVIATION_BPS_MAX = 2_000;
    /// @notice Seconds. No feed that is used for money is slower.
    uint256 public constant HEARTBEAT_MAX = 2 days;
    /// @notice A mark serves until it is this many windows old.
    uint256 public constant MARK_WINDOWS_MAX = 3;
    /// @dev No price of anything is larger; so an amount below 2^64 times a price never overflows.
    uint256 private constant PRICE_LIMIT = 1 << 192;
    uint256 private constant ANSWER_LIMIT = 1 << 128;

    /// @inheritdoc IPriceGuard
    address public immutable quote;
    /// @notice Uptime feed of the chain's sequencer: answer 0 is up, `startedAt` is since when. Zero on a chain without one.
    address public immutable sequencer;
    /// @notice Seconds after the sequencer came back in which prices are still doubtful: others' transactions queued up meanwhile.
    uint256 public immutable grace;

    /// @notice Each token's feed, pool and lines.
    mapping(address token => Feed) public feeds;
    /// @notice The next mark of each token's pool, not yet a window old.
    mapping(address token => Mark) public coming;
    /// @notice How many tokens besides the quote asset have a feed.
    uint256 public tokens;

    event FeedSet(
        address indexed token, address feed, uint256 heartbeat, address pool, uint256 window, uint256 deviationBps
    );

    event Marked(address indexed token, uint256 time, int256 counter);

    /// @notice The pool does not reach back `window` seconds. Raise its `increaseObservationCardinalityNext`, and wait.
    error NoAverage(address token, address pool);
    /// @notice A setting is outside what is sound.
    error OutOfBounds(bytes32 setting, uint256 value);
    /// @notice The pool does not trade the token against the quote asset.
    error NotItsPool(address token, address pool);
    /// @notice Tokens have feeds already; take those away before the quote asset gets or loses its own.
    error QuoteComesFirst(uint256 tokens);

    /// @param quote_ what prices are in: the asset of the books
    /// @param sequencer_ uptime feed, or zero
    /// @param grace_ seconds
    constructor(address owner_, address quote_, address sequencer_, uint256 grace_) Ownable(owner_) {
        (quote, sequencer, grace) = (quote_, sequencer_, grace_);
    }

    /// @notice Give `token` a feed, or take it away (`feed` zero: the rest is ignored). The quote asset's own needs no pool.
    /// @param heartbeat seconds, as the feed promises, with some to spare
    /// @param pool Uniswap v3 pool of the token and the quote asset
    /// @param window seconds of its mean
    /// @param deviationBps how far feed and mean may be apart
    function setFeed(
        address token,
        address feed,
        uint256 heartbeat,
        address pool,
        uint256 window,
        uint256 deviationBps
    ) external onlyOwner {
        bool had = feeds[token].feed != address(0);
        bool has = feed != address(0);
        if (token == quote) {
            if (had != has && tokens != 0) revert QuoteComesFirst(tokens);
            (pool, window, deviationBps) = (address(0), 0, 0);
        } else if (had != has) {
            tokens = has ? tokens + 1 : tokens - 1;
        }
        delete coming[token];
        if (!has) {
            (heartbeat, pool, window, deviationBps) = (0, address(0), 0, 0);
            delete feeds[token];
        } else {
            if (heartbeat == 0 || heartbeat > HEARTBEAT_MAX) revert OutOfBounds("heartbeat", heartbeat);
            feeds[token] = token == quote
                ? _ownFeed(feed, heartbeat)
                : _feed(token, feed, heartbeat, pool, window, deviationBps);
        }
        emit FeedSet(token, feed, heartbeat, pool, window, deviationBps);
    }

    /// @notice Keep the pool's counter, so that the mean can be taken from here on without a search in the pool's memory, which costs
    /// some 40,000 gas where it is long. For anybody, once a window; more often does nothing. Nothing depends on it but gas: without a
    /// mark of one to three windows the pool's own memory is asked.
    /// @return moved whether anything was kept
    function mark(address token) external returns (bool moved) {
        Feed storage f = feeds[token];
        if (f.pool == address(0)) revert NoFeed(token);
        Mark memory next = coming[token];
        if (block.timestamp - next.time < f.window) return false;
        (bool known, int256 counter,) = Feeds.counters(f.pool, 0);
        if (!known) revert NoAverage(token, f.pool);
        (f.markedAt, f.marked) = (next.time, next.counter);
        coming[token] = Mark(block.timestamp.toUint32(), int56(counter));
        emit Marked(token, block.timestamp, counter);
        return true;
    }

    /// @inheritdoc IPriceGuard
    function price(address token) external view returns (uint256 oracle) {
        if (token == quote) return PRICE_SCALE;
        (oracle,) = _checked(token);
    }

    /// @inheritdoc IPriceGuard
    function bounds(address token) external view returns (uint256 low, uint256 high) {
        if (token == quote) return (PRICE_SCALE, PRICE_SCALE);
        (low, high) = _checked(token);
        if (low > high) (low, high) = (high, low);
    }

    function _checked(address token) private view returns (uint256 oracle, uint256 average) {
        Feed memory f = feeds[token];
        if (f.feed == address(0)) revert NoFeed(token);
        _requireSequencer();
        oracle = _oracleDown(token, f);
        average = _averageDown(token, f);
        uint256 apart = oracle > average ? oracle - average : average - oracle;
        // The first comparison is for averages that no price can be, with which the second would overflow.
        if (average >= PRICE_LIMIT || apart * BPS > oracle * f.deviationBps) {
            revert DeviatingPrice(token, oracle, average);
        }
    }

    function _requireSequencer() private view {
        if (sequencer == address(0)) return;
        (bool complete, int256 answer, uint256 startedAt,) = Feeds.latest(sequencer);
        bool up = complete && answer == 0 && startedAt != 0 && startedAt <= block.timestamp;
        if (!up || block.timestamp - startedAt < grace) revert SequencerDown(startedAt);
    }

    function _oracleDown(address token, Feed memory f) private view returns (uint256 oracle) {
        (uint256 answer, uint256 updatedAt) = _answer(token, f.feed, f.heartbeat);
        (int256 exponent, uint256 divisor) = (f.exponent, 1);
        if (f.throughQuote) {
            Feed storage own = feeds[quote];
            (divisor,) = _answer(quote, own.feed, own.heartbeat);
            exponent -= own.exponent;
        }
        // Both stay below 2^256: setFeed keeps the exponents within −38 and 77.
        uint256 factor = exponent > 0 ? 10 ** uint256(exponent) : 1;
        if (exponent < 0) divisor *= 10 ** uint256(-exponent);
        (uint256 excess, uint256 product) = Math.mul512(answer, factor);
        if (excess == 0) oracle = product / divisor;
        else if (excess < divisor) oracle = Math.mulDiv(answer, factor, divisor);
        if (oracle == 0 || oracle >= PRICE_LIMIT) revert StalePrice(token, updatedAt);
    }

    /// @dev The feed's answer as a positive number, or StalePrice.
    function _answer(address token, address feed, uint256 heartbeat) private view returns (uint256, uint256) {
        (bool complete, int256 answer,, uint256 updatedAt) = Feeds.latest(feed);
        bool fresh = complete && updatedAt <= block.timestamp && block.timestamp - updatedAt <= heartbeat;
        if (!fresh || answer <= 0 || uint256(answer) >= ANSWER_LIMIT) revert StalePrice(token, updatedAt);
        return (uint256(answer), updatedAt);
    }

    function _averageDown(address token, Feed memory f) private view returns (uint256) {
        uint256 span = block.timestamp - f.markedAt;
        bool serves = span >= f.window && span <= uint256(f.window) * MARK_WINDOWS_MAX;
        (bool known, int256 present, int256 earlier) = Feeds.counters(f.pool, serves ? 0 : f.window);
        if (!known) revert NoAverage(token, f.pool);
        (span, earlier) = serves ? (span, int256(f.marked)) : (uint256(f.window), earlier);
        unchecked {
            return TickPrice.meanDown(int56(present - earlier), span, token < quote); // the counter wraps, the difference not
        }
    }

    function _ownFeed(address feed, uint256 heartbeat) private view returns (Feed memory f) {
        uint256 decimals = IFeed(feed).decimals();
        if (decimals > 18) revert OutOfBounds("feed decimals", decimals);
        (f.feed, f.heartbeat, f.exponent) = (feed, heartbeat.toUint32(), -int8(int256(decimals)));
    }

    function _feed(
        address token,
        address feed,
        uint256 heartbeat,
        address pool,
        uint256 window,
        uint256 deviationBps
    ) private view returns (Feed memory) {
        if (window < WINDOW_MIN || window > type(uint24).max) revert OutOfBounds("window", window);
        if (deviationBps == 0 || deviationBps > DEVIATION_BPS_MAX) revert OutOfBounds("deviation", deviationBps);
        (address one, address other) = token < quote ? (token, quote) : (quote, token);
        if (IPoolTokens(pool).token0() != one || IPoolTokens(pool).token1() != other) revert NotItsPool(token, pool);
        uint256 decimals = IERC20Metadata(token).decimals();
        int256 exponent = 36 + int256(uint256(IERC20Metadata(quote).decimals())) - int256(decimals)
            - int256(uint256(IFeed(feed).decimals()));
        if (exponent < -38 || exponent > 59) revert OutOfBounds("decimals", decimals);
        return Feed({
            feed: feed,
            heartbeat: heartbeat.toUint32(),
            window: window.toUint24(),
            deviationBps: deviationBps.toUint16(),
            exponent: int8(exponent),
            throughQuote: feeds[quote].feed != address(0),
            pool: pool,
            markedAt: 0,
            marked: 0
        });
    }
}
