// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ILiquidatable: a book whose accounts are closed when they reach their line
/// @notice A vault has one account, itself; a desk has one a wallet.
interface ILiquidatable {
    /// @notice What the account is worth at the lower prices, and the equity at or below which it is closed (zero: no line). In base
    /// units of the asset. Reverts where a price is doubtful: nothing is ever closed on a doubtful price.
    function standing(address account) external view returns (uint256 equity, uint256 line);

    /// @notice Price of `token` (scale of IPriceGuard) at or below which the account's holding of it is closed; zero: none.
    function priceStop(address account, address token) external view returns (uint256 price);

    /// @notice What the account holds besides the asset.
    function holdings(address account) external view returns (address[] memory tokens);

    /// @notice Sell all the account's `token` into the asset, bounded by the guard's low price less the book's slippage for exits.
    /// Only the liquidator may call.
    function close(address account, address token, bytes calldata route) external returns (uint256 assets);
}
