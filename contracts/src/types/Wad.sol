// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

uint256 constant WAD = 1e18;
uint256 constant BPS = 10_000;
/// @dev Scale of prices: base units of the quote asset per base unit of a token, times this.
uint256 constant PRICE_SCALE = 1e36;
