// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocalToken} from "src/local/LocalToken.sol";
import {InsurancePool} from "src/money/InsurancePool.sol";
import {Ghost} from "test/support/Ghost.sol";
import {vm} from "test/support/Vm.sol";

/// @dev An asset whose issuer bars some holders, as USDC's can.
contract BarringToken is LocalToken("USD Coin", "USDC", 6) {
    mapping(address => bool) public barred;

    error Barred(address who);

    function bar(address who, bool yes) external {
        barred[who] = yes;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (barred[to] || barred[from]) revert Barred(to);
        super._update(from, to, amount);
    }
}

/// @title Three books, two claimants and a fickle issuer at the pool, beside a record of what is in it
contract PoolHandler is Ghost {
    struct Row {
        uint256 id;
        address beneficiary;
        uint256 left;
    }

    InsurancePool private immutable pool;
    BarringToken private immutable asset;
    address private immutable claimant;

    mapping(address book => uint256) public put;
    mapping(address book => uint256) public granted;
    mapping(address beneficiary => uint256) public due;
    Row[] private rows;
    uint256 private first;
    uint256 public contributed;
    uint256 public paidOut;
    uint256 public aside;

    constructor(InsurancePool pool_, address claimant_) {
        (pool, claimant) = (pool_, claimant_);
        asset = BarringToken(pool_.asset());
    }

    function book(uint256 n) public pure returns (address) {
        return address(uint160(0xB00 + n % 3));
    }

    function beneficiary(uint256 n) public pure returns (address) {
        return address(uint160(0xBE0 + n % 4));
    }

    function contribute(uint256 from, uint256 for_, uint256 amount) external {
        (address payer, address to) = (book(from), book(for_));
        amount = pick(amount, 0, 1e12);
        asset.mint(payer, amount);
        vm.prank(payer);
        asset.approve(address(pool), amount);
        vm.prank(payer);
        pool.contribute(to, amount);
        put[to] += amount;
        contributed += amount;
    }

    function claim(uint256 for_, uint256 to, uint256 amount, bool stranger) external {
        (address of_, address who) = (book(for_), beneficiary(to));
        amount = pick(amount, 0, 2e12);
        uint256 ofPool = (contributed - paidOut - aside) * 2_000 / 10_000;
        uint256 ofBook = put[of_] - granted[of_];
        uint256 most = ofPool < ofBook ? ofPool : ofBook;
        uint256 expected = amount < most ? amount : most;
        vm.prank(stranger ? who : claimant);
        try pool.claim(of_, who, amount) returns (uint256 id) {
            hold(!stranger, "anybody claims");
            hold((id == 0) == (expected == 0), "an id for nothing, or none for something");
            granted[of_] += expected;
            if (id != 0) rows.push(Row(id, who, expected));
        } catch {
            refused(stranger, "refused a claim");
        }
    }

    /// @dev Claims are paid in the order they were put in, each whole, since all that is granted is there.
    function pay(uint256 most) external {
        most = pick(most, 1, 3);
        uint256 queued = rows.length - first;
        uint256 paid = pool.pay(most);
        hold(paid == (most < queued ? most : queued), "fewer or more claims than waited");
        for (uint256 n; n < paid; ++n) {
            Row memory row = rows[first++];
            if (asset.barred(row.beneficiary)) {
                due[row.beneficiary] += row.left;
                aside += row.left;
            } else {
                paidOut += row.left;
            }
            (, uint96 amount) = pool.claims(row.id);
            hold(amount == 0, "a claim was passed over");
        }
    }

    function collect(uint256 to, uint256 elsewhere, bool own) external {
        address who = beneficiary(to);
        address there = elsewhere % 2 == 0 ? who : beneficiary(elsewhere);
        bool may = due[who] != 0 && (there == who || own) && !asset.barred(there);
        vm.prank(own ? who : address(0x57A));
        try pool.collect(who, there) {
            hold(may, "took what was set aside for another");
            paidOut += due[who];
            aside -= due[who];
            due[who] = 0;
        } catch {
            refused(!may, "kept what was set aside");
        }
    }

    function bar(uint256 who, bool yes) external {
        asset.bar(beneficiary(who), yes);
    }

    function donate(uint256 amount) external {
        asset.mint(address(pool), pick(amount, 0, 1e9));
    }

    function waiting() external view returns (uint256 left) {
        for (uint256 n = first; n < rows.length; ++n) {
            left += rows[n].left;
        }
    }
}
