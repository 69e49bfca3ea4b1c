// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title NonceBitmap: each lead's numbers, each usable once, in any order
/// @notice A nonce is a bit: `nonce & 255` of the word `nonce >> 8`. Consecutive numbers share a word, which makes them cheap.
abstract contract NonceBitmap {
    /// @notice Bits of the numbers that a lead has used or invalidated.
    mapping(address lead => mapping(uint256 word => uint256 bits)) public nonceBits;

    /// @notice The lead made these numbers unusable, whatever was signed with them.
    event Invalidated(address indexed lead, uint256 indexed word, uint256 mask);

    /// @notice The lead has used this number, or made it unusable.
    error NonceUsed(address lead, uint256 nonce);

    /// @notice Make up to 256 of the caller's numbers unusable, at once: the way to take back what was signed and not yet carried out.
    function invalidate(uint256 word, uint256 mask) external {
        nonceBits[msg.sender][word] |= mask;
        emit Invalidated(msg.sender, word, mask);
    }

    function _requireUnused(address lead, uint256 nonce) internal view {
        if (nonceBits[lead][nonce >> 8] & (1 << (nonce & 255)) != 0) revert NonceUsed(lead, nonce);
    }

    function _use(address lead, uint256 nonce) internal {
        uint256 bit = 1 << (nonce & 255);
        uint256 bits = nonceBits[lead][nonce >> 8];
        if (bits & bit != 0) revert NonceUsed(lead, nonce);
        nonceBits[lead][nonce >> 8] = bits | bit;
    }
}
