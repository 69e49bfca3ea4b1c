// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocalToken} from "src/local/LocalToken.sol";
import {StrategyVault} from "src/vault/StrategyVault.sol";
import {Limits, Terms} from "src/vault/VaultTypes.sol";
import {Watched} from "test/support/Ghost.sol";
import {System} from "test/support/System.sol";
import {vm} from "test/support/Vm.sol";
import {VaultHandler} from "./VaultHandler.sol";

/// @title The vault owes nothing that it does not hold, serves exits in order, and everybody gets out in the end
contract VaultInvariants is Watched {
    System private s;
    StrategyVault private vault;
    VaultHandler private handler;
    LocalToken private usdc;

    function setUp() external {
        vm.warp(1_800_000_000);
        s = new System();
        s.openVault(Terms(3_000_000, 100, 500, 1000, 1000, 3000, 1500), Limits(1 hours, 100, 100, 10_000, 7_000, 20));
        (vault, usdc) = (s.vault(), s.usdc());
        handler = new VaultHandler(s);
        watch(handler);
    }

    function _always() internal view override {
        uint256 owed;
        for (uint256 n; n < 4; ++n) {
            address who = handler.actor(n);
            owed += vault.maxWithdraw(who);
            vm.assertEq(vault.pendingRedeemRequest(0, who), handler.waiting(who), "another place in the queue");
        }
        vm.assertGe(vault.state().reserved, owed, "owes more than it has set aside");
        vm.assertGe(usdc.balanceOf(address(vault)), vault.state().reserved, "set aside what is not there");
        vm.assertEq(vault.state().waiting, handler.totalWaiting(), "shares in the queue");
        vm.assertGe(vault.balanceOf(address(vault)), vault.state().waiting, "shares of the queue are gone");
        if (vault.holdings(address(vault)).length != 0) return;
        vm.assertLe(s.weth().balanceOf(address(vault)), handler.given() + 1, "what was bought is left out of NAV");
    }

    /// After whatever has happened, everybody but the lead gets out, and is paid what the record says.
    function afterInvariant() external {
        vm.warp(vm.getBlockTimestamp() + 2 hours);
        s.market().settleAt(s.market().spot());
        for (uint256 n = 1; n < 4; ++n) {
            address who = handler.actor(n);
            uint256 shares = vault.balanceOf(who);
            vm.prank(who);
            try vault.requestRedeem(shares, who, who) {}
            catch {
                vm.assertLe(shares, 20 * 1e12, "only what the subscription takes stays");
            }
        }
        for (uint256 stage; stage < 60 && vault.state().waiting != 0; ++stage) {
            try vault.settle() {} catch {}
            try vault.unwind(address(s.weth()), type(uint256).max, s.ROUTE()) {} catch {}
            vm.warp(vm.getBlockTimestamp() + 61);
            s.market().tell(s.market().spot());
        }
        vm.assertEq(vault.state().waiting, 0, "somebody cannot get out");
        for (uint256 n; n < 4; ++n) {
            address who = handler.actor(n);
            for (uint256 times; times < 8 && vault.maxRedeem(who) != 0; ++times) {
                vault.claim(who);
            }
            vm.assertEq(vault.maxWithdraw(who), 0, "not all is paid");
        }
    }
}
