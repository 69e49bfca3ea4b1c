// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ISwapVenue: one way to trade, whatever the market behind it
interface ISwapVenue {
    /// @notice The market gave less than was asked for.
    error TooLittle(uint256 amountOut, uint256 amountOutMin);

    /// @notice Sell exactly `amountIn`, taken from the caller by its allowance, to `recipient`.
    /// @param route the venue's own words for the way (Uniswap v3: fees of the pools along the path)
    /// @return amountOut what `recipient` got; never less than `amountOutMin`
    function swap(
        address tokenIn,
        address tokenOut,
        uint256 amountIn,
        uint256 amountOutMin,
        address recipient,
        bytes calldata route
    ) external returns (uint256 amountOut);
}
