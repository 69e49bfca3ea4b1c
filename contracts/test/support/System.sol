// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CopyDesk} from "src/follow/CopyDesk.sol";
import {Breaker} from "src/guard/Breaker.sol";
import {Liquidator} from "src/guard/Liquidator.sol";
import {LocalToken} from "src/local/LocalToken.sol";
import {MirrorExecutor} from "src/mirror/MirrorExecutor.sol";
import {InsurancePool} from "src/money/InsurancePool.sol";
import {PriceGuard} from "src/oracle/PriceGuard.sol";
import {ICoupons} from "src/types/ICoupons.sol";
import {Instruction} from "src/types/Instruction.sol";
import {FeeSchedule} from "src/vault/FeeSchedule.sol";
import {StrategyVault} from "src/vault/StrategyVault.sol";
import {Config, Limits, Terms} from "src/vault/VaultTypes.sol";
import {UniswapV3Venue} from "src/venue/UniswapV3Venue.sol";
import {Market} from "./Market.sol";
import {vm} from "./Vm.sol";

/// @dev A tenth off for whoever the test says.
contract Coupons is ICoupons {
    mapping(address => uint256) public discountBps;

    function give(address holder, bool yes) external {
        discountBps[holder] = yes ? 1_000 : 0;
    }
}

/// @title System: all contracts as they are deployed, on Uniswap's pool; the deployer of this stands for the timelock
contract System {
    uint256 public constant LEAD_KEY = 0x1EAD;
    bytes public constant ROUTE = abi.encodePacked(uint24(3000));

    Market public market;
    LocalToken public usdc;
    LocalToken public weth;
    Coupons public coupons;
    PriceGuard public guard;
    Breaker public breaker;
    InsurancePool public pool;
    MirrorExecutor public executor;
    UniswapV3Venue public venue;
    Liquidator public liquidator;
    FeeSchedule public schedule;
    StrategyVault public vault;
    CopyDesk public desk;
    address public lead;
    uint256 public nonce;

    constructor() {
        market = new Market();
        market.fill();
        (usdc, weth, lead) = (market.usdc(), market.weth(), vm.addr(LEAD_KEY));
        coupons = new Coupons();
        guard = new PriceGuard(address(this), address(usdc), address(0), 0);
        breaker = new Breaker(address(this));
        pool = new InsurancePool(address(this), address(usdc));
        executor = new MirrorExecutor(address(this), pool, 100e6, 1000e6);
        venue = new UniswapV3Venue(address(this), market.factory());
        venue.list(address(usdc), address(weth), 3000);
        liquidator = new Liquidator(address(this), breaker, pool, guard);
        vm.warp(vm.getBlockTimestamp() + 1 hours);
        market.tell(3000e6);
        guard.setFeed(address(weth), address(market.feed()), 1 days, address(market.pool()), 1800, 300);
        breaker.setReporter(address(liquidator), true);
        pool.setClaimant(address(liquidator), true);
    }

    /// @notice A vault of the lead's, with 100,000 USDC of its own in it.
    function openVault(Terms memory terms, Limits memory limits) external {
        schedule = new FeeSchedule(terms, address(this));
        address[] memory tokens = new address[](1);
        tokens[0] = address(weth);
        vault = new StrategyVault(
            Config({
                asset: address(usdc),
                name: "Vault of a lead",
                symbol: "vLEAD",
                lead: lead,
                owner: address(this),
                executor: address(executor),
                liquidator: address(liquidator),
                guard: guard,
                breaker: breaker,
                venue: venue,
                pool: pool,
                coupons: coupons,
                feeRecipient: address(0xFEE),
                tokens: tokens,
                schedule: schedule,
                limits: limits
            })
        );
        pool.setBook(address(vault), true);
        liquidator.setBook(address(vault), true, true, 0);
        deposit(lead, 100_000e6);
    }

    function openDesk(uint256 subscription, uint256 feeBps, address operator) external {
        desk = new CopyDesk(
            CopyDesk.Parts({
                executor: executor,
                guard: guard,
                breaker: breaker,
                venue: venue,
                pool: pool,
                coupons: coupons,
                liquidator: address(liquidator),
                feeRecipient: address(0xFEE),
                subscription: subscription,
                feeBps: feeBps
            }),
            address(this)
        );
        desk.list(address(weth));
        desk.setOperator(operator, true);
        pool.setBook(address(desk), true);
    }

    /// @notice Mint and deposit, for oneself.
    function deposit(address who, uint256 assets) public returns (uint256 shares) {
        usdc.mint(who, assets);
        vm.prank(who);
        usdc.approve(address(vault), assets);
        vm.prank(who);
        return vault.deposit(assets, who);
    }

    /// @notice An order of the lead's for `book`, and its signature.
    function order(address book, bool opens, uint256 fraction)
        public
        returns (Instruction memory it, bytes memory signature)
    {
        (address from, address to) = opens ? (address(usdc), address(weth)) : (address(weth), address(usdc));
        it = Instruction(lead, book, from, to, fraction, 0, vm.getBlockTimestamp() + 1 days, ++nonce);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(LEAD_KEY, executor.digestOf(it));
        signature = abi.encodePacked(r, s, v);
    }
}
