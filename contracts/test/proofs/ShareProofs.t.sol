// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PRICE_SCALE} from "src/types/Wad.sol";
import {FeeLib} from "src/vault/FeeLib.sol";
import {Terms} from "src/vault/VaultTypes.sol";
import {OpenVault, Surroundings, openVault} from "./OpenVault.sol";

/// @title Whatever a share costs is rounded up, and whatever it brings is rounded down
/// @dev Products of two unknowns and their quotients are decided up to the widths of the arguments, and no further.
contract ShareProofs {
    using FeeLib for Terms;

    Surroundings private here = new Surroundings();
    OpenVault private vault;

    function setUp() external {
        vault = openVault(here);
    }

    /// A deposit buys no more than its part of what there is.
    function check_no_free_shares(uint8 assets) external {
        vault.lay(12_345);
        assert(vault.sharesDown(assets, 76) * 77 <= uint256(assets) * 1_012_345);
    }

    /// Shares minted by number cost at least their part of what there is.
    function check_no_cheap_shares(uint8 shares, uint8 supply, uint8 nav) external {
        vault.lay(supply);
        assert(vault.costUp(shares, nav) * (uint256(supply) + 1e6) >= uint256(shares) * (uint256(nav) + 1));
    }

    /// The price of a share times all shares is never more than what there is.
    function check_all_shares_are_covered(uint8 nav) external {
        vault.lay(1e12 + 7);
        assert(vault.priceDown(nav) * (1e12 + 7 + 1e6) <= (uint256(nav) + 1) * PRICE_SCALE);
    }

    /// What is served never costs more than the cash there is, nor more than the shares asked for.
    function check_what_is_served_can_be_paid(uint8 shares, uint8 price, uint8 cash) external {
        here.set(cash);
        if (price == 0) return;
        (uint256 served, uint256 assets) = vault.affordable(shares, uint256(price) * 1e26);
        assert(assets <= cash);
        assert(served <= shares);
        assert(assets <= served * (uint256(price) * 1e26) / PRICE_SCALE);
    }

    /// No fee where there is no gain, for any steps.
    function check_no_fee_at_or_below_the_mark(Terms memory t, uint256 value, uint256 mark, uint256 discountBps)
        external
        pure
    {
        if (value > mark) return;
        assert(t.performanceDown(value, mark, discountBps) == 0);
    }

    /// Blended marks are rounded up: all shares together stand for no less than what was paid for them.
    function check_a_blended_mark_stands_for_all_that_was_paid(uint8 mark, uint8 cost) external pure {
        uint256 blended = FeeLib.blendUp(mark, 7, cost, 11);
        assert(blended * 18 >= uint256(mark) * 7 + cost);
    }
}
