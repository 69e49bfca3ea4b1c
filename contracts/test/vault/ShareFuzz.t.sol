// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PRICE_SCALE} from "src/types/Wad.sol";
import {FeeLib} from "src/vault/FeeLib.sol";
import {Terms} from "src/vault/VaultTypes.sol";
import {OpenVault, Surroundings, openVault} from "test/proofs/OpenVault.sol";
import {vm} from "test/support/Vm.sol";

/// @title What halmos proves of shares for small numbers, tried with numbers of all sizes
contract ShareFuzz {
    using FeeLib for Terms;

    Surroundings private here = new Surroundings();
    OpenVault private vault;

    function setUp() external {
        vault = openVault(here);
    }

    function testFuzz_shares_cost_at_least_and_bring_at_most_their_part(uint88 assets, uint104 supply, uint88 nav)
        external
    {
        vault.lay(supply);
        uint256 all = uint256(supply) + 1e6;
        uint256 shares = vault.sharesDown(assets, nav);
        vm.assertLe(shares * (uint256(nav) + 1), uint256(assets) * all, "free shares");
        vm.assertGe(vault.costUp(shares, nav) * all, shares * (uint256(nav) + 1), "cheap shares");
        vm.assertLe(vault.costUp(shares, nav), assets, "the same shares by number are dearer");
        vm.assertLe(vault.priceDown(nav) * all / PRICE_SCALE, uint256(nav) + 1, "shares are worth more than there is");
    }

    function testFuzz_in_and_out_at_one_price_gains_nothing(uint88 assets, uint104 supply, uint88 nav) external {
        vault.lay(supply);
        uint256 shares = vault.sharesDown(assets, nav);
        vault.lay(shares);
        vm.assertLe(shares * vault.priceDown(uint256(nav) + assets) / PRICE_SCALE, assets, "a gain by going in and out");
    }

    function testFuzz_what_is_served_can_be_paid(uint104 shares, uint120 price, uint88 cash) external {
        here.set(cash);
        if (price == 0) return;
        (uint256 served, uint256 assets) = vault.affordable(shares, price);
        vm.assertLe(assets, cash, "more than there is");
        vm.assertLe(served, shares, "more shares than were asked for");
        vm.assertLe(assets, served * price / PRICE_SCALE, "more than the shares are worth");
    }

    function testFuzz_a_fee_is_5_to_15_percent_of_the_gain(uint96 value, uint96 mark, bool coupon) external pure {
        Terms memory t = Terms(0, 0, 500, 1000, 1000, 3000, 1500);
        uint256 fee = t.performanceDown(value, mark, coupon ? 1_000 : 0);
        uint256 gain = value > mark ? uint256(value) - mark : 0;
        vm.assertLe(fee * 100, gain * 15, "above 15%");
        vm.assertGe((fee + 1) * 1_000, gain * (coupon ? 45 : 50), "below 5%, less the coupon's tenth");
    }

    function testFuzz_a_blended_mark_stands_for_all_that_was_paid(uint96 mark, uint104 held, uint96 cost, uint104 added)
        external
        pure
    {
        if (uint256(held) + added == 0) return;
        uint256 paid = uint256(mark) * held + uint256(cost) * PRICE_SCALE;
        uint256 blended = FeeLib.blendUp(mark, held, uint256(cost) * PRICE_SCALE, added);
        vm.assertGe(blended * (uint256(held) + added), paid, "less than was paid");
        vm.assertLe((blended - (blended == 0 ? 0 : 1)) * (uint256(held) + added), paid, "more than one unit up");
    }
}
