// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ILiquidatable} from "../types/ILiquidatable.sol";
import {BPS, PRICE_SCALE, WAD} from "../types/Wad.sol";
import {Copying} from "./Copying.sol";
import {Account, Rule} from "./Rule.sol";
import {WalletProxy} from "./WalletProxy.sol";

/// @title Standing: how each wallet stands, and its closing at the line
/// @notice A wallet's account is its allocation less its outlay plus what its tokens are worth. So a loss brings it to the line, and a
/// deposit or withdrawal of the asset does neither.
abstract contract Standing is Copying, ILiquidatable {
    using SafeERC20 for IERC20;

    /// @notice The one contract that may close.
    address public immutable LIQUIDATOR;

    /// @notice What the desk trades against the asset; at most 64.
    address[] public tokens;

    mapping(address wallet => mapping(address token => uint256)) private stops;

    event PriceStopSet(address indexed wallet, address indexed token, uint256 price);
    event BroughtIn(address indexed wallet, address indexed token, uint256 amount, uint256 worth);
    /// @param assets what it brought, both fees included
    event Closed(
        address indexed wallet,
        address indexed token,
        uint256 amountIn,
        uint256 assets,
        uint256 performance,
        uint256 subscription
    );

    error NoMandate(address wallet);
    error NotTheLiquidator(address caller);
    error NothingHeld(address wallet, address token);
    error NotListed(address token);

    /// @notice Have the caller's wallet behind `lead` sell all its `token` when the price is at or below `price`; zero: never.
    function setPriceStop(address lead, address token, uint256 price) external {
        address wallet = walletOf(msg.sender, lead);
        stops[wallet][token] = price;
        emit PriceStopSet(wallet, token, price);
    }

    /// @notice Put `amount` of a traded token into the caller's own wallet, counted as bought at the checked price. A token that is
    /// simply sent there counts as bought for nothing, so that its exit would be all gain.
    function bringIn(address lead, address token, uint256 amount) external nonReentrant {
        if (place[token] == 0) revert NotListed(token);
        address wallet = walletOf(msg.sender, lead);
        uint256 before = IERC20(token).balanceOf(wallet);
        IERC20(token).safeTransferFrom(msg.sender, wallet, amount);
        uint256 arrived = IERC20(token).balanceOf(wallet) - before;
        uint256 worth = Math.mulDiv(arrived, GUARD.price(token), PRICE_SCALE, Math.Rounding.Ceil);
        Rule storage rule = rules[lead][wallet];
        Account a = rule.account;
        uint256 outlay = a.outlay() + Math.ceilDiv(worth, GRAIN);
        rule.account = a.settled(SafeCast.toUint48(outlay), uint32(a.paid()));
        emit BroughtIn(wallet, token, arrived, worth);
    }

    /// @inheritdoc ILiquidatable
    function standing(address wallet) external view returns (uint256 equity, uint256 line) {
        Rule memory r = _living(wallet);
        equity = uint256(r.limits.allocation) * GRAIN;
        line = equity * r.limits.stopBps / BPS;
        address[] memory held = _held(wallet, r);
        for (uint256 i; i < held.length; ++i) {
            (uint256 low,) = GUARD.bounds(held[i]);
            equity += Math.mulDiv(IERC20(held[i]).balanceOf(wallet), low, PRICE_SCALE);
        }
        equity = Math.saturatingSub(equity, r.account.outlay() * GRAIN);
    }

    /// @inheritdoc ILiquidatable
    function priceStop(address wallet, address token) external view returns (uint256 price) {
        return stops[wallet][token];
    }

    /// @inheritdoc ILiquidatable
    function holdings(address wallet) external view returns (address[] memory) {
        return _held(wallet, _living(wallet));
    }

    /// @inheritdoc ILiquidatable
    /// @dev What was closed is not traded for this wallet again until the follower signs a new mandate: else the next copy would
    /// open what the stop has just closed, again and again.
    function close(address wallet, address token, bytes calldata route) external nonReentrant returns (uint256 assets) {
        if (msg.sender != LIQUIDATOR) revert NotTheLiquidator(msg.sender);
        Rule memory r = _living(wallet);
        (, address lead) = _parties(wallet);
        if (place[token] == 0 || r.account.tokens() & _bit(token) == 0) revert NotListed(token);
        uint256 before = IERC20(token).balanceOf(address(this));
        uint256 amountIn = WalletProxy(payable(wallet)).pull(token, WAD, type(uint256).max);
        if (amountIn == 0) revert NothingHeld(wallet, token);
        uint256 arrived = IERC20(token).balanceOf(address(this)) - before;
        if (arrived != amountIn) revert TakesFee(token, amountIn, arrived);
        (uint256 low,) = GUARD.bounds(token);
        uint256 least = Math.mulDiv(amountIn, low, PRICE_SCALE) * (BPS - r.limits.stopSlippageBps) / BPS;
        assets = _swap(token, address(ASSET), amountIn, least, route);
        Rule storage rule = rules[lead][wallet];
        (uint256 performance, uint256 subscription) = _charge(rule, wallet, assets);
        rule.account = rule.account.without(_bit(token));
        _keep(lead, performance, subscription);
        _give(address(ASSET), wallet, assets - performance - subscription);
        emit Closed(wallet, token, amountIn, assets, performance, subscription);
    }

    function _list(address token) internal {
        if (place[token] != 0 || token == address(ASSET) || tokens.length == 64) revert NotListed(token);
        tokens.push(token);
        place[token] = tokens.length;
    }

    function _bit(address token) internal view returns (uint64) {
        return uint64(1 << (place[token] - 1));
    }

    /// @dev What the wallet says of itself is proven by its rules: they are kept under the derived address alone.
    function _living(address wallet) private view returns (Rule memory r) {
        (, address lead) = _parties(wallet);
        r = rules[lead][wallet];
        if (r.account.expiry() <= block.timestamp) revert NoMandate(wallet);
    }

    function _held(address wallet, Rule memory r) private view returns (address[] memory held) {
        held = new address[](tokens.length);
        uint256 found;
        for (uint256 i; i < held.length; ++i) {
            if (r.account.tokens() & uint64(1 << i) != 0 && IERC20(tokens[i]).balanceOf(wallet) != 0) held[found++] = tokens[i];
        }
        assembly ("memory-safe") {
            mstore(held, found)
        }
    }
}
