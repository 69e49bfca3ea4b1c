// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";

/// @notice What is needed of a Uniswap v3 pool.
interface IPoolSwap {
    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160 sqrtPriceLimitX96,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1);
}

/// @title UniswapV3Venue: the pools themselves, with no router in between
/// @notice A route is the fee of each pool along the way in 3 bytes, and between two fees the 20 bytes of the token there:
/// `fee` or `fee token fee` or longer. The pools' addresses are computed, so none but the factory's own can be reached.
/// @dev Holds nothing between transactions and has no owner. The first pool is paid straight from the caller, who has let this
/// contract take the token; the next ones from what the one before gave. A pool that would not take all of the amount is refused.
contract UniswapV3Venue is ISwapVenue, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant FEE_BYTES = 3;
    uint256 private constant HOP_BYTES = 23;
    /// @dev A pool's own limits of its price, the square root times 2^96: there is no other limit than amountOutMin.
    uint160 private constant ROOT_MIN = 4295128739 + 1;
    uint160 private constant ROOT_MAX = 1461446703485210103287273052203988822378723970342 - 1;

    /// @notice The factory of the pools.
    address public immutable factory;
    /// @notice Hash of a pool's creation code, from which addresses follow.
    bytes32 public immutable poolCodeHash;

    /// @dev The pool that this contract is calling right now, the only one that may call back.
    address private transient calling;

    /// @notice A call back from something that is not the pool under way.
    error NotThePool(address caller);
    /// @notice No pool of the factory trades these two for this fee.
    error NoPool(address tokenIn, address tokenOut, uint24 fee);
    /// @notice The pool ran out of liquidity before it had taken the whole amount.
    error PartialFill(uint256 taken, uint256 amountIn);
    /// @notice A route is fees of 3 bytes with tokens of 20 bytes in between, from one token to another.
    error BadRoute(uint256 length);
    /// @notice Nothing, or more than a pool can count.
    error BadAmount(uint256 amountIn);
    /// @notice What is sent here would stay here.
    error BadRecipient(address recipient);

    constructor(address factory_, bytes32 poolCodeHash_) {
        (factory, poolCodeHash) = (factory_, poolCodeHash_);
    }

    /// @inheritdoc ISwapVenue
    function swap(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 amountOutMin,
        address recipient,
        bytes calldata route
    ) external nonReentrant returns (uint256 amountOut) {
        if (route.length % HOP_BYTES != FEE_BYTES || tokenIn == tokenOut) revert BadRoute(route.length);
        if (amountIn == 0 || amountIn > uint256(type(int256).max)) revert BadAmount(amountIn);
        if (recipient == address(0) || recipient == address(this)) revert BadRecipient(recipient);
        uint256 before = IERC20(tokenOut).balanceOf(recipient);
        (address payer, uint256 amount) = (msg.sender, amountIn);
        while (route.length > FEE_BYTES) {
            address next = address(bytes20(route[FEE_BYTES:HOP_BYTES]));
            amount = _hop(payer, tokenIn, next, amount, address(this), uint24(bytes3(route)));
            (payer, tokenIn, route) = (address(this), next, route[HOP_BYTES:]);
        }
        _hop(payer, tokenIn, tokenOut, amount, recipient, uint24(bytes3(route)));
        // What arrived, not what the pool says: a token may keep a fee on the way.
        amountOut = IERC20(tokenOut).balanceOf(recipient) - before;
        if (amountOut < amountOutMin) revert TooLittle(amountOut, amountOutMin);
    }

    /// @notice Called by the pool under way: pays it what it is owed.
    /// @param data who pays and with what; ours, a pool gives back what it was given
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        if (msg.sender != calling) revert NotThePool(msg.sender);
        (address payer, address token, uint256 amountIn) = abi.decode(data, (address, address, uint256));
        uint256 owed = uint256(amount0 > 0 ? amount0 : amount1);
        if (owed != amountIn) revert PartialFill(owed, amountIn);
        if (payer == address(this)) IERC20(token).safeTransfer(msg.sender, owed);
        else IERC20(token).safeTransferFrom(payer, msg.sender, owed);
    }

    /// @notice Address of the factory's pool, whether or not it exists.
    function poolOf(address tokenIn, address tokenOut, uint24 fee) public view returns (address) {
        (address token0, address token1) = tokenIn < tokenOut ? (tokenIn, tokenOut) : (tokenOut, tokenIn);
        bytes32 salt = keccak256(abi.encode(token0, token1, fee));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", factory, salt, poolCodeHash)))));
    }

    function _hop(address payer, address tokenIn, address tokenOut, uint256 amountIn, address recipient, uint24 fee)
        private
        returns (uint256 amountOut)
    {
        address pool = poolOf(tokenIn, tokenOut, fee);
        if (pool.code.length == 0) revert NoPool(tokenIn, tokenOut, fee);
        bool down = tokenIn < tokenOut;
        calling = pool;
        (int256 amount0, int256 amount1) = IPoolSwap(pool).swap(
            recipient, down, int256(amountIn), down ? ROOT_MIN : ROOT_MAX, abi.encode(payer, tokenIn, amountIn)
        );
        calling = address(0);
        return uint256(-(down ? amount1 : amount0));
    }
}
