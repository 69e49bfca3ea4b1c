// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocalToken} from "src/local/LocalToken.sol";
import {MirrorExecutor} from "src/mirror/MirrorExecutor.sol";
import {IInsurancePool} from "src/types/IInsurancePool.sol";
import {Watched} from "test/support/Ghost.sol";
import {vm} from "test/support/Vm.sol";
import {ExecutorHandler} from "./ExecutorHandler.sol";

/// @dev As much of the pool as bonds meet.
contract Purse is IInsurancePool {
    address public immutable asset;

    constructor(address asset_) {
        asset = asset_;
    }

    function contribute(address, uint256 amount) external {
        LocalToken(asset).transferFrom(msg.sender, address(this), amount);
    }

    function claim(address, address, uint256) external pure returns (uint256) {
        return 0;
    }
}

/// @title Whatever leads, agents and strangers do, an order is carried out once, by who may, and every bond is somewhere
contract ExecutorInvariants is Watched {
    MirrorExecutor private executor;
    ExecutorHandler private handler;
    LocalToken private asset;
    Purse private purse;

    function setUp() external {
        vm.warp(1_800_000_000);
        asset = new LocalToken("USD Coin", "USDC", 6);
        purse = new Purse(address(asset));
        executor = new MirrorExecutor(address(this), purse, 100e6, 1000e6);
        handler = new ExecutorHandler(executor);
        watch(handler);
    }

    function _always() internal view override {
        vm.assertEq(asset.balanceOf(address(executor)), handler.bonds(), "bonds");
        vm.assertEq(asset.balanceOf(address(purse)), handler.forfeited(), "forfeited");
        vm.assertTrue(!handler.usedTwice(), "an order was carried out twice");
    }
}
