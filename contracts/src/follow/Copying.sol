// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IBreaker} from "../types/IBreaker.sol";
import {IPriceGuard} from "../types/IPriceGuard.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";
import {IExecutor, Instruction} from "../types/Instruction.sol";
import {BPS, PRICE_SCALE, WAD} from "../types/Wad.sol";
import {CopyFees} from "./CopyFees.sol";
import {Account, Limits, Rule} from "./Rule.sol";
import {Tokens} from "./Tokens.sol";
import {WalletProxy} from "./WalletProxy.sol";

/// @title Copying: one instruction, many wallets, one swap
/// @notice What each wallet spends follows from its mandate and the lead's signed fraction: whoever sends the batch chooses neither
/// sizes nor prices, only who is in it. A wallet that cannot take part is told (`Skipped`) and left out; the others get their share of
/// one swap, to the last base unit.
abstract contract Copying is CopyFees {
    using SafeERC20 for IERC20;

    /// @notice Why a wallet was left out.
    enum Skip {
        None,
        NoMandate, // revoked, expired, of another lead, or never signed
        Token, // not in its mandate
        Done, // this instruction or a later one is carried out already
        Slippage, // the batch's is more than the wallet allows
        NothingLeft, // the allocation is used up, or the order is smaller than a grain
        NotOpen, // the wallet is not there yet
        Empty, // it holds nothing to spend
        TokenFailed // the token would not move
    }

    /// @dev What an exit's wallets paid together.
    struct Taken {
        uint256 performance;
        uint256 subscription;
    }

    /// @dev One order, as all its rows need it.
    struct Order {
        bytes32 digest;
        address lead;
        address tokenIn;
        address tokenOut;
        uint256 fraction;
        uint256 slippageBps;
        uint64 nonce;
        uint64 bit;
        bool opens;
    }

    uint256 private constant ROW = 20;
    uint256 private constant TOLD = 60;
    /// @dev What one wallet may use up; several times what it needs with any real token.
    uint256 private constant PULL_GAS = 200_000;
    /// @dev With this much left, a row has all of PULL_GAS (EIP-150) and there is enough to go on.
    uint256 private constant ROW_GAS = 250_000;

    IExecutor public immutable EXECUTOR;
    IPriceGuard public immutable GUARD;
    IBreaker public immutable BREAKER;
    ISwapVenue public immutable VENUE;

    /// @notice What a token would not let be paid out to a wallet, until it does.
    mapping(address wallet => mapping(address token => uint256)) public owed;

    /// @notice One instruction carried out for many. One event a batch: tokens tell each wallet's own transfers.
    /// @param rows 60 bytes for each wallet that took part: its address (20), what it sold (16), and what it paid of its share of
    /// `amountOut` as performance fee (12) and as subscription (12)
    event Copied(bytes32 indexed digest, address indexed lead, uint256 amountIn, uint256 amountOut, bytes rows);
    event Skipped(address indexed wallet, bytes32 indexed digest, Skip why);
    event Owed(address indexed wallet, address indexed token, uint256 amount);

    error OtherBook(address book);
    error NotAPair(address tokenIn, address tokenOut);
    error BadFraction(uint256 fraction);
    error BadNonce(uint256 nonce);
    error BadSlippage(uint256 slippageBps);
    error BadRows(uint256 length);
    /// @notice A row was to be skipped for want of gas, not for its own fault: send the batch with more.
    error TooLittleGas(uint256 row);
    /// @notice Less arrived than was sent: such a token cannot be shared exactly.
    error TakesFee(address token, uint256 sent, uint256 arrived);
    /// @notice The market took less than it was given.
    error NotAllSold(uint256 left);
    /// @notice No real token trades in such amounts.
    error TooMuch(uint256 amountIn, uint256 amountOut);
    error NothingOwed(address wallet, address token);

    /// @notice Pay a wallet what it is owed. Anybody may ask; it goes to the wallet alone.
    function payOwed(address wallet, address token) external nonReentrant {
        uint256 amount = owed[wallet][token];
        if (amount == 0) revert NothingOwed(wallet, token);
        owed[wallet][token] = 0;
        IERC20(token).safeTransfer(wallet, amount);
    }

    function _copy(Order memory o, uint256 limit, bytes calldata rows, bytes calldata route)
        internal
        returns (uint256 amountIn, uint256 amountOut)
    {
        if (rows.length % ROW != 0) revert BadRows(rows.length);
        uint256[] memory amounts;
        (amounts, amountIn) = _pullAll(o, rows);
        if (amountIn == 0) return (0, 0);
        uint256 least = Math.max(
            Math.mulDiv(amountIn, limit, PRICE_SCALE, Math.Rounding.Ceil),
            _worthUp(o, amountIn) * (BPS - o.slippageBps) / BPS
        );
        amountOut = _swap(o.tokenIn, o.tokenOut, amountIn, least, route);
        // The widths that `Copied` tells amounts in.
        if (amountIn > type(uint128).max || (!o.opens && amountOut > type(uint96).max)) revert TooMuch(amountIn, amountOut);
        bytes memory told = _share(o, rows, amounts, amountIn, amountOut);
        emit Copied(o.digest, o.lead, amountIn, amountOut, told);
    }

    function _pullAll(Order memory o, bytes calldata rows) private returns (uint256[] memory amounts, uint256 total) {
        mapping(address => Rule) storage kept = rules[o.lead];
        amounts = new uint256[](rows.length / ROW);
        uint256 before = IERC20(o.tokenIn).balanceOf(address(this));
        for (uint256 i; i < amounts.length; ++i) {
            if (gasleft() < ROW_GAS) revert TooLittleGas(i);
            address wallet = _wallet(rows, i);
            (Skip why, uint256 amount) = _pull(o, kept[wallet], wallet);
            if (why == Skip.None) total += amounts[i] = amount;
            else emit Skipped(wallet, o.digest, why);
        }
        uint256 arrived = IERC20(o.tokenIn).balanceOf(address(this)) - before;
        if (arrived != total) revert TakesFee(o.tokenIn, total, arrived);
    }

    function _pull(Order memory o, Rule storage rule, address wallet) private returns (Skip why, uint256 amount) {
        Account a = rule.account;
        uint256 amountMax;
        (why, amountMax) = _allowed(o, a, rule.limits);
        if (why != Skip.None) return (why, 0);
        (why, amount) = _pullFrom(wallet, o.tokenIn, o.opens ? WAD : o.fraction, amountMax);
        if (why != Skip.None) return (why, 0);
        uint256 outlay = a.outlay();
        if (o.opens) outlay += _grainsUp(amount);
        rule.account = a.traded(o.nonce, uint48(outlay));
    }

    /// @dev `WalletProxy.pull` with a bounded amount of gas, whatever stands there.
    function _pullFrom(address wallet, address token, uint256 share, uint256 amountMax)
        private
        returns (Skip why, uint256 amount)
    {
        bytes4 selector = WalletProxy.pull.selector;
        bool done;
        uint256 told;
        assembly ("memory-safe") {
            let words := mload(0x40)
            mstore(words, selector)
            mstore(add(words, 0x04), token)
            mstore(add(words, 0x24), share)
            mstore(add(words, 0x44), amountMax)
            done := call(PULL_GAS, wallet, 0, words, 0x64, 0, 0x20)
            told := returndatasize()
            amount := mload(0)
        }
        if (!done) return (Skip.TokenFailed, 0);
        if (told == 0) return (Skip.NotOpen, 0);
        return (amount == 0 ? Skip.Empty : Skip.None, amount);
    }

    /// @dev The most that the wallet may spend on this order; base units of tokenIn, rounded down.
    function _allowed(Order memory o, Account a, Limits storage limits)
        private
        view
        returns (Skip why, uint256 amountMax)
    {
        if (a.expiry() <= block.timestamp) return (Skip.NoMandate, 0);
        if (a.tokens() & o.bit == 0) return (Skip.Token, 0);
        if (a.nonce() >= o.nonce) return (Skip.Done, 0);
        if (!o.opens) return (a.exitSlippageBps() < o.slippageBps ? Skip.Slippage : Skip.None, type(uint256).max);
        if (limits.openSlippageBps < o.slippageBps) return (Skip.Slippage, 0);
        uint256 allocation = limits.allocation;
        uint256 grains = Math.min(allocation * limits.ratioBps * o.fraction / (BPS * WAD), limits.orderMax);
        grains = Math.min(grains, Math.saturatingSub(allocation * limits.leverageBps / BPS, a.outlay()));
        return (grains == 0 ? Skip.NothingLeft : Skip.None, grains * GRAIN);
    }

    /// @dev What `amountIn` is worth in tokenOut at the checked price, rounded up.
    function _worthUp(Order memory o, uint256 amountIn) private view returns (uint256) {
        return o.opens
            ? Math.mulDiv(amountIn, PRICE_SCALE, GUARD.price(o.tokenOut), Math.Rounding.Ceil)
            : Math.mulDiv(amountIn, GUARD.price(o.tokenIn), PRICE_SCALE, Math.Rounding.Ceil);
    }

    function _swap(address tokenIn, address tokenOut, uint256 amountIn, uint256 least, bytes calldata route)
        internal
        returns (uint256 amountOut)
    {
        uint256 before = IERC20(tokenOut).balanceOf(address(this));
        uint256 rest = IERC20(tokenIn).balanceOf(address(this)) - amountIn;
        IERC20(tokenIn).forceApprove(address(VENUE), amountIn);
        VENUE.swap(tokenIn, tokenOut, amountIn, least, address(this), route);
        // What the market left would belong to nobody here.
        uint256 left = IERC20(tokenIn).balanceOf(address(this));
        if (left != rest) revert NotAllSold(left - rest);
        amountOut = IERC20(tokenOut).balanceOf(address(this)) - before;
        if (amountOut < least) revert ISwapVenue.TooLittle(amountOut, least);
    }

    /// @dev Each gets the difference of two floors of the running sum: the shares add up to all of `amountOut`.
    function _share(
        Order memory o,
        bytes calldata rows,
        uint256[] memory amounts,
        uint256 amountIn,
        uint256 amountOut
    ) private returns (bytes memory told) {
        mapping(address => Rule) storage kept = rules[o.lead];
        told = new bytes(amounts.length * TOLD);
        uint256 end;
        uint256 sum;
        uint256 shared;
        Taken memory taken;
        for (uint256 i; i < amounts.length; ++i) {
            uint256 amount = amounts[i];
            if (amount == 0) continue;
            address wallet = _wallet(rows, i);
            sum += amount;
            uint256 part = amountOut * sum / amountIn - shared;
            shared += part;
            uint256 performance;
            uint256 subscription;
            if (!o.opens) {
                (performance, subscription) = _charge(kept[wallet], wallet, part);
                taken.performance += performance;
                taken.subscription += subscription;
                part -= performance + subscription;
            }
            _give(o.tokenOut, wallet, part);
            _tell(told, end, wallet, amount, performance, subscription);
            end += TOLD;
        }
        _keep(o.lead, taken.performance, taken.subscription);
        assembly ("memory-safe") {
            mstore(told, end)
        }
    }

    /// @dev One row of `Copied`: bytes 0 to 31, then 28 to 59; both words agree where they overlap.
    function _tell(bytes memory told, uint256 end, address wallet, uint256 amount, uint256 performance, uint256 subscription)
        private
        pure
    {
        assembly ("memory-safe") {
            let row := add(add(told, 0x20), end)
            mstore(row, or(shl(96, wallet), shr(32, amount)))
            mstore(add(row, 28), or(shl(192, amount), or(shl(96, performance), subscription)))
        }
    }

    function _give(address token, address wallet, uint256 amount) internal {
        if (Tokens.tryTransfer(token, wallet, amount)) return;
        owed[wallet][token] += amount;
        emit Owed(wallet, token, amount);
    }

    function _wallet(bytes calldata rows, uint256 i) private pure returns (address wallet) {
        assembly ("memory-safe") {
            wallet := shr(96, calldataload(add(rows.offset, mul(i, ROW))))
        }
    }
}
