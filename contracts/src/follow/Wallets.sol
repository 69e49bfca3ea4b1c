// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";

import {WalletProxy} from "./WalletProxy.sol";

/// @title Wallets: where each follower's money is, known before it is there
/// @notice A wallet's address follows from the follower and the lead, so it can be funded before it exists; anybody may open it.
abstract contract Wallets {
    /// @notice The code that every wallet runs.
    address public immutable WALLET_CODE = address(new WalletProxy());

    event Opened(address indexed follower, address indexed lead, address wallet);

    /// @notice The wallet of `follower` behind `lead`, open or not.
    function walletOf(address follower, address lead) public view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(WALLET_CODE, abi.encode(follower, lead), 0);
    }

    /// @notice Create wallets where there are none yet; the others are left alone.
    function open(address[] calldata followers, address lead) external {
        for (uint256 i; i < followers.length; ++i) {
            if (walletOf(followers[i], lead).code.length != 0) continue;
            address wallet =
                Clones.cloneDeterministicWithImmutableArgs(WALLET_CODE, abi.encode(followers[i], lead), 0);
            emit Opened(followers[i], lead, wallet);
        }
    }

    /// @dev Whose `wallet` it says it is, zeros where nothing stands. Only its rules prove it: those are kept under the derived
    /// address alone.
    function _parties(address wallet) internal view returns (address follower, address lead) {
        assembly ("memory-safe") {
            // The two words after the 45 bytes of an EIP-1167 clone.
            extcodecopy(wallet, 0, 0x2d, 0x40)
            follower := shr(96, shl(96, mload(0)))
            lead := shr(96, shl(96, mload(0x20)))
        }
    }
}
