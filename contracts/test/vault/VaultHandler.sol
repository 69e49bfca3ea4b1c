// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Instruction} from "src/types/Instruction.sol";
import {VaultFees} from "src/vault/VaultFees.sol";
import {System} from "test/support/System.sol";
import {vm} from "test/support/Vm.sol";
import {VaultActors} from "./VaultActors.sol";

/// @title Whatever four people, a relayer and the market may do with a vault
contract VaultHandler is VaultActors {
    uint256 private constant DEPOSIT_MAX = 100_000e6;
    uint256 private constant SLIPPAGE_BPS = 100;

    constructor(System s_) VaultActors(s_) {
        lockedUntil[s.lead()] = vm.getBlockTimestamp() + 1 hours;
    }

    function deposit(uint256 who, uint256 assets) external noHolderLoses {
        address from = actor(who);
        assets = pick(assets, 1, DEPOSIT_MAX);
        uint256 before = vault.balanceOf(from);
        uint256 now_ = price();
        bool doubtful = now_ == 0;
        try s.deposit(from, assets) returns (uint256 shares) {
            hold(!doubtful && !vault.state().closing, "a deposit at a doubtful price, or into a vault that closes");
            hold(vault.balanceOf(from) <= before + shares, "more shares than were told");
            hold(shares * now_ / 1e36 <= assets, "more shares than the money was worth");
            uint256 outside = vault.totalSupply() - vault.balanceOf(address(vault));
            hold(vault.balanceOf(s.lead()) >= outside / 20, "the lead holds less than a twentieth");
            lockedUntil[from] = vm.getBlockTimestamp() + 1 hours;
        } catch {
            revert Refused();
        }
    }

    function request(uint256 who, uint256 share) external noHolderLoses {
        address from = actor(who);
        uint256 shares = vault.balanceOf(from) * pick(share, 1, 100) / 100;
        VaultFees.Account memory before = vault.account(from);
        vm.prank(from);
        try vault.requestRedeem(shares, from, from) {
            hold(vm.getBlockTimestamp() >= lockedUntil[from], "shares left within their lock");
            uint256 left = vault.pendingRedeemRequest(0, from) - waiting(from);
            hold(left <= shares && left != 0, "another number of shares than was asked for waits");
            uint256 mark = vault.account(from).mark;
            hold(mark >= before.mark, "a mark fell");
            uint256 off = s.coupons().discountBps(from);
            rows.push(Row(from, requested, requested + left, mark, off));
            requested += left;
        } catch {
            bool due_ = vm.getBlockTimestamp() < lockedUntil[from] || vault.balanceOf(from) < 60e12 || from == s.lead();
            due_ = due_ || shares < 1e12;
            refused(due_, "an exit was refused without a reason");
        }
    }

    function settle() external noHolderLoses {
        uint256 now_ = price();
        try vault.settle() returns (uint256 shares, uint256 assets) {
            hold(now_ != 0, "settled at a doubtful price");
            hold(shares <= requested - served, "more was served than waited");
            hold(assets <= shares * now_ / 1e36, "settled above the price");
            served += shares;
            servings.push(Serving(served, now_));
        } catch {
            bool due_ = requested == served || now_ == 0 || vault.idle() < 2e6 + 1e12 * now_ / 1e36;
            refused(due_, "what waits and could be paid was not served");
        }
    }

    function claim(uint256 who) external noHolderLoses {
        address to = actor(who);
        uint256 before = usdc.balanceOf(to);
        uint256 said = vault.maxWithdraw(to);
        vault.claim(to);
        hold(usdc.balanceOf(to) - before == said, "another amount than maxWithdraw said");
        claimed[to] += usdc.balanceOf(to) - before;
        (uint256 all, uint256 pieces) = due(to);
        hold(claimed[to] <= all, "more was claimed than the record says is due");
        hold(vault.maxRedeem(to) != 0 || claimed[to] + pieces >= all, "less was paid than the record says is due");
    }

    function redeem(uint256 who, uint256 share) external noHolderLoses {
        address to = actor(who);
        uint256 shares = vault.maxRedeem(to) * pick(share, 0, 100) / 100;
        if (shares == 0) revert Refused();
        uint256 before = usdc.balanceOf(to);
        vm.prank(to);
        vault.redeem(shares, to, to);
        claimed[to] += usdc.balanceOf(to) - before;
        (uint256 most,) = due(to);
        hold(claimed[to] <= most, "more was claimed than the record says is due");
    }

    function transfer(uint256 from, uint256 to, uint256 share) external noHolderLoses {
        (address one, address other) = (actor(from), actor(to));
        uint256 shares = vault.balanceOf(one) * pick(share, 0, 100) / 100;
        (uint256 markOne, uint256 markOther) = (vault.account(one).mark, vault.account(other).mark);
        uint256 held = vault.balanceOf(other);
        vm.prank(one);
        try vault.transfer(other, shares) {
            hold(vm.getBlockTimestamp() >= lockedUntil[one], "shares moved within their lock");
            uint256 least = held == 0 ? markOne : markOne < markOther ? markOne : markOther;
            hold(shares == 0 || one == other || vault.account(other).mark >= least, "a mark was washed away");
        } catch {
            bool due_ = vm.getBlockTimestamp() < lockedUntil[one] || one == s.lead() || shares + 60e12 > vault.balanceOf(one);
            refused(due_, "a transfer was refused without a reason");
        }
    }

    function crystallise(uint256 who) external noHolderLoses {
        address of_ = actor(who);
        uint256 now_ = price();
        uint256 mark = vault.account(of_).mark;
        try vault.crystallise(of_) returns (uint256 shares) {
            hold(shares == 0 || now_ > mark, "a performance fee below the mark");
            // At most 15% of the gain, and nothing again for the same level.
            uint256 held = vault.balanceOf(of_) + shares;
            hold(shares * now_ / 1e36 <= held * (now_ > mark ? now_ - mark : 0) / 1e36 * 15 / 100, "more than 15% of the gain");
            hold(shares == 0 || vault.account(of_).mark >= now_, "the mark stayed behind");
        } catch {
            revert Refused();
        }
    }

    function distributeFees() external noHolderLoses {
        (uint256 before, uint256 pool) = (usdc.balanceOf(address(0xFEE)), usdc.balanceOf(address(s.pool())));
        try vault.distributeFees() {
            uint256 paid = usdc.balanceOf(address(0xFEE)) - before;
            uint256 insured = usdc.balanceOf(address(s.pool())) - pool;
            hold(insured == (paid + insured) / 5, "a fifth goes to the insurance pool");
        } catch {
            refused(requested != served || price() == 0, "fees are stuck");
        }
    }

    function mirror(uint256 seed, uint256 fraction) external {
        bool opens = seed % 2 == 0;
        (Instruction memory it, bytes memory signature) =
            s.order(address(vault), opens, pick(fraction, 1e15, opens ? 9e17 : 1e18));
        uint256 before = price();
        (uint256 worth_, uint256 nav) = before == 0 ? (0, 0) : worth(opens);
        try s.executor().mirror(it, signature, s.ROUTE()) {
            hold(before != 0, "traded at a doubtful price");
            if (before != 0) traded(worth_, nav, opens);
            hold(price() >= before - before * SLIPPAGE_BPS * 2 / 10_000, "a trade lost more than its slippage");
        } catch {
            revert Refused();
        }
    }

    /// @dev In up to four pieces at once, as who would like to sell more than a stage tries it.
    function unwind(uint256 amount, uint256 pieces) external {
        pieces = pick(pieces, 1, 4);
        uint256 done;
        for (uint256 n; n < pieces; ++n) {
            uint256 before = price();
            uint256 held = s.weth().balanceOf(address(vault));
            if (held == 0) break;
            try vault.unwind(address(s.weth()), pick(amount, 1, held), s.ROUTE()) returns (uint256 sold, uint256) {
                ++done;
                unwound(sold, held);
                hold(requested != served || vault.state().closing, "sold without need");
                hold(price() >= before - before * SLIPPAGE_BPS * 2 / 10_000, "a stage lost more than its slippage");
            } catch {}
        }
        if (done == 0) revert Refused();
    }

    function donate(uint256 assets) external noHolderLoses {
        usdc.mint(address(vault), pick(assets, 0, 1_000e6));
    }

    function donateToken(uint256 amount) external noHolderLoses {
        amount = pick(amount, 0, 1e15);
        given += amount;
        s.weth().mint(address(vault), amount);
    }

    function closeAtLine() external {
        (uint256 equity, uint256 line) = price() == 0 ? (1, 0) : vault.standing(address(vault));
        try vault.closeAtLine() {
            hold(equity <= line && line != 0, "closed above the line, or on a doubtful price");
        } catch {
            refused(line == 0 || equity > line || vault.state().closing, "a vault at its line stays open");
        }
    }

    function liquidate() external {
        uint256 before = price();
        (uint256 equity, uint256 line) = before == 0 ? (0, 0) : vault.standing(address(vault));
        bytes[] memory routes = new bytes[](vault.holdings(address(vault)).length);
        for (uint256 i; i < routes.length; ++i) {
            routes[i] = s.ROUTE();
        }
        try s.liquidator().liquidate(vault, address(vault), routes) {
            hold(before != 0 && equity <= line, "closed above the line, or on a doubtful price");
        } catch {
            revert Refused();
        }
    }
}
