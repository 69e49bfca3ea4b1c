// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocalToken} from "src/local/LocalToken.sol";
import {PRICE_SCALE} from "src/types/Wad.sol";
import {StrategyVault} from "src/vault/StrategyVault.sol";
import {Ghost} from "test/support/Ghost.sol";
import {Market} from "test/support/Market.sol";
import {System} from "test/support/System.sol";
import {vm} from "test/support/Vm.sol";

/// @title The people of a vault, its market, and records of exits, unwinding and losses that are kept apart from the vault's own
abstract contract VaultActors is Ghost {
    /// @dev A request as it stands on the line of all shares ever requested.
    struct Row {
        address who;
        uint256 from;
        uint256 to;
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
    /// @notice Base units of the token that were given to the vault.
    uint256 public given;

    /// @dev Since stages were last reckoned anew: when, what was sold, the largest fifth of what was held, and the last sale.
    uint256 private unwindingFrom;
    uint256 private unwindingSold;
    uint256 private fifthMost;
    uint256 private unwoundAt;
    /// @dev What trades lost and time has not forgotten, as a share of NAV (1e18), and since when.
    uint256 private lost;
    uint256 private lostAt;

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
        uint256 paid = shares * price_ / PRICE_SCALE;
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

    /// @dev A stage was sold: never more than a fifth a minute, and a fifth at once.
    function unwound(uint256 sold, uint256 held) internal {
        uint256 now_ = vm.getBlockTimestamp();
        if (now_ >= unwoundAt + 600) (unwindingFrom, unwindingSold, fifthMost) = (now_, 0, 0);
        uint256 fifth = (held + 4) / 5;
        if (fifth > fifthMost) fifthMost = fifth;
        unwindingSold += sold;
        unwoundAt = now_;
        hold(sold <= fifthMost, "more than a fifth at once");
        hold(unwindingSold <= fifthMost + fifthMost * (now_ - unwindingFrom) / 60, "more than a fifth a minute");
    }

    /// @dev What the vault has at the middle of the guard's prices, twice that, and the NAV that a loss is a share of.
    function worth(bool opens) internal view returns (uint256 twice, uint256 nav) {
        (uint256 low, uint256 high) = s.guard().bounds(address(s.weth()));
        twice = 2 * usdc.balanceOf(address(vault)) + s.weth().balanceOf(address(vault)) * (low + high) / PRICE_SCALE;
        (uint256 last,) = vault.recorded();
        nav = opens ? vault.totalAssets() : vault.totalSupply() * last / PRICE_SCALE + 1;
    }

    /// @dev A trade was mirrored: what it lost joins what the day's others did, a unit or two less than the vault reckons it.
    function traded(uint256 before, uint256 nav, bool opens) internal {
        uint256 now_ = vm.getBlockTimestamp();
        uint256 most = uint256(vault.limits().bleedBpsMax) * 1e14;
        uint256 forgotten = most * (now_ - lostAt) / 1 days;
        (uint256 after_,) = worth(opens);
        after_ += 2;
        lost = (lost > forgotten ? lost - forgotten : 0) + (before > after_ ? (before - after_) * 1e18 / (2 * nav) : 0);
        lostAt = now_;
        hold(!opens || lost <= most, "more was opened than a day may lose");
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
        vm.warp(vm.getBlockTimestamp() + pick(seconds_ / 2, 60, seconds_ % 2 == 0 ? 2 hours : 20 days));
        market.tell(market.spot());
    }

    function giveCoupon(uint256 who, bool yes) external {
        s.coupons().give(actor(who), yes);
    }
}
