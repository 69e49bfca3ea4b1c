// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InsurancePool} from "src/money/InsurancePool.sol";
import {Watched} from "test/support/Ghost.sol";
import {vm} from "test/support/Vm.sol";
import {BarringToken, PoolHandler} from "./PoolHandler.sol";

/// @title The pool pays in order, never more than was put in, and never more for a book than that book put in
contract PoolInvariants is Watched {
    InsurancePool private pool;
    PoolHandler private handler;
    BarringToken private asset;

    function setUp() external {
        asset = new BarringToken();
        pool = new InsurancePool(address(this), address(asset));
        address claimant = address(0xC1A);
        pool.setClaimant(claimant, true);
        handler = new PoolHandler(pool, claimant);
        for (uint256 n; n < 3; ++n) {
            pool.setBook(handler.book(n), true);
        }
        watch(handler);
    }

    function _always() internal view override {
        uint256 held = asset.balanceOf(address(pool));
        uint256 owed = handler.waiting() + handler.aside();
        vm.assertLe(handler.paidOut() + owed, handler.contributed(), "more than was put in");
        vm.assertLe(owed, held, "owes more than it holds");
        vm.assertEq(pool.contributed(), handler.contributed(), "contributed");
        vm.assertEq(pool.paid(), handler.paidOut() + handler.aside(), "paid");
        uint256 granted;
        for (uint256 n; n < 3; ++n) {
            address book = handler.book(n);
            (, uint120 put, uint128 of_) = pool.books(book);
            vm.assertEq(put, handler.put(book), "a book's own");
            vm.assertEq(of_, handler.granted(book), "granted to a book");
            vm.assertLe(of_, put, "more for a book than it put in");
            granted += of_;
        }
        vm.assertEq(granted, handler.paidOut() + owed, "granted is paid, set aside or waiting");
        for (uint256 n; n < 4; ++n) {
            vm.assertEq(pool.setAside(handler.beneficiary(n)), handler.due(handler.beneficiary(n)), "set aside");
        }
    }
}
