// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IBreaker} from "../types/IBreaker.sol";
import {ICoupons} from "../types/ICoupons.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {IPriceGuard} from "../types/IPriceGuard.sol";
import {IBook} from "../types/Instruction.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";
import {BPS, PRICE_SCALE} from "../types/Wad.sol";
import {Config, Limits} from "./VaultTypes.sol";

/// @title VaultBase: what the vault is made of, what it is worth, and the curve of its NAV per share
/// @dev Prices of a share are base units of the asset per base unit of share, times 1e36, as all prices are.
abstract contract VaultBase is IBook, IERC4626, ERC20, ReentrancyGuardTransient {
    /// @param price NAV per share at the lower prices, times 1e36
    struct Point {
        uint40 time;
        uint128 price;
    }

    /// @dev A token's prices as the guard gave them: asking it twice would cost twice.
    /// @param bit of the token in `Trading.held`; zero: the asset
    struct Bounds {
        address token;
        uint8 bit;
        uint256 low;
        uint256 high;
    }

    /// @dev What a mirror reads of the vault's state, in one slot.
    /// @param reserved assets set aside: settled exits, and fees of exits
    /// @param waiting shares in the queue of exits
    struct State {
        uint120 reserved;
        uint120 waiting;
        bool closing;
    }

    /// @dev What every mirrored trade writes, in one slot.
    /// @param since when `loss` was reckoned
    /// @param held a bit for each token that was bought and is not sold whole: what else arrives is no part of NAV, or a gift of one unit
    /// would make all depend on its price
    /// @param loss what mirrored trades got less than the guard's prices, as shares of the NAV of their time (1e18), less what was forgotten
    struct Trading {
        uint40 since;
        uint8 held;
        uint208 loss;
    }

    /// @dev As many as `Trading.held` has bits.
    uint256 internal constant TOKENS_MAX = 8;
    uint256 internal constant LOCK_MIN = 1 hours;
    uint256 internal constant SLIPPAGE_BPS_MAX = 500;
    uint256 internal constant BLEED_BPS_LIMIT = 1_000;
    uint256 internal constant POINT_EVERY = 1 hours;
    /// @notice Least stake of the lead, as a share of all shares that are not on their way out.
    uint256 internal constant STAKE_BPS = 500;
    uint8 internal constant OFFSET = 6;
    uint256 internal constant VIRTUAL_SHARES = 10 ** OFFSET;

    /// @inheritdoc IERC4626
    address public immutable override asset;
    uint8 private immutable DECIMALS;
    /// @inheritdoc IBook
    address public immutable override lead;
    address public immutable owner;
    address public immutable executor;
    address public immutable liquidator;
    IPriceGuard public immutable guard;
    IBreaker public immutable breaker;
    ISwapVenue public immutable venue;
    IInsurancePool public immutable pool;
    ICoupons public immutable coupons;
    address public immutable feeRecipient;
    uint32 internal immutable LOCK;
    uint16 internal immutable ENTRY_SLIPPAGE_BPS;
    uint16 internal immutable EXIT_SLIPPAGE_BPS;
    uint16 internal immutable ORDER_BPS_MAX;
    uint16 internal immutable STOP_BPS;
    uint16 internal immutable BLEED_BPS_MAX;

    State internal _state;
    /// @dev Written by the constructor too: else the first trade would pay for the slot.
    Trading internal _trading;
    /// @dev How many tokens there are, and the first: not in storage, for every mirror reads them.
    uint256 private immutable COUNT;
    address private immutable FIRST;
    address[TOKENS_MAX] private _tokens;
    Point[] private _points;
    uint40 private _pointAt;
    uint128 private _lastPrice = uint128(PRICE_SCALE / VIRTUAL_SHARES);
    uint128 private _peakPrice;

    /// @notice A point of the curve: NAV per share at the lower prices, times 1e36.
    event Nav(uint256 price, uint256 assets);
    /// @notice The vault opens nothing any more and is sold off; exits proceed.
    event Closing();

    /// @notice The deployment's parameters do not fit together: an asset that is not the guard's quote or the pool's asset, a token
    /// listed twice, a lock too short, a slippage too wide, an address that is missing.
    error Misconfigured();
    /// @notice The caller is not the one who may do this.
    error NotAllowed(address caller);
    /// @notice Not among the tokens of this vault.
    error TokenNotAllowed(address token);
    /// @notice The vault is being closed.
    error IsClosing();
    /// @notice The lead would hold too small a share of the vault.
    error StakeTooSmall(uint256 shares, uint256 least);

    modifier only(address who) {
        if (msg.sender != who) revert NotAllowed(msg.sender);
        _;
    }

    constructor(Config memory c) ERC20(c.name, c.symbol) {
        bool fits = c.guard.quote() == c.asset && c.pool.asset() == c.asset && c.lead != address(0)
            && c.feeRecipient != address(0) && c.tokens.length <= TOKENS_MAX && c.limits.lock >= LOCK_MIN
            && c.limits.entrySlippageBps <= SLIPPAGE_BPS_MAX && c.limits.exitSlippageBps <= SLIPPAGE_BPS_MAX
            && c.limits.orderBpsMax <= BPS && c.limits.stopBps < BPS
            && c.limits.bleedBpsMax != 0 && c.limits.bleedBpsMax <= BLEED_BPS_LIMIT;
        for (uint256 i; i < c.tokens.length; ++i) {
            fits = fits && c.tokens[i] != c.asset && c.tokens[i] != address(0);
            for (uint256 j; j < i; ++j) {
                fits = fits && c.tokens[i] != c.tokens[j];
            }
        }
        if (!fits) revert Misconfigured();
        (lead, owner, executor, liquidator, feeRecipient) = (c.lead, c.owner, c.executor, c.liquidator, c.feeRecipient);
        (guard, breaker, venue, pool, coupons) = (c.guard, c.breaker, c.venue, c.pool, c.coupons);
        (LOCK, ORDER_BPS_MAX, STOP_BPS) = (c.limits.lock, c.limits.orderBpsMax, c.limits.stopBps);
        BLEED_BPS_MAX = c.limits.bleedBpsMax;
        (ENTRY_SLIPPAGE_BPS, EXIT_SLIPPAGE_BPS) = (c.limits.entrySlippageBps, c.limits.exitSlippageBps);
        (asset, DECIMALS) = (c.asset, IERC20Metadata(c.asset).decimals() + OFFSET);
        COUNT = c.tokens.length;
        FIRST = COUNT == 0 ? address(0) : c.tokens[0];
        for (uint256 i; i < c.tokens.length; ++i) {
            _tokens[i] = c.tokens[i];
        }
        _trading.since = uint40(block.timestamp);
    }

    /// @notice What the vault never exceeds.
    function limits() external view returns (Limits memory) {
        return Limits(LOCK, ENTRY_SLIPPAGE_BPS, EXIT_SLIPPAGE_BPS, ORDER_BPS_MAX, STOP_BPS, BLEED_BPS_MAX);
    }

    /// @notice Assets set aside (no part of NAV), shares in the queue of exits, and whether the vault opens nothing any more.
    function state() external view returns (State memory) {
        return _state;
    }

    /// @notice What may be held besides the asset.
    function tokens() public view returns (address[] memory all) {
        all = new address[](COUNT);
        for (uint256 i; i < all.length; ++i) {
            all[i] = _token(i);
        }
    }

    /// @notice Put a point on the curve, once an hour at most. Anybody may; deposits, settlements and charges do.
    function record() external nonReentrant returns (bool) {
        return _record(totalAssets());
    }

    /// @notice Assets that are neither invested nor set aside.
    function idle() public view returns (uint256) {
        return Math.saturatingSub(_balance(asset), _state.reserved);
    }

    /// @inheritdoc IERC20Metadata
    function decimals() public view override(ERC20, IERC20Metadata) returns (uint8) {
        return DECIMALS;
    }

    /// @notice NAV at the lower prices. Reverts where a price is doubtful: no figure is better than a wrong one.
    function totalAssets() public view override returns (uint256 low) {
        (low,) = _values();
    }

    /// @notice NAV per share at the lower prices, times 1e36, after the management fee until now. Reverts as `totalAssets`.
    function navPerShare() public view returns (uint256) {
        return _priceDown(totalAssets());
    }

    /// @notice Number of points of the curve.
    function pointCount() external view returns (uint256) {
        return _points.length;
    }

    /// @notice The curve's point number `i`.
    function point(uint256 i) external view returns (uint256 time, uint256 price) {
        return (_points[i].time, _points[i].price);
    }

    /// @notice The last recorded NAV per share and the highest ever.
    function recorded() public view returns (uint256 last, uint256 peak) {
        return (_lastPrice, _peakPrice);
    }

    /// @dev Shares there are with the management fee until now.
    function _supply() internal view virtual returns (uint256);

    function _balance(address token) internal view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }

    function _values() internal view returns (uint256 low, uint256 high) {
        Bounds memory none;
        (low, high,) = _nav(none);
    }

    /// @dev NAV at the lower and at the higher prices, those of one token as given, and what of it is idle.
    function _nav(Bounds memory known) internal view returns (uint256 low, uint256 high, uint256 cash) {
        low = high = cash = idle();
        uint256 held = _trading.held;
        for (uint256 i; i < COUNT; ++i) {
            if (held >> i & 1 == 0) continue;
            address token = _token(i);
            uint256 amount = _balance(token);
            (uint256 lower, uint256 higher) = token == known.token ? (known.low, known.high) : _asked(token);
            low += amount * lower / PRICE_SCALE;
            high += Math.ceilDiv(amount * higher, PRICE_SCALE);
        }
    }

    function _asked(address token) internal view returns (uint256 low, uint256 high) {
        return guard.bounds(token);
    }

    function _priceDown(uint256 nav) internal view returns (uint256) {
        return Math.min((nav + 1) * PRICE_SCALE / (_supply() + VIRTUAL_SHARES), type(uint128).max);
    }

    function _record(uint256 nav) internal returns (bool) {
        if (block.timestamp < _pointAt + POINT_EVERY) return false;
        uint128 price = uint128(_priceDown(nav));
        _pointAt = uint40(block.timestamp);
        _points.push(Point(uint40(block.timestamp), price));
        _lastPrice = price;
        if (price > _peakPrice) _peakPrice = price;
        emit Nav(price, nav);
        return true;
    }

    /// @dev An empty vault begins anew: no stop is reckoned from the highest price of holders who have all left.
    function _newCurve() internal {
        (_pointAt, _peakPrice) = (0, 0);
    }

    function _token(uint256 i) private view returns (address) {
        return i == 0 ? FIRST : _tokens[i];
    }

    function _bit(address token) internal view returns (uint8) {
        for (uint256 i; i < COUNT; ++i) {
            if (_token(i) == token) return uint8(1 << i);
        }
        revert TokenNotAllowed(token);
    }

    function _requireOpen() internal view {
        if (_state.closing) revert IsClosing();
        breaker.requireOpen(address(this));
    }

    function _close() internal {
        _state.closing = true;
        emit Closing();
    }

    function _requireStake() internal view {
        uint256 least = (totalSupply() - balanceOf(address(this))) * STAKE_BPS / BPS;
        uint256 has = balanceOf(lead);
        if (has < least && !_state.closing) revert StakeTooSmall(has, least);
    }

    /// @dev Products stay within a word: see StrategyVault.SUPPLY_MAX.
    function _sharesDown(uint256 assets, uint256 high) internal view returns (uint256) {
        return assets * (_supply() + VIRTUAL_SHARES) / (high + 1);
    }

    function _costUp(uint256 shares, uint256 high) internal view returns (uint256) {
        return Math.ceilDiv(shares * (high + 1), _supply() + VIRTUAL_SHARES);
    }
}
