// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Breaker} from "src/guard/Breaker.sol";
import {Ghost, Watched} from "test/support/Ghost.sol";
import {vm} from "test/support/Vm.sol";

/// @title A breaker beside a record of every liquidation there ever was
contract BreakerHandler is Ghost {
    Breaker private immutable breaker;
    address private immutable owner;
    address private constant GUARDIAN = address(0x9A);
    address private constant REPORTER = address(0x9B);

    uint256[] private times;
    bool private halted;
    mapping(address => bool) private bookHalted;
    uint256 private limit = 5;
    uint256 private window = 300;

    constructor(Breaker breaker_) {
        (breaker, owner) = (breaker_, msg.sender);
    }

    function caller(uint256 seed) private view returns (address) {
        return seed % 8 == 0 ? address(0x57A) : seed % 4 == 1 ? owner : GUARDIAN;
    }

    function halt(uint256 who, uint256 book) external {
        if (book % 4 == 0) {
            vm.prank(caller(who));
            try breaker.halt("test") {
                halted = true;
                hold(caller(who) != address(0x57A), "a stranger halts");
            } catch {
                refused(caller(who) == address(0x57A), "a guardian cannot halt");
            }
        } else {
            vm.prank(caller(who));
            try breaker.haltBook(bookOf(book), "test") {
                bookHalted[bookOf(book)] = true;
                hold(caller(who) != address(0x57A), "a stranger halts");
            } catch {
                refused(caller(who) == address(0x57A), "a guardian cannot halt");
            }
        }
    }

    function resume(uint256 who, uint256 book) external {
        vm.prank(caller(who));
        if (book % 2 == 0) {
            try breaker.resume() {
                halted = false;
                hold(caller(who) == owner, "resumed by another than the owner");
            } catch {
                refused(caller(who) != owner, "the owner cannot resume");
            }
        } else {
            try breaker.resumeBook(bookOf(book)) {
                bookHalted[bookOf(book)] = false;
                hold(caller(who) == owner, "resumed by another than the owner");
            } catch {
                refused(caller(who) != owner, "the owner cannot resume");
            }
        }
    }

    function liquidated(uint256 who, uint256 book) external {
        address from = who % 8 == 0 ? GUARDIAN : REPORTER;
        vm.prank(from);
        try breaker.liquidated(bookOf(book)) {
            hold(from == REPORTER, "anybody tells of liquidations");
            times.push(vm.getBlockTimestamp());
            uint256 recent;
            for (uint256 i = times.length; i > 0 && vm.getBlockTimestamp() - times[i - 1] < window; --i) {
                ++recent;
            }
            if (recent > limit) halted = true;
        } catch {
            refused(from != REPORTER, "a reporter cannot tell");
        }
    }

    function setLimit(uint256 limit_, uint256 window_) external {
        (limit_, window_) = (pick(limit_, 1, 32), pick(window_, 60, 900));
        vm.prank(owner);
        breaker.setLimit(limit_, window_);
        (limit, window) = (limit_, window_);
    }

    function wait_(uint256 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + pick(seconds_, 0, 120));
    }

    function bookOf(uint256 n) private pure returns (address) {
        return address(uint160(0xB00 + n % 3));
    }

    function agrees() external view returns (bool) {
        for (uint256 n; n < 3; ++n) {
            bool open = !halted && !bookHalted[bookOf(n)];
            try breaker.requireOpen(bookOf(n)) {
                if (!open) return false;
            } catch {
                if (open) return false;
            }
        }
        return true;
    }
}

contract BreakerInvariants is Watched {
    BreakerHandler private handler;

    function setUp() external {
        vm.warp(1_800_000_000);
        Breaker breaker = new Breaker(address(this));
        breaker.setGuardian(address(0x9A), true);
        breaker.setReporter(address(0x9B), true);
        handler = new BreakerHandler(breaker);
        watch(handler);
    }

    function _always() internal view override {
        vm.assertTrue(handler.agrees(), "what is open is not what the record says");
    }
}
