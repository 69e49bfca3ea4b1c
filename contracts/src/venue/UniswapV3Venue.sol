// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";

/// @notice What is needed of Uniswap's factory.
interface IPoolFactory {
    function getPool(address tokenA, address tokenB, uint24 fee) external view returns (address pool);
}

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
/// `fee` or `fee token fee` or longer. Only listed pools are traded in: whoever brings an order picks its route, and in a pool of its own
/// would take the whole of the slippage that the order allows, each time.
/// @dev Holds nothing between transactions. The owner (the timelock) lists pools of the one factory and can do nothing else. The first
/// pool is paid straight from the caller, who has let this contract take the token; the next ones from what the one before gave. A pool
/// that would not take all of the amount is refused.
contract UniswapV3Venue is ISwapVenue, Ownable2Step, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant FEE_BYTES = 3;
    uint256 private constant HOP_BYTES = 23;
    /// @dev A pool's own limits of its price, the square root times 2^96: there is no other limit than amountOutMin.
    uint160 private constant ROOT_MIN = 4295128739 + 1;
    uint160 private constant ROOT_MAX = 1461446703485210103287273052203988822378723970342 - 1;

    /// @notice The factory of the pools.
    address public immutable factory;

    mapping(bytes32 pair => address pool) private _pools;

    /// @dev Hash of the pool that this contract is calling right now and of what it was told: the one call back that is paid,
    /// and once.
    bytes32 private transient awaited;

    /// @notice The pool is traded in from now on.
    event Listed(address indexed pool, address indexed tokenA, address indexed tokenB, uint24 fee);
    /// @notice The pool is traded in no more.
    event Unlisted(address indexed pool, address indexed tokenA, address indexed tokenB, uint24 fee);

    /// @notice A call back from something that is not the pool under way, or not with what that pool was told.
    error NotThePool(address caller);
    /// @notice The pool of these two for this fee is not listed, or there is none.
    error PoolNotListed(address tokenIn, address tokenOut, uint24 fee);
    /// @notice No pool of the factory trades these two for this fee.
    error NoPool(address tokenA, address tokenB, uint24 fee);
    /// @notice The pool ran out of liquidity before it had taken the whole amount.
    error PartialFill(uint256 taken, uint256 amountIn);
    /// @notice A route is fees of 3 bytes with tokens of 20 bytes in between, from one token to another.
    error BadRoute(uint256 length);
    /// @notice Nothing, or more than a pool can count.
    error BadAmount(uint256 amountIn);
    /// @notice What is sent here would stay here.
    error BadRecipient(address recipient);

    constructor(address owner_, address factory_) Ownable(owner_) {
        factory = factory_;
    }

    /// @notice Trade in the factory's pool of these two for this fee, whichever of them is sold.
    function list(address tokenA, address tokenB, uint24 fee) external onlyOwner {
        address pool = IPoolFactory(factory).getPool(tokenA, tokenB, fee);
        if (pool == address(0)) revert NoPool(tokenA, tokenB, fee);
        _pools[_pair(tokenA, tokenB, fee)] = pool;
        emit Listed(pool, tokenA, tokenB, fee);
    }

    /// @notice Trade in that pool no more. A token whose last pool goes cannot be sold: list another first.
    function unlist(address tokenA, address tokenB, uint24 fee) external onlyOwner {
        emit Unlisted(_listed(tokenA, tokenB, fee), tokenA, tokenB, fee);
        delete _pools[_pair(tokenA, tokenB, fee)];
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
    /// @param data who pays, with what and how much; ours, a pool gives back what it was given
    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata data) external {
        (address payer, address token, uint256 amountIn) = abi.decode(data, (address, address, uint256));
        if (_call(msg.sender, payer, token, amountIn) != awaited) revert NotThePool(msg.sender);
        awaited = 0;
        uint256 owed = uint256(amount0 > 0 ? amount0 : amount1);
        if (owed != amountIn) revert PartialFill(owed, amountIn);
        if (payer == address(this)) IERC20(token).safeTransfer(msg.sender, owed);
        else IERC20(token).safeTransferFrom(payer, msg.sender, owed);
    }

    /// @notice The listed pool of these two for this fee, whichever is sold; zero: none is listed.
    function poolOf(address tokenIn, address tokenOut, uint24 fee) public view returns (address) {
        return _pools[_pair(tokenIn, tokenOut, fee)];
    }

    function _hop(address payer, address tokenIn, address tokenOut, uint256 amountIn, address recipient, uint24 fee)
        private
        returns (uint256 amountOut)
    {
        address pool = _listed(tokenIn, tokenOut, fee);
        bool down = tokenIn < tokenOut;
        awaited = _call(pool, payer, tokenIn, amountIn);
        (int256 amount0, int256 amount1) = IPoolSwap(pool).swap(
            recipient, down, int256(amountIn), down ? ROOT_MIN : ROOT_MAX, abi.encode(payer, tokenIn, amountIn)
        );
        return uint256(-(down ? amount1 : amount0));
    }

    function _listed(address tokenIn, address tokenOut, uint24 fee) private view returns (address pool) {
        pool = poolOf(tokenIn, tokenOut, fee);
        if (pool == address(0)) revert PoolNotListed(tokenIn, tokenOut, fee);
    }

    function _pair(address tokenA, address tokenB, uint24 fee) private pure returns (bytes32) {
        (address token0, address token1) = tokenA < tokenB ? (tokenA, tokenB) : (tokenB, tokenA);
        return keccak256(abi.encode(token0, token1, fee));
    }

    function _call(address pool, address payer, address token, uint256 amountIn) private pure returns (bytes32) {
        return keccak256(abi.encode(pool, payer, token, amountIn));
    }
}
