// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IEntryPoint, IPaymaster, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";

/// @title Sponsor: a paymaster that pays for listed accounts within a budget a day
/// @notice The day is told by the user operation and held to by the entry point (its validity ends with the day), because validation
/// may not read the clock (ERC-7562). All that validation reads or writes is the sender's own entry.
contract Sponsor is IPaymaster, Ownable2Step {
    /// @param daily wei a day; zero: not sponsored
    /// @param spent wei on `day`, with what operations on their way may cost at most
    /// @param day days since 1970
    struct Budget {
        uint96 daily;
        uint96 spent;
        uint32 day;
    }

    /// @dev paymaster (20), verification gas (16), post-operation gas (16), then ours.
    uint256 private constant DATA = 52;
    uint256 private constant POST_GAS = 36;

    IEntryPoint public immutable ENTRY_POINT;

    mapping(address account => Budget) public budgets;

    event BudgetSet(address indexed account, uint96 daily);
    event Sponsored(address indexed account, uint32 indexed day, uint256 cost);

    error NotTheEntryPoint(address caller);
    /// @notice After the paymaster's fields there must be the day, four bytes, and nothing else.
    error NoDay(uint256 length);
    error PastDay(uint256 day);
    error OverBudget(address account, uint256 left, uint256 asked);

    modifier onlyEntryPoint() {
        if (msg.sender != address(ENTRY_POINT)) revert NotTheEntryPoint(msg.sender);
        _;
    }

    constructor(IEntryPoint entryPoint, address owner_) Ownable(owner_) {
        ENTRY_POINT = entryPoint;
    }

    /// @inheritdoc IPaymaster
    function validatePaymasterUserOp(PackedUserOperation calldata op, bytes32, uint256 maxCost)
        external
        onlyEntryPoint
        returns (bytes memory context, uint256 validationData)
    {
        bytes calldata told = op.paymasterAndData;
        if (told.length != DATA + 4) revert NoDay(told.length);
        uint32 day = uint32(bytes4(told[DATA:]));
        Budget memory b = budgets[op.sender];
        if (day < b.day) revert PastDay(day);
        uint256 spent = day == b.day ? b.spent : 0;
        uint256 left = spent < b.daily ? b.daily - spent : 0;
        if (maxCost > left) revert OverBudget(op.sender, left, maxCost);
        (budgets[op.sender].spent, budgets[op.sender].day) = (uint96(spent + maxCost), day);
        uint256 postGas = uint128(bytes16(told[POST_GAS:DATA]));
        context = abi.encode(op.sender, day, maxCost, postGas);
        // From the day's first second (the entry point wants one later than `validAfter`) to its last.
        uint256 begins = uint256(day) * 1 days;
        validationData = (begins + 1 days - 1) << 160 | (begins == 0 ? 0 : begins - 1) << 208;
    }

    /// @inheritdoc IPaymaster
    /// @dev Gives the budget back what was not used. The gas of this call is not in `cost` yet: its limit is counted instead.
    function postOp(PostOpMode, bytes calldata context, uint256 cost, uint256 feePerGas) external onlyEntryPoint {
        (address account, uint32 day, uint256 maxCost, uint256 postGas) =
            abi.decode(context, (address, uint32, uint256, uint256));
        cost += postGas * feePerGas;
        Budget storage b = budgets[account];
        if (cost < maxCost && b.day == day) b.spent -= uint96(maxCost - cost);
        emit Sponsored(account, day, cost);
    }

    /// @notice Sponsor `account` with up to `daily` wei a day; zero ends it.
    function setBudget(address account, uint96 daily) external onlyOwner {
        budgets[account].daily = daily;
        emit BudgetSet(account, daily);
    }

    /// @notice Add coins for gas. Anybody may.
    function deposit() external payable {
        ENTRY_POINT.depositTo{value: msg.value}(address(this));
    }

    function withdraw(address payable to, uint256 amount) external onlyOwner {
        ENTRY_POINT.withdrawTo(to, amount);
    }

    /// @notice Bundlers want a stake of who writes storage in validation.
    function addStake(uint32 unstakeDelaySec) external payable onlyOwner {
        ENTRY_POINT.addStake{value: msg.value}(unstakeDelaySec);
    }

    function unlockStake() external onlyOwner {
        ENTRY_POINT.unlockStake();
    }

    function withdrawStake(address payable to) external onlyOwner {
        ENTRY_POINT.withdrawStake(to);
    }
}
