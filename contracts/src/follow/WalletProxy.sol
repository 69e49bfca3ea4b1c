// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {WAD} from "../types/Wad.sol";

/// @title WalletProxy: one follower's own money behind one lead
/// @notice The follower owns it and does with it whatever it likes, at any time, without anybody's leave. The desk can do one thing:
/// take a token to trade it, and the desk's code does that only within the mandate that the follower signed.
/// @dev Stands once; wallets are EIP-1167 clones whose code ends with (follower, lead). No storage, no owner to change, no upgrade.
contract WalletProxy {
    /// @notice The only contract that may pull.
    address public immutable DESK;

    /// @notice Not the follower's, or not the desk's, to call.
    error NotYours(address caller);
    /// @notice What the follower called failed without a reason.
    error CallFailed(address target);

    constructor() {
        DESK = msg.sender;
    }

    /// @notice Whose wallet this is, and behind which lead.
    function parties() public view returns (address follower, address lead) {
        return abi.decode(Clones.fetchCloneArgs(address(this)), (address, address));
    }

    /// @notice Call anything with the wallet's money: withdraw, trade, approve. For the follower alone.
    function execute(address target, uint256 value, bytes calldata data) external payable returns (bytes memory answer) {
        (address follower,) = parties();
        if (msg.sender != follower) revert NotYours(msg.sender);
        bool done;
        (done, answer) = target.call{value: value}(data);
        if (!done) {
            if (answer.length == 0) revert CallFailed(target);
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice Give the desk `share` (of 1e18) of the wallet's `token`, but at most `amountMax`. For the desk alone.
    /// @return amount base units given, rounded down; nothing is moved when it is zero
    function pull(address token, uint256 share, uint256 amountMax) external returns (uint256 amount) {
        if (msg.sender != DESK) revert NotYours(msg.sender);
        amount = IERC20(token).balanceOf(address(this)) * share / WAD;
        if (amount > amountMax) amount = amountMax;
        if (amount != 0) SafeERC20.safeTransfer(IERC20(token), msg.sender, amount);
    }

    receive() external payable {}
}
