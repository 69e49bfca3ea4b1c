// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ILiquidatable} from "../types/ILiquidatable.sol";
import {IBook, Instruction} from "../types/Instruction.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";
import {BPS, PRICE_SCALE, WAD} from "../types/Wad.sol";
import {VaultExits} from "./VaultExits.sol";

/// @title VaultTrades: what the lead orders, what exits need, and what the stops close
/// @notice Every trade is bounded by the guard's prices: whoever orders it, and by whatever route, the vault loses at most its own
/// slippage on it.
abstract contract VaultTrades is VaultExits, ILiquidatable {
    using SafeERC20 for IERC20;

    /// @param soldAt when a stage was last sold
    /// @param stage most that one stage sells, in base units of the token
    struct Unwinding {
        uint40 soldAt;
        uint208 stage;
    }

    /// @notice Seconds between two stages of an unwinding.
    uint256 internal constant STAGE_EVERY = 60;
    /// @notice Stages are reckoned anew after so many seconds without one.
    uint256 internal constant STAGES_FORGOTTEN = 600;
    /// @notice Share of what is held that a stage sells at most: five stages sell everything.
    uint256 internal constant STAGE_PARTS = 5;

    mapping(address token => uint256) private _priceStops;
    mapping(address token => Unwinding) private _unwindings;

    /// @notice A holding was sold; `why` is the selector of what was called: unwind or close. Of mirrored trades the executor tells.
    event Sold(bytes4 indexed why, address indexed token, uint256 amount, uint256 assets);
    /// @notice A price stop was set: price of one base unit times 1e36; zero: none.
    event PriceStopSet(address indexed token, uint256 price);

    /// @notice The instruction is for another lead or another book.
    error NotOurs(address lead, address book);
    /// @notice A share above one, or nothing to sell.
    error NothingToSell(uint256 fraction);
    /// @notice The order is larger than its share of NAV.
    error OrderTooLarge(uint256 assets, uint256 most);
    /// @notice The next stage may be sold at `next`.
    error TooSoon(uint256 next);
    /// @notice No exit lacks cash.
    error NothingToUnwind();
    /// @notice Neither the account's line nor the token's stop is reached.
    error NotDue(uint256 equity, uint256 line);

    /// @inheritdoc IBook
    function mirror(Instruction calldata order, bytes calldata route)
        external
        only(executor)
        nonReentrant
        returns (uint256 amountIn, uint256 amountOut)
    {
        if (order.lead != lead || order.book != address(this)) revert NotOurs(order.lead, order.book);
        if (order.tokenOut == order.tokenIn) revert TokenNotAllowed(order.tokenOut);
        if (order.fraction > WAD) revert NothingToSell(order.fraction);
        bool exit = order.tokenOut == asset;
        uint256 low = _low(order.tokenIn);
        uint256 worst = PRICE_SCALE;
        if (exit) {
            amountIn = _balance(order.tokenIn) * order.fraction / WAD;
        } else {
            (amountIn, worst) = _opening(order, low);
        }
        uint256 slippageBps = exit ? EXIT_SLIPPAGE_BPS : ENTRY_SLIPPAGE_BPS;
        uint256 least = Math.max(
            Math.ceilDiv(amountIn * order.limit, PRICE_SCALE),
            _lessSlippageUp(amountIn * low / worst, slippageBps)
        );
        amountOut = _trade(order.tokenIn, order.tokenOut, amountIn, least, route);
    }

    /// @notice Sell a stage of `token` for exits that lack cash, or because the vault closes. Anybody may: the bound is the guard's
    /// low price less the slippage for exits.
    function unwind(address token, bytes calldata route) external nonReentrant returns (uint256 amountIn, uint256 assets) {
        uint256 low = _low(token);
        uint256 held = _balance(token);
        amountIn = held;
        if (!_state.closing) {
            (uint256 nav,) = _nav(Bounds(token, low, low));
            uint256 needs = Math.saturatingSub(_needs(nav), idle());
            if (needs == 0) revert NothingToUnwind();
            amountIn = Math.ceilDiv(needs * BPS * PRICE_SCALE, low * (BPS - EXIT_SLIPPAGE_BPS));
        }
        amountIn = Math.min(Math.min(amountIn, held), _stage(token, held));
        if (amountIn == 0) revert NothingToUnwind();
        assets = _sell(token, amountIn, low, route);
    }

    /// @inheritdoc ILiquidatable
    function close(address of_, address token, bytes calldata route)
        external
        only(liquidator)
        nonReentrant
        returns (uint256 assets)
    {
        uint256 low = _low(token);
        (uint256 equity, uint256 line) = standing(of_);
        if (line != 0 && equity <= line && !_state.closing) _close();
        if (!_state.closing && low > _priceStops[token]) revert NotDue(equity, line);
        assets = _sell(token, _balance(token), low, route);
    }

    /// @notice The lead ends the vault: nothing is opened any more, everything is sold in stages, exits proceed.
    function retire() external only(lead) {
        _close();
    }

    /// @notice Close the holding of `token` at or below this price (one base unit, times 1e36); zero: never. For lead and owner.
    function setPriceStop(address token, uint256 price) external {
        if (msg.sender != lead && msg.sender != owner) revert NotAllowed(msg.sender);
        _priceStops[token] = price;
        emit PriceStopSet(token, price);
    }

    /// @inheritdoc ILiquidatable
    function standing(address of_) public view returns (uint256 equity, uint256 line) {
        if (of_ != address(this)) revert NotAHolder();
        (, uint256 peak) = recorded();
        return (totalAssets(), peak * _supply() / PRICE_SCALE * STOP_BPS / BPS);
    }

    /// @inheritdoc ILiquidatable
    function priceStop(address, address token) external view returns (uint256) {
        return _priceStops[token];
    }

    /// @inheritdoc ILiquidatable
    function holdings(address) external view returns (address[] memory held) {
        held = tokens();
        uint256 count;
        for (uint256 i; i < held.length; ++i) {
            if (_balance(held[i]) != 0) held[count++] = held[i];
        }
        assembly ("memory-safe") {
            mstore(held, count)
        }
    }

    /// @dev What an opening order sells, and the price at which it buys. It leaves what the queue waits for.
    function _opening(Instruction calldata order, uint256 low)
        private
        view
        returns (uint256 amountIn, uint256 worst)
    {
        if (_state.closing) revert IsClosing();
        breaker.requireOpen(address(this));
        _requireListed(order.tokenOut);
        uint256 lower;
        (lower, worst) = guard.bounds(order.tokenOut);
        (uint256 nav,) = _nav(Bounds(order.tokenOut, lower, worst));
                uint256 spendable = order.tokenIn == asset ? Math.saturatingSub(idle(), _needs(nav)) : _balance(order.tokenIn);
        amountIn = spendable * order.fraction / WAD;
        uint256 size = amountIn * low / PRICE_SCALE;
        uint256 most = nav * ORDER_BPS_MAX / BPS;
        if (size > most) revert OrderTooLarge(size, most);
    }

    /// @dev Low price of a token that may be sold.
    function _low(address token) private view returns (uint256 low) {
        if (token == asset) return PRICE_SCALE;
        _requireListed(token);
        (low,) = guard.bounds(token);
    }

    /// @dev Assets that the queue waits for at the price of now, rounded up.
    function _needs(uint256 nav) private view returns (uint256) {
        uint256 shares = _state.waiting;
        return shares == 0 ? 0 : Math.ceilDiv(shares * _priceDown(nav), PRICE_SCALE);
    }

    function _sell(address token, uint256 amount, uint256 low, bytes calldata route) private returns (uint256 assets) {
        if (token == asset) revert TokenNotAllowed(token);
        uint256 least = _lessSlippageUp(amount * low / PRICE_SCALE, EXIT_SLIPPAGE_BPS);
        assets = _trade(token, asset, amount, least, route);
        emit Sold(msg.sig, token, amount, assets);
    }

    function _lessSlippageUp(uint256 amount, uint256 slippageBps) private pure returns (uint256) {
        return Math.ceilDiv(amount * (BPS - slippageBps), BPS);
    }

    /// @dev Fifths of what was held at the first stage, not of what is left: so it ends.
    function _stage(address token, uint256 held) private returns (uint256 stage) {
        Unwinding storage before = _unwindings[token];
        uint256 next = before.soldAt + STAGE_EVERY;
        if (block.timestamp < next) revert TooSoon(next);
        stage = Math.ceilDiv(held, STAGE_PARTS);
        if (block.timestamp < before.soldAt + STAGES_FORGOTTEN) stage = Math.max(stage, before.stage);
        (before.soldAt, before.stage) = (uint40(block.timestamp), uint208(stage));
    }

    /// @dev The venue's word is not taken for it: what arrived is measured.
    function _trade(address tokenIn, address tokenOut, uint256 amountIn, uint256 least, bytes calldata route)
        private
        returns (uint256 amountOut)
    {
        if (amountIn == 0) revert NothingToSell(0);
        uint256 before = _balance(tokenOut);
        IERC20(tokenIn).forceApprove(address(venue), amountIn);
        venue.swap(tokenIn, tokenOut, amountIn, least, address(this), route);
        amountOut = _balance(tokenOut) - before;
        if (amountOut < least) revert ISwapVenue.TooLittle(amountOut, least);
    }
}
