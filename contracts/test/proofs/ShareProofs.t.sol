// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBreaker} from "src/types/IBreaker.sol";
import {ICoupons} from "src/types/ICoupons.sol";
import {IInsurancePool} from "src/types/IInsurancePool.sol";
import {IPriceGuard} from "src/types/IPriceGuard.sol";
import {ISwapVenue} from "src/types/ISwapVenue.sol";
import {PRICE_SCALE} from "src/types/Wad.sol";
import {FeeLib} from "src/vault/FeeLib.sol";
import {FeeSchedule} from "src/vault/FeeSchedule.sol";
import {StrategyVault} from "src/vault/StrategyVault.sol";
import {Config, Limits, Terms} from "src/vault/VaultTypes.sol";

/// @dev Asset, guard and pool in one: as much as a vault asks when it is made.
contract Surroundings {
    uint256 public cash;

    function set(uint256 cash_) external {
        cash = cash_;
    }

    function quote() external view returns (address) {
        return address(this);
    }

    function asset() external view returns (address) {
        return address(this);
    }

    function decimals() external pure returns (uint8) {
        return 6;
    }

    function balanceOf(address) external view returns (uint256) {
        return cash;
    }
}

/// @dev The vault with its arithmetic opened, at any supply.
contract OpenVault is StrategyVault {
    constructor(Config memory c) StrategyVault(c) {}

    function lay(uint256 supply) external {
        _mint(address(1), supply);
    }

    function sharesDown(uint256 assets, uint256 high) external view returns (uint256) {
        return _sharesDown(assets, high);
    }

    function costUp(uint256 shares, uint256 high) external view returns (uint256) {
        return _costUp(shares, high);
    }

    function priceDown(uint256 nav) external view returns (uint256) {
        return _priceDown(nav);
    }

    function affordable(uint256 shares, uint256 price) external view returns (uint256, uint256) {
        return _affordable(shares, price);
    }
}

/// @title Whatever a share costs is rounded up, and whatever it brings is rounded down
/// @dev Products of two unknowns and their quotients are decided up to the widths of the arguments, and no further.
contract ShareProofs {
    using FeeLib for Terms;

    Surroundings private here = new Surroundings();
    OpenVault private vault;

    function setUp() external {
        Terms memory free;
        address[] memory none;
        address one = address(here);
        vault = new OpenVault(
            Config({
                asset: one,
                name: "",
                symbol: "",
                lead: address(2),
                owner: address(3),
                executor: address(4),
                liquidator: address(5),
                guard: IPriceGuard(one),
                breaker: IBreaker(one),
                venue: ISwapVenue(one),
                pool: IInsurancePool(one),
                coupons: ICoupons(one),
                feeRecipient: address(6),
                tokens: none,
                schedule: new FeeSchedule(free, address(3)),
                limits: Limits(1 hours, 100, 100, 10_000, 0)
            })
        );
    }

    /// A deposit buys no more than its part of what there is.
    function check_no_free_shares(uint64 assets) external {
        uint256[2][3] memory vaults = [[uint256(0), 0], [uint256(1e12), 1_000_003], [uint256(1e21) + 7, 1_234_567_890_123_457]];
        for (uint256 i; i < 2; ++i) {
            if (i != 0) vault.lay(vaults[i][0] - vaults[i - 1][0]);
            uint256 shares = vault.sharesDown(assets, vaults[i][1]);
            assert(shares * (vaults[i][1] + 1) <= uint256(assets) * (vaults[i][0] + 1e6));
        }
    }

    /// Shares minted by number cost at least their part of what there is.
    function check_no_cheap_shares(uint8 shares, uint8 supply, uint8 nav) external {
        vault.lay(supply);
        assert(vault.costUp(shares, nav) * (uint256(supply) + 1e6) >= uint256(shares) * (uint256(nav) + 1));
    }

    /// The price of a share times all shares is never more than what there is.
    function check_all_shares_are_covered(uint64 nav) external {
        vault.lay(1e18 + 7);
        assert(vault.priceDown(nav) * (uint256(1e18 + 7) + 1e6) <= (uint256(nav) + 1) * PRICE_SCALE);
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

    /// Under the usual steps a fee is never more than 15% of the gain: no coupon, and marks of any size.
    function check_a_fee_is_at_most_15_percent_of_the_gain(uint32 gain) external pure {
        Terms memory t = Terms(0, 0, 500, 1000, 1000, 3000, 1500);
        uint256 fee = t.performanceDown(1_000_000_007 + uint256(gain), 1_000_000_007, 0);
        assert(fee * 100 <= uint256(gain) * 15);
    }

    /// Blended marks are rounded up: all shares together stand for no less than what was paid for them.
    function check_a_blended_mark_stands_for_all_that_was_paid(uint64 mark, uint64 cost)
        external
        pure
    {
        uint256 blended = FeeLib.blendUp(mark, 1e12 + 1, cost, 3e12 + 7);
        assert(blended * (4e12 + 8) >= uint256(mark) * (1e12 + 1) + cost);
    }
}
