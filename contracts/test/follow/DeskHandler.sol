// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CopyDesk} from "src/follow/CopyDesk.sol";
import {Mandate} from "src/follow/Mandate.sol";
import {WalletProxy} from "src/follow/WalletProxy.sol";
import {LocalToken} from "src/local/LocalToken.sol";
import {Instruction} from "src/types/Instruction.sol";
import {Ghost} from "test/support/Ghost.sol";
import {Market} from "test/support/Market.sol";
import {System} from "test/support/System.sol";
import {vm} from "test/support/Vm.sol";

/// @title Four followers, an operator that does what it likes within its power, and a market; beside what each follower signed last
contract DeskHandler is Ghost {
    uint256 private constant FEE_BPS = 1_000;

    System private immutable s;
    CopyDesk private immutable desk;
    Market private immutable market;
    LocalToken private immutable usdc;
    LocalToken private immutable weth;
    address private immutable lead;

    mapping(address wallet => Mandate) private signed;
    mapping(address wallet => bool) private alive;
    mapping(address wallet => uint256) private newest;
    mapping(address wallet => uint256) private outlay;
    /// @dev What a batch's wallets held before it.
    mapping(address wallet => uint256[2]) private held;
    uint256 public fees;

    constructor(System s_) {
        (s, desk, market, usdc, weth, lead) = (s_, s_.desk(), s_.market(), s_.usdc(), s_.weth(), s_.lead());
        address[] memory followers = new address[](4);
        for (uint256 i; i < 4; ++i) {
            followers[i] = vm.addr(key(i));
            usdc.mint(desk.walletOf(followers[i], lead), 20_000e6);
        }
        desk.open(followers, lead);
    }

    function key(uint256 n) private pure returns (uint256) {
        return 0xF0110 + n % 4;
    }

    function wallet(uint256 n) public view returns (address) {
        return desk.walletOf(vm.addr(key(n)), lead);
    }

    function follow(uint256 who, uint256 seed, uint256 signer) external {
        address[] memory tokens = new address[](1);
        tokens[0] = address(weth);
        uint256 now_ = vm.getBlockTimestamp();
        uint256 allocation = pick(seed, 1, 30_000e6);
        Mandate memory m = Mandate({
            follower: vm.addr(key(who)),
            lead: lead,
            tokens: tokens,
            allocation: allocation,
            orderMax: pick(seed >> 32, 1, allocation),
            leverageBps: uint16(pick(seed >> 64, 1, 12_000)),
            ratioBps: uint16(pick(seed >> 80, 1, 20_000)),
            openSlippageBps: uint16(pick(seed >> 96, 60, 300)),
            exitSlippageBps: uint16(pick(seed >> 112, 60, 300)),
            stopSlippageBps: 300,
            stopBps: uint16(pick(seed >> 128, 0, 9_000)),
            feeBpsMax: uint16(pick(seed >> 144, 900, 1_500)),
            issued: uint32(now_ - pick(seed >> 160, 0, 3)),
            expiry: uint32(now_ + pick(seed >> 176, 0, 60 days))
        });
        bool own = signer % 4 != 0;
        (uint8 v, bytes32 r, bytes32 x) = vm.sign(own ? key(who) : key(who + 1), desk.digestOf(m));
        address to = wallet(who);
        bool newer = m.issued > newest[to];
        try desk.follow(m, abi.encodePacked(r, x, v)) {
            hold(own && newer && m.feeBpsMax >= FEE_BPS && m.expiry > now_, "took a mandate that nobody gave");
            (signed[to], alive[to], newest[to]) = (m, true, m.issued);
        } catch {
            refused(!own || !newer || m.feeBpsMax < FEE_BPS || m.expiry <= now_, "refused a mandate");
        }
    }

    function revoke(uint256 who, uint256 seldom) external {
        if (seldom % 8 != 0) revert Refused();
        vm.prank(vm.addr(key(who)));
        desk.revoke(lead);
        (alive[wallet(who)], newest[wallet(who)]) = (false, vm.getBlockTimestamp());
    }

    function fund(uint256 who, uint256 amount) external {
        usdc.mint(wallet(who), pick(amount, 0, 10_000e6));
    }

    /// @dev A follower takes out whatever it likes.
    function withdraw(uint256 who, uint256 share, bool other) external {
        address from = wallet(who);
        LocalToken token = other ? weth : usdc;
        uint256 amount = token.balanceOf(from) * pick(share, 0, 30) / 100;
        vm.prank(vm.addr(key(who)));
        WalletProxy(payable(from)).execute(address(token), 0, abi.encodeCall(token.transfer, (address(0xBEEF), amount)));
        hold(token.balanceOf(address(0xBEEF)) >= amount, "a follower's own money stayed");
    }

    function strangerTakes(uint256 who, uint256 caller) external {
        address from = wallet(who);
        vm.prank(caller % 2 == 0 ? lead : vm.addr(key(who + 1)));
        try WalletProxy(payable(from)).execute(address(usdc), 0, abi.encodeCall(usdc.transfer, (lead, 1))) {
            hold(false, "a stranger moved a wallet's money");
        } catch {}
        vm.prank(caller % 2 == 0 ? lead : address(0x0BE));
        try WalletProxy(payable(from)).pull(address(usdc), 1e18, 1) {
            hold(false, "another than the desk pulled");
        } catch {}
    }

    function copy(uint256 seed, uint256 fraction, uint256 slippage) external {
        bool opens = seed % 3 != 0;
        slippage = slippage % 4 == 0 ? pick(slippage, 20, 320) : pick(slippage, 20, 100);
        (Instruction memory it, bytes memory signature) = s.order(address(desk), opens, pick(fraction, 1, 1e18));
        bytes memory rows;
        for (uint256 i; i < 6; ++i) {
            rows = abi.encodePacked(rows, wallet(seed >> (8 * i + 8))); // some twice, some not at all
        }
        for (uint256 i; i < 4; ++i) {
            held[wallet(i)] = [usdc.balanceOf(wallet(i)), weth.balanceOf(wallet(i))];
        }
        bytes memory route = s.ROUTE();
        vm.prank(address(0x0BE));
        try desk.copy(it, signature, rows, slippage, route) returns (uint256 amountIn, uint256 amountOut) {
            if (amountIn == 0) revert Refused();
            uint256 due;
            for (uint256 i; i < 4; ++i) {
                due += opens ? opened(wallet(i), it, slippage) : exited(wallet(i), it, slippage, amountIn, amountOut);
            }
            if (!opens) charged(due);
        } catch {
            revert Refused();
        }
    }

    function opened(address w, Instruction memory it, uint256 slippage) private returns (uint256) {
        uint256 spent = held[w][0] - usdc.balanceOf(w);
        if (spent == 0) return 0;
        Mandate memory m = signed[w];
        hold(alive[w] && m.expiry > vm.getBlockTimestamp(), "spent without a mandate");
        hold(spent <= m.orderMax, "spent more than one order may");
        hold(spent <= m.allocation * m.ratioBps * it.fraction / 1e22, "spent more than the lead's fraction");
        uint256 most = m.allocation * (m.leverageBps < 10_000 ? m.leverageBps : 10_000) / 10_000;
        hold(outlay[w] + spent <= most, "more is out than the allocation allows");
        hold(slippage <= m.openSlippageBps, "a worse price than the mandate allows was risked");
        outlay[w] += spent;
        hold(outlayOf(w) == outlay[w], "the desk lost count of what is out");
        uint256 worth = (weth.balanceOf(w) - held[w][1]) * s.guard().price(address(weth)) / 1e36;
        hold(worth + 2 >= spent * (10_000 - m.openSlippageBps) / 10_000, "a worse price than the mandate allows");
        return 0;
    }

    /// @return due the fee that the rules ask for: a tenth of what came back above all that was paid in
    function exited(address w, Instruction memory it, uint256 slippage, uint256 amountIn, uint256 amountOut)
        private
        returns (uint256 due)
    {
        uint256 sold = held[w][1] - weth.balanceOf(w);
        if (sold == 0) return 0;
        Mandate memory m = signed[w];
        hold(alive[w] && m.expiry > vm.getBlockTimestamp(), "sold without a mandate");
        hold(sold <= held[w][1] * it.fraction / 1e18, "sold more than the lead's fraction");
        hold(slippage <= m.exitSlippageBps, "a worse price than the mandate allows was risked");
        uint256 gross = amountOut * sold / amountIn;
        uint256 got = usdc.balanceOf(w) - held[w][0];
        uint256 gain = gross > outlay[w] ? gross - outlay[w] : 0;
        due = gain * FEE_BPS / 10_000;
        hold(got + due + 2 >= gross, "a fee below the mark, or above its rate");
        outlay[w] = outlayOf(w);
        hold(gain > 2 ? outlay[w] <= due + 2 : outlay[w] + gross + 2 >= outlay[w], "the mark went astray");
    }

    function charged(uint256 due) private {
        uint256 now_ = desk.earned(lead);
        hold(now_ <= fees + due + 8, "more was charged than is due");
        hold(now_ + 8 >= fees + due, "less was charged than is due");
        fees = now_;
    }

    function outlayOf(address w) private view returns (uint256 out) {
        (,,,, out,,) = desk.ruleOf(lead, w);
    }

    function distributeFees() external {
        (uint256 to, uint256 pool) = (usdc.balanceOf(lead), usdc.balanceOf(address(s.pool())));
        desk.distributeFees(lead);
        hold(usdc.balanceOf(address(s.pool())) - pool == fees / 5, "a fifth goes to the insurance pool");
        hold(usdc.balanceOf(lead) - to == fees - fees / 5, "the rest goes to the lead");
        fees = 0;
    }

    function move(uint256 usd) external {
        market.settleAt(pick(usd, 2_000e6, 4_500e6));
    }

    function wait_(uint256 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + pick(seconds_, 60, 1 days));
        market.tell(market.spot());
    }
}
