// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PriceGuard} from "src/oracle/PriceGuard.sol";
import {UniswapV3Venue} from "src/venue/UniswapV3Venue.sol";
import {Market} from "./Market.sol";
import {vm} from "./Vm.sol";

/// @title The market that all other tests lean on is at the price it says, wherever it is moved
contract MarketFits {
    Market private market;
    PriceGuard private guard;
    UniswapV3Venue private venue;

    function setUp() external {
        vm.warp(1_800_000_000);
        market = new Market();
        market.fill();
        guard = new PriceGuard(address(this), address(market.usdc()), address(0), 0);
        vm.warp(vm.getBlockTimestamp() + 2 hours);
        market.tell(3000e6);
        guard.setFeed(address(market.weth()), address(market.feed()), 1 days, address(market.pool()), 1800, 300);
        venue = new UniswapV3Venue(address(this), market.factory());
        venue.list(address(market.usdc()), address(market.weth()), 3000);
    }

    function testFuzz_pool_oracle_and_guard_agree_wherever_the_price_goes(uint256 price) external {
        price = 500e6 + price % 10_000e6;
        market.settleAt(price);
        near(market.spot(), price, 1);
        (uint256 low, uint256 high) = guard.bounds(address(market.weth()));
        near(low * 1e18 / 1e36, price, 100); // the pool's average is told in whole ticks of 1 bp
        near(high * 1e18 / 1e36, price, 100);
    }

    function testFuzz_a_swap_by_the_venue_gives_what_the_pool_gives(uint256 amount) external {
        amount = 1e6 + amount % 1_000_000e6;
        market.usdc().mint(address(this), amount);
        market.usdc().approve(address(venue), amount);
        address weth = address(market.weth());
        uint256 got = venue.swap(address(market.usdc()), weth, amount, 0, address(this), abi.encodePacked(uint24(3000)));
        uint256 paid = amount * 997 / 1000;
        near(got, 10_000e18 * paid / (30_000_000e6 + paid), 1);
        vm.assertEq(market.usdc().balanceOf(address(venue)) + market.weth().balanceOf(address(venue)), 0, "kept");
    }

    /// Within `ppm` millionths, and one unit.
    function near(uint256 one, uint256 other, uint256 ppm) private pure {
        uint256 apart = one > other ? one - other : other - one;
        vm.assertLe(apart, other * ppm / 1_000_000 + 1, "not the price");
    }
}
