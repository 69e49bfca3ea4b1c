// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocalToken} from "src/local/LocalToken.sol";
import {PRICE_SCALE} from "src/types/Wad.sol";
import {StrategyVault} from "src/vault/StrategyVault.sol";
import {Ghost} from "test/support/Ghost.sol";
import {Market} from "test/support/Market.sol";
import {System} from "test/support/System.sol";
import {vm} from "test/support/Vm.sol";

/// @title The people of a vault, its market, and a record of the queue of exits that is kept apart from the vault's own
abstract contract VaultActors is Ghost {
    /// @dev A request as it stands on the line of all shares ever requested.
    struct Row {
        address who;
        uint256 from;
        uint256 to;
        uint256 cap;
        uint256 mark;
        uint256 discountBps;
    }

    /// @dev The line up to here was served at this price.
    struct Serving {
        uint256 upTo;
        uint256 price;
    }

    System internal immutable s;
    StrategyVault internal immutable vault;
    Market internal immutable market;
    LocalToken internal immutable usdc;

    Row[] internal rows;
    Serving[] internal servings;
    uint256 internal requested;
    uint256 internal served;
    mapping(address => uint256) internal lockedUntil;
    mapping(address => uint256) public claimed;

    constructor(System s_) {
        (s, vault, market, usdc) = (s_, s_.vault(), s_.market(), s_.usdc());
    }

    /// @dev The lead is one of them.
    function actor(uint256 n) public view returns (address) {
        n %= 4;
        return n == 0 ? s.lead() : address(uint160(0xAC0 + n));
    }

    /// @dev NAV per share at the lower prices, or zero while one is doubtful.
    function price() internal view returns (uint256) {
        try vault.navPerShare() returns (uint256 now_) {
            return now_;
        } catch {
            return 0;
        }
    }

    /// @dev What happens inside neither trades nor lets time pass: nobody's share may be worth less after it.
    modifier noHolderLoses() {
        uint256 before = price();
        _;
        uint256 now_ = price();
        hold(now_ == 0 || now_ >= before, "the price of a share fell without a trade");
    }

    /// @notice What the record says that a controller has been or can be paid, after fees.
    function due(address who) public view returns (uint256 assets, uint256 pieces) {
        for (uint256 i; i < rows.length; ++i) {
            if (rows[i].who != who) continue;
            uint256 from = rows[i].from;
            for (uint256 n; n < servings.length && from < rows[i].to; ++n) {
                if (servings[n].upTo <= from) continue;
                uint256 to = servings[n].upTo < rows[i].to ? servings[n].upTo : rows[i].to;
                assets += net(rows[i], to - from, servings[n].price);
                from = to;
                ++pieces;
            }
        }
    }

    /// @dev The fee is told again here: 5% of the gain, 10% of what is above a tenth of the mark, 15% above three tenths.
    function net(Row storage row, uint256 shares, uint256 price_) private view returns (uint256) {
        uint256 paid = shares * (price_ < row.cap ? price_ : row.cap) / PRICE_SCALE;
        uint256 basis = (shares * row.mark + PRICE_SCALE - 1) / PRICE_SCALE;
        if (paid <= basis) return paid;
        uint256 fee = (paid - basis) * 500;
        if (paid - basis > basis / 10) fee += (paid - basis - basis / 10) * 500;
        if (paid - basis > basis * 3 / 10) fee += (paid - basis - basis * 3 / 10) * 500;
        return paid - fee * (10_000 - row.discountBps) / 1e8;
    }

    /// @notice Shares of a controller that wait, by the record.
    function waiting(address who) public view returns (uint256 shares) {
        for (uint256 i; i < rows.length; ++i) {
            if (rows[i].who != who || rows[i].to <= served) continue;
            shares += rows[i].to - (rows[i].from > served ? rows[i].from : served);
        }
    }

    function totalWaiting() external view returns (uint256) {
        return requested - served;
    }

    /// @notice The market moves: all of it, the pool alone, or the oracle falls silent.
    function move(uint256 how, uint256 usd) external {
        uint256 to = pick(usd, 2_000e6, 4_500e6);
        if (how % 4 == 0) {
            uint256 spot = market.spot();
            market.moveTo(spot * pick(usd, 980, 1_020) / 1_000);
        } else if (how % 16 == 1) {
            market.feed().set(3000e8, vm.getBlockTimestamp() - 2 days);
        } else {
            market.settleAt(to);
        }
    }

    function wait_(uint256 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + pick(seconds_, 60, 20 days));
        market.tell(market.spot());
    }

    function giveCoupon(uint256 who, bool yes) external {
        s.coupons().give(actor(who), yes);
    }
}
