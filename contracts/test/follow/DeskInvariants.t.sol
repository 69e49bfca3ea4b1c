// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Watched} from "test/support/Ghost.sol";
import {System} from "test/support/System.sol";
import {vm} from "test/support/Vm.sol";
import {DeskHandler} from "./DeskHandler.sol";

/// @title Whoever sends the batches, no mandate is exceeded, and the desk keeps nothing but the fees it has taken
contract DeskInvariants is Watched {
    System private s;
    DeskHandler private handler;

    function setUp() external {
        vm.warp(1_800_000_000);
        s = new System();
        s.openDesk(0, 1_000, address(0x0BE));
        handler = new DeskHandler(s);
        watch(handler);
    }

    function _always() internal view override {
        address desk = address(s.desk());
        vm.assertEq(s.usdc().balanceOf(desk), handler.fees(), "the desk holds the fees it has taken and nothing else");
        vm.assertEq(s.desk().earned(s.lead()), handler.fees(), "fees");
        vm.assertEq(s.weth().balanceOf(desk), 0, "the desk kept a token");
    }
}
