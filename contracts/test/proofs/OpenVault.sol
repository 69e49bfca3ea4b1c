// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IBreaker} from "src/types/IBreaker.sol";
import {ICoupons} from "src/types/ICoupons.sol";
import {IInsurancePool} from "src/types/IInsurancePool.sol";
import {IPriceGuard} from "src/types/IPriceGuard.sol";
import {ISwapVenue} from "src/types/ISwapVenue.sol";
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

    function approve(address, uint256) external pure returns (bool) {
        return true;
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

/// @dev Without fees and without tokens: its arithmetic alone.
function openVault(Surroundings here) returns (OpenVault) {
    Terms memory free;
    address[] memory none;
    address one = address(here);
    return new OpenVault(
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
            limits: Limits(1 hours, 100, 100, 10_000, 0, 300)
        })
    );
}
