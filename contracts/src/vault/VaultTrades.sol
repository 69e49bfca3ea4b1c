// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ILiquidatable} from "../types/ILiquidatable.sol";
import {IBook, Instruction} from "../types/Instruction.sol";
import {BPS, PRICE_SCALE, WAD} from "../types/Wad.sol";
import {VaultExits} from "./VaultExits.sol";

/// @title VaultTrades: what the lead orders, what exits need, and what the stops close
/// @notice Every trade is bounded by the guard's prices: whoever orders it, and by whatever route, the vault loses at most its own
/// slippage on it.
abstract contract VaultTrades is VaultExits, ILiquidatable {
    using SafeERC20 for IERC20;

    /// @param soldAt when a part of a stage was last sold
    /// @param sold of the stage then and not yet passed, in base units of the token
    /// @param stage what a minute sells at most, in base units of the token
    struct Unwinding {
        uint40 soldAt;
        uint216 sold;
        uint256 stage;
    }

    /// @notice Seconds in which a stage that was sold whole may be sold again; a part of it in as much of them.
    uint256 internal constant STAGE_EVERY = 60;
    /// @notice Stages are reckoned anew after so many seconds without a sale.
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
    /// @notice No exit lacks cash, nothing is held, or the stage is sold and no second has passed since.
    error NothingToUnwind();
    /// @notice Neither the account's line nor the token's stop is reached.
    error NotDue(uint256 equity, uint256 line);
    /// @notice With this order the day's trades would have lost more than they may against the guard's prices. Shares of NAV (1e18).
    error BleedLimit(uint256 loss, uint256 limit);

    /// @dev The venue takes any amount from here on: it is immutable code that only ever takes what its caller sells, from its caller,
    /// and the vault calls it in `_trade` alone. Asked for trade by trade, the allowance would cost each of them.
    constructor() {
        IERC20(asset).forceApprove(address(venue), type(uint256).max);
        address[] memory all = tokens();
        for (uint256 i; i < all.length; ++i) {
            IERC20(all[i]).forceApprove(address(venue), type(uint256).max);
        }
    }

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
        Bounds memory sold = _bounds(order.tokenIn);
        Bounds memory bought = _bounds(order.tokenOut);
        bool exit = order.tokenOut == asset;
        uint256 nav;
        if (exit) amountIn = _part(order.tokenIn, order.fraction);
        else (amountIn, nav) = _opening(order, sold, bought);
        uint256 least = Math.max(
            Math.ceilDiv(amountIn * order.limit, PRICE_SCALE),
            _lessSlippageUp(amountIn * sold.low / bought.high, exit ? EXIT_SLIPPAGE_BPS : ENTRY_SLIPPAGE_BPS)
        );
        _trading.held = (_trading.held & (order.fraction == WAD ? ~sold.bit : type(uint8).max)) | bought.bit;
        amountOut = _trade(order.tokenIn, order.tokenOut, amountIn, least, route);
        _bleed(amountIn * (sold.low + sold.high), amountOut * (bought.low + bought.high), nav);
    }

    /// @notice Sell a stage of `token`, or as much of it as the caller thinks the pool bears, for exits that lack cash, or because the
    /// vault closes. Anybody may: the bound is the guard's low price less the slippage for exits.
    function unwind(address token, uint256 amountMax, bytes calldata route)
        external
        nonReentrant
        returns (uint256 amountIn, uint256 assets)
    {
        Bounds memory sold = _bounds(token);
        uint256 held = _balance(token);
        amountIn = Math.min(amountMax, held);
        if (!_state.closing) {
            (uint256 nav,, uint256 cash) = _nav(sold);
            uint256 needs = Math.saturatingSub(_needs(nav), cash);
            if (needs == 0) revert NothingToUnwind();
            uint256 least = sold.low * (BPS - EXIT_SLIPPAGE_BPS);
            amountIn = Math.min(amountIn, Math.ceilDiv(needs * BPS * PRICE_SCALE, least));
        }
        amountIn = _stage(token, held, amountIn);
        assets = _sell(sold, amountIn, held, route);
    }

    /// @inheritdoc ILiquidatable
    function close(address of_, address token, bytes calldata route)
        external
        only(liquidator)
        nonReentrant
        returns (uint256 assets)
    {
        Bounds memory sold = _bounds(token);
        (uint256 equity, uint256 line) = standing(of_);
        if (line != 0 && equity <= line && !_state.closing) _close();
        if (!_state.closing && sold.low > _priceStops[token]) revert NotDue(equity, line);
        uint256 held = _balance(token);
        assets = _sell(sold, held, held, route);
    }

    /// @notice At its account stop the vault closes, also where it holds nothing or no pool takes all of it just now: then it is sold in
    /// stages. Anybody may.
    function closeAtLine() external nonReentrant {
        (uint256 equity, uint256 line) = standing(address(this));
        if (line == 0 || equity > line) revert NotDue(equity, line);
        if (_state.closing) revert IsClosing();
        _close();
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
            if (_trading.held >> i & 1 != 0) held[count++] = held[i];
        }
        assembly ("memory-safe") {
            mstore(held, count)
        }
    }

    /// @notice What mirrored trades lost against the guard's prices and a day's passing has not forgotten: shares of NAV (1e18).
    function bled() public view returns (uint256) {
        return Math.saturatingSub(_trading.loss, _bleedMax() * (block.timestamp - _trading.since) / 1 days);
    }

    /// @dev What an opening order sells, and NAV. It leaves what the queue waits for.
    function _opening(Instruction calldata order, Bounds memory sold, Bounds memory bought)
        private
        view
        returns (uint256 amountIn, uint256 nav)
    {
        _requireOpen();
        uint256 spendable;
        (nav,, spendable) = _nav(bought);
        amountIn = order.tokenIn == asset
            ? Math.saturatingSub(spendable, _needs(nav)) * order.fraction / WAD
            : _part(order.tokenIn, order.fraction);
        uint256 size = amountIn * sold.low / PRICE_SCALE;
        uint256 most = nav * ORDER_BPS_MAX / BPS;
        if (size > most) revert OrderTooLarge(size, most);
    }

    /// @dev What a trade got less than the middle of the guard's prices joins what the day's others did. By one price both ways, to and fro
    /// costs what it costs. An exit counts, else all would be lost on the ways back, but is never refused; a gain makes nothing good.
    /// Reckoned as a share of NAV, so that who joins or leaves with much money neither widens nor narrows it.
    /// @param sold what it was worth, base units of the asset times 2e36
    /// @param bought the same
    /// @param nav zero: an exit, which may not depend on all prices; then NAV is what was last recorded
    function _bleed(uint256 sold, uint256 bought, uint256 nav) private {
        bool exit = nav == 0;
        if (exit) {
            (uint256 price,) = recorded();
            nav = totalSupply() * price / PRICE_SCALE + 1;
        }
        uint256 loss = bled() + Math.ceilDiv(Math.saturatingSub(sold, bought), 2 * WAD * nav);
        if (!exit && loss > _bleedMax()) revert BleedLimit(loss, _bleedMax());
        (_trading.since, _trading.loss) = (uint40(block.timestamp), uint208(loss));
    }

    function _bleedMax() private view returns (uint256) {
        return BLEED_BPS_MAX * (WAD / BPS);
    }

    /// @dev Prices of a token that may be traded.
    function _bounds(address token) private view returns (Bounds memory b) {
        b.token = token;
        if (token == asset) (b.low, b.high) = (PRICE_SCALE, PRICE_SCALE);
        else {
            b.bit = _bit(token);
            (b.low, b.high) = _asked(token);
        }
    }

    /// @dev Of everything all but one unit: the balance's slot is then never empty, or the next purchase would pay for a new one.
    function _part(address token, uint256 fraction) private view returns (uint256) {
        uint256 held = _balance(token);
        return Math.min(held * fraction / WAD, Math.saturatingSub(held, 1));
    }

    /// @dev Assets that the queue waits for at the price of now, rounded up.
    function _needs(uint256 nav) private view returns (uint256) {
        uint256 shares = _state.waiting;
        return shares == 0 ? 0 : Math.ceilDiv(shares * _priceDown(nav), PRICE_SCALE);
    }

    function _sell(Bounds memory sold, uint256 amount, uint256 held, bytes calldata route) private returns (uint256 assets) {
        if (sold.token == asset) revert TokenNotAllowed(sold.token);
        uint256 least = _lessSlippageUp(amount * sold.low / PRICE_SCALE, EXIT_SLIPPAGE_BPS);
        if (amount == held) _trading.held &= ~sold.bit;
        assets = _trade(sold.token, asset, amount, least, route);
        emit Sold(msg.sig, sold.token, amount, assets);
    }

    function _lessSlippageUp(uint256 amount, uint256 slippageBps) private pure returns (uint256) {
        return Math.ceilDiv(amount * (BPS - slippageBps), BPS);
    }

    /// @dev What of `amount` the minute still bears. Fifths of what was held at the first stage, not of what is left: so it ends. Who
    /// sells a grain takes a grain's time from the others and no more.
    function _stage(address token, uint256 held, uint256 amount) private returns (uint256) {
        Unwinding storage u = _unwindings[token];
        uint256 passed = block.timestamp - u.soldAt;
        uint256 sold = Math.saturatingSub(u.sold, u.stage * passed / STAGE_EVERY);
        uint256 stage = Math.ceilDiv(held, STAGE_PARTS);
        if (passed < STAGES_FORGOTTEN) stage = Math.max(stage, u.stage);
        amount = Math.min(amount, Math.saturatingSub(stage, sold));
        if (amount == 0) revert NothingToUnwind();
        (u.soldAt, u.sold, u.stage) = (uint40(block.timestamp), uint216(sold + amount), stage);
        return amount;
    }

    /// @dev The venue measures what arrives here and refuses less than `least`. It has the allowance, so it is trusted with as much
    /// anyhow: to measure again would guard against nothing.
    function _trade(address tokenIn, address tokenOut, uint256 amountIn, uint256 least, bytes calldata route)
        private
        returns (uint256 amountOut)
    {
        if (amountIn == 0) revert NothingToSell(0);
        return venue.swap(tokenIn, tokenOut, amountIn, least, address(this), route);
    }
}
