// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IBreaker} from "../types/IBreaker.sol";
import {ICoupons} from "../types/ICoupons.sol";
import {IInsurancePool} from "../types/IInsurancePool.sol";
import {IPriceGuard} from "../types/IPriceGuard.sol";
import {ISwapVenue} from "../types/ISwapVenue.sol";
import {IExecutor, Instruction} from "../types/Instruction.sol";
import {BPS, WAD} from "../types/Wad.sol";
import {Standing} from "./Standing.sol";

/// @title CopyDesk: copies for followers who keep their money in wallets of their own
/// @notice Holds the mandates and carries out batches within them. Everything that it works with is fixed when it is made; the owner
/// (the timelock) lists tokens and names operators, and can touch no wallet.
contract CopyDesk is Standing, Ownable2Step {
    /// @param subscription base units of the asset a month
    /// @param feeBps performance fee, 500 to 1,500
    struct Parts {
        IExecutor executor;
        IPriceGuard guard;
        IBreaker breaker;
        ISwapVenue venue;
        IInsurancePool pool;
        ICoupons coupons;
        address liquidator;
        address feeRecipient;
        uint256 subscription;
        uint256 feeBps;
    }

    /// @notice Who may send batches.
    mapping(address => bool) public operators;

    event OperatorSet(address indexed operator, bool may);
    event Listed(address indexed token, uint256 place);

    error NotAnOperator(address caller);
    error FeeOutOfSteps(uint256 feeBps);
    error OtherAsset(address asset);

    constructor(Parts memory p, address owner_) EIP712("Pilotfish CopyDesk", "1") Ownable(owner_) {
        (EXECUTOR, GUARD, BREAKER, VENUE) = (p.executor, p.guard, p.breaker, p.venue);
        (POOL, COUPONS, LIQUIDATOR, FEE_RECIPIENT) = (p.pool, p.coupons, p.liquidator, p.feeRecipient);
        ASSET = IERC20(p.guard.quote());
        if (p.pool.asset() != address(ASSET)) revert OtherAsset(p.pool.asset());
        if (p.feeBps < 500 || p.feeBps > 1_500) revert FeeOutOfSteps(p.feeBps);
        (FEE_BPS, SUBSCRIPTION) = (p.feeBps, p.subscription);
        uint256 decimals = IERC20Metadata(address(ASSET)).decimals();
        GRAIN = decimals > 6 ? 10 ** (decimals - 6) : 1;
    }

    /// @notice Carry out the lead's instruction for `wallets` in one swap. For operators.
    /// @param signature the lead's or its agent's; the executor checks it
    /// @param wallets their addresses, 20 bytes each, without gaps
    /// @param slippageBps against the checked price; wallets whose mandates allow less are left out
    /// @param route for the swap venue
    function copy(
        Instruction calldata instruction,
        bytes calldata signature,
        bytes calldata wallets,
        uint256 slippageBps,
        bytes calldata route
    ) external nonReentrant returns (uint256 amountIn, uint256 amountOut) {
        if (!operators[msg.sender]) revert NotAnOperator(msg.sender);
        Order memory o = _order(instruction, slippageBps);
        o.digest = EXECUTOR.check(instruction, signature);
        if (o.opens) BREAKER.requireOpen(address(this));
        return _copy(o, instruction.limit, wallets, route);
    }

    /// @notice Trade another token. It cannot be taken back: a mandate's bits mean the same for good.
    function list(address token) external onlyOwner {
        _list(token);
        emit Listed(token, place[token]);
    }

    function setOperator(address operator, bool may) external onlyOwner {
        operators[operator] = may;
        emit OperatorSet(operator, may);
    }

    function _order(Instruction calldata i, uint256 slippageBps) private view returns (Order memory o) {
        if (i.book != address(this)) revert OtherBook(i.book);
        if (i.fraction == 0 || i.fraction > WAD) revert BadFraction(i.fraction);
        if (i.nonce == 0 || i.nonce > type(uint64).max) revert BadNonce(i.nonce);
        if (slippageBps >= BPS) revert BadSlippage(slippageBps);
        (o.lead, o.tokenIn, o.tokenOut) = (i.lead, i.tokenIn, i.tokenOut);
        (o.fraction, o.nonce, o.slippageBps) = (i.fraction, uint64(i.nonce), slippageBps);
        o.opens = i.tokenIn == address(ASSET);
        address traded = o.opens ? i.tokenOut : i.tokenIn;
        if (place[traded] == 0 || !(o.opens || i.tokenOut == address(ASSET))) revert NotAPair(i.tokenIn, i.tokenOut);
        o.bit = _bit(traded);
    }
}
